import type { EpochMs, Timers } from '@sekisho/core'

/** Time that stands still until it is told to pass. */
export class FakeTimers implements Timers {
  #now = 1_000_000
  #waiting: { readonly at: number; readonly fn: () => void }[] = []

  now(): EpochMs {
    return this.#now as EpochMs
  }
  monotonic(): number {
    return this.#now
  }
  after(ms: number, fn: () => void): Disposable {
    const entry = { at: this.#now + ms, fn }
    this.#waiting.push(entry)
    return {
      [Symbol.dispose]: () => {
        this.#waiting = this.#waiting.filter(each => each !== entry)
      },
    }
  }
  get pending(): number {
    return this.#waiting.length
  }

  /** Lets time pass, timer by timer, and what each of them starts run on. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (;;) {
      const next = this.#waiting.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#waiting = this.#waiting.filter(each => each !== next)
      this.#now = next.at
      next.fn()
      await settle()
    }
    this.#now = end
  }
}

/** Runs everything that waits for promises only. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}
