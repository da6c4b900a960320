import type { EpochMs, Timers } from '@sekisho/core'

/** Time that stands still until it is told to pass. */
export class ManualTimers implements Timers {
  #now = 1_700_000_000_000
  readonly #waiting = new Set<{ readonly at: number; readonly run: () => void }>()

  now(): EpochMs {
    return this.#now as EpochMs
  }
  monotonic(): number {
    return this.#now
  }
  after(ms: number, run: () => void): Disposable {
    const entry = { at: this.#now + ms, run }
    this.#waiting.add(entry)
    return { [Symbol.dispose]: () => void this.#waiting.delete(entry) }
  }
  /** How long the shortest wait is; undefined while nobody waits. */
  get next(): number | undefined {
    const ends = [...this.#waiting].map(({ at }) => at - this.#now)
    return ends.length > 0 ? Math.min(...ends) : undefined
  }
  /** Time passes, and nothing runs: as for a process that was stopped. */
  stand(ms: number): void {
    this.#now += ms
  }
  pass(ms: number): void {
    this.stand(ms)
    for (const entry of [...this.#waiting].filter(({ at }) => at <= this.#now)) {
      this.#waiting.delete(entry)
      entry.run()
    }
  }
}
