/** A flow as the table sees it. */
export interface TableFlow {
  /** It was asked for since it was last looked at for removal. */
  isRecent: boolean
}

/** Old flows that were used lately and get another turn, before one is removed all the same. */
const SECOND_CHANCES = 16

/**
 * Flows by their key, at most so many. Those whose other side has answered have a half of their own, so that a flood of
 * openings pushes out other openings and never a conversation. In each half the one goes that was not used for longest,
 * as nearly as a clock tells (second chance): a packet costs a look-up and a mark.
 */
export class FlowTable<F extends TableFlow> {
  readonly #limit: number
  readonly #onRemoved: (flow: F) => void
  readonly #asked = new Map<string, F>()
  readonly #answered = new Map<string, F>()
  #evicted = 0

  constructor(limit: number, onRemoved: (flow: F) => void) {
    this.#limit = Math.max(1, Math.floor(limit / 2))
    this.#onRemoved = onRemoved
  }

  get size(): number {
    return this.#asked.size + this.#answered.size
  }
  /** Flows that had to go for others. */
  get evicted(): number {
    return this.#evicted
  }

  get(key: string): F | undefined {
    const flow = this.#answered.get(key) ?? this.#asked.get(key)
    if (flow) flow.isRecent = true
    return flow
  }

  /** A new flow, in place of one with the same key. */
  add(key: string, flow: F): void {
    this.delete(key)
    this.#put(this.#asked, key, flow)
  }

  /** The other side of it has spoken. */
  answer(key: string): void {
    const flow = this.#asked.get(key)
    if (!flow) return
    this.#asked.delete(key)
    this.#put(this.#answered, key, flow)
  }

  delete(key: string): void {
    const flow = this.#answered.get(key) ?? this.#asked.get(key)
    if (!flow) return
    this.#answered.delete(key)
    this.#asked.delete(key)
    this.#onRemoved(flow)
  }

  #put(half: Map<string, F>, key: string, flow: F): void {
    if (half.size >= this.#limit) this.#evict(half)
    half.set(key, flow)
  }

  #evict(half: Map<string, F>): void {
    for (let chance = 0; ; chance++) {
      const [oldest] = half
      if (!oldest) return
      const [key, flow] = oldest
      half.delete(key)
      if (!flow.isRecent || chance >= SECOND_CHANCES) {
        this.#evicted++
        this.#onRemoved(flow)
        return
      }
      flow.isRecent = false
      half.set(key, flow)
    }
  }
}
