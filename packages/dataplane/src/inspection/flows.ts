/** A flow that may be silent for long and then go on, such as a connection that a pool keeps, `mayPause`. */
export interface Followed extends Disposable {
  readonly mayPause: boolean
}

/** So many periods are one of those that may pause. */
const LONG = 60

/**
 * Flows by key, at most so many; those that nothing was heard of for one to two periods are forgotten, and those that may
 * pause after one to two long ones. Generations instead of a clock per flow: what is asked for in a period moves to the
 * youngest, and each goes on to the next one whole.
 */
export class Flows<T extends Followed> {
  readonly #limit: number
  #young = new Map<string, T>()
  #old = new Map<string, T>()
  #paused = new Map<string, T>()
  #longPaused = new Map<string, T>()
  #periods = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#generations().reduce((sum, flows) => sum + flows.size, 0)
  }

  #generations(): readonly Map<string, T>[] {
    return [this.#young, this.#old, this.#paused, this.#longPaused]
  }

  get(key: string): T | undefined {
    return this.#young.get(key) ?? this.#older(key)
  }

  #older(key: string): T | undefined {
    for (const flows of [this.#old, this.#paused, this.#longPaused]) {
      const flow = flows.get(key)
      if (!flow) continue
      flows.delete(key)
      this.#young.set(key, flow)
      return flow
    }
    return undefined
  }

  /** @returns false when there is no room, even after the longest silent flow was let go. */
  add(key: string, flow: T): boolean {
    if (this.#isFull() && !this.#evict()) return false
    this.#young.set(key, flow)
    return true
  }

  #isFull(): boolean {
    return this.#young.size + this.#old.size + this.#paused.size + this.#longPaused.size >= this.#limit
  }

  /** Only flows that were silent for a period give way: a flood of new ones must not push out those that speak. */
  #evict(): boolean {
    for (const flows of [this.#longPaused, this.#paused, this.#old]) {
      const [oldest] = flows
      if (!oldest) continue
      this.delete(oldest[0])
      return true
    }
    return false
  }

  delete(key: string): void {
    for (const flows of this.#generations()) {
      const flow = flows.get(key)
      if (!flow) continue
      flows.delete(key)
      flow[Symbol.dispose]()
      return
    }
  }

  *values(): IterableIterator<T> {
    for (const flows of this.#generations()) yield* flows.values()
  }

  /** The end of a period: what was silent for all of it, and in the one before, is forgotten, or paused. */
  age(): void {
    const gone = this.#old
    this.#old = this.#young
    this.#young = new Map()
    if (++this.#periods % LONG === 0) this.#ageLong()
    for (const [key, flow] of gone) {
      if (flow.mayPause) this.#paused.set(key, flow)
      else flow[Symbol.dispose]()
    }
  }

  #ageLong(): void {
    const gone = this.#longPaused
    this.#longPaused = this.#paused
    this.#paused = new Map()
    for (const flow of gone.values()) flow[Symbol.dispose]()
  }
}
