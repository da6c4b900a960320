import type { Timers } from '@sekisho/core'

/** What comes within so long is one transaction: a rollout changes hundreds of pods at once. */
const GATHER_MS = 50
/** After a quiet time nobody waits longer than events that were sent together take to arrive. */
const SOON_MS = 2
const AGAIN_MS = 1_000

/**
 * Writes what mirrors gather: a change by itself at once, the many of a rollout together. More of them than the main thread
 * should do in one go are written in portions, with a turn of the event loop for everything else between two: a server that
 * read 100,000 pods at once would be taken for dead, and lose its lease.
 */
export class Gathering implements Disposable {
  readonly #timers: Pick<Timers, 'monotonic' | 'after'>
  readonly #write: () => void
  #waiting: Disposable | undefined
  #written = Number.NEGATIVE_INFINITY

  constructor(timers: Pick<Timers, 'monotonic' | 'after'>, write: () => void) {
    this.#timers = timers
    this.#write = write
  }

  /** Something is gathered that is not written yet. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined
  }

  /** There is something to write. */
  ask(): void {
    this.#wait(Math.max(SOON_MS, this.#written + GATHER_MS - this.#timers.monotonic()))
  }

  /** There is more of what was gathered than was written now. */
  goOn(): void {
    this.#wait(0)
  }

  /** It could not be written: it is kept, and tried again with what comes until then. */
  askAgain(): void {
    this.#wait(AGAIN_MS)
  }

  [Symbol.dispose](): void {
    this.#waiting?.[Symbol.dispose]()
    this.#waiting = undefined
  }

  #wait(ms: number): void {
    this.#waiting ??= this.#timers.after(ms, () => {
      this.#waiting = undefined
      this.#write()
      this.#written = this.#timers.monotonic()
    })
  }
}
