/**
 * Flows by key, at most so many; those that nothing was heard of for one to two periods are forgotten. Two generations
 * instead of a clock per flow: what is asked for in a period moves to the young one, and the old one is let go whole.
 */
export class Flows<T extends Disposable> {
  readonly #limit: number
  #young = new Map<string, T>()
  #old = new Map<string, T>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(key: string): T | undefined {
    const young = this.#young.get(key)
    if (young) return young
    const old = this.#old.get(key)
    if (!old) return undefined
    this.#old.delete(key)
    this.#young.set(key, old)
    return old
  }

  /** @returns false when there is no room, even after the longest silent flow was let go. */
  add(key: string, flow: T): boolean {
    if (this.size >= this.#limit && !this.#evict()) return false
    this.#young.set(key, flow)
    return true
  }

  /** Only flows that were silent for a period give way: a flood of new ones must not push out those that speak. */
  #evict(): boolean {
    const [oldest] = this.#old
    if (!oldest) return false
    this.delete(oldest[0])
    return true
  }

  delete(key: string): void {
    for (const flows of [this.#young, this.#old]) {
      flows.get(key)?.[Symbol.dispose]()
      flows.delete(key)
    }
  }

  *values(): IterableIterator<T> {
    yield* this.#young.values()
    yield* this.#old.values()
  }

  /** The end of a period: what was silent for all of it, and in the one before, is forgotten. */
  age(): void {
    const gone = this.#old
    this.#old = this.#young
    this.#young = new Map()
    for (const flow of gone.values()) flow[Symbol.dispose]()
  }
}
