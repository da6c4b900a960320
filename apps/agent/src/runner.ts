import { Backoff, type Timers } from '@sekisho/core'

export interface RunnerOptions {
  readonly timers: Timers
  /** One run; what was triggered while it ran is done by one more. */
  run(): Promise<void>
  /** A run failed; it is repeated by itself, more and more slowly. */
  onError(error: unknown): void
  /** Least time from the start of one run to the next: a burst becomes one run. */
  readonly intervalMs: number
}

/**
 * Runs one thing at a time, at most one waiting, however often it is triggered: whatever the burst, there is
 * no queue that could grow.
 */
export class Runner implements AsyncDisposable {
  readonly #options: RunnerOptions
  readonly #backoff = new Backoff({ firstMs: 100, mostMs: 5_000, random: Math.random })
  #wanted = false
  #running: Promise<void> | undefined
  #timer: Disposable | undefined
  #startedAt = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  trigger(): void {
    this.#wanted = true
    if (this.#running || this.#timer || this.#closed) return
    const { timers, intervalMs } = this.#options
    this.#schedule(Math.max(0, this.#startedAt + intervalMs - timers.monotonic()))
  }

  #schedule(ms: number): void {
    const start = () => {
      this.#timer = undefined
      this.#start()
    }
    if (ms === 0) start()
    else this.#timer = this.#options.timers.after(ms, start)
  }

  #start(): void {
    this.#wanted = false
    this.#startedAt = this.#options.timers.monotonic()
    this.#running = this.#attempt().then(wait => {
      this.#running = undefined
      if (this.#closed) return
      if (wait !== undefined) this.#schedule(wait)
      else if (this.#wanted) this.trigger()
    })
  }

  /** @returns how long to wait before the next attempt; undefined after success. */
  async #attempt(): Promise<number | undefined> {
    try {
      await this.#options.run()
      this.#backoff.succeeded()
      return undefined
    } catch (error) {
      this.#options.onError(error)
      return this.#backoff.next()
    }
  }

  /** Resolves when nothing runs or waits to run. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  /** Finishes the run under way; nothing starts after it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#timer?.[Symbol.dispose]()
    await this.idle()
  }
}
