import type { ClusterWatch } from './watch.ts'

/** What comes within so long is one transaction: a rollout changes hundreds of pods at once. */
const GATHER_MS = 50
/** After a quiet time nobody waits longer than events that were sent together take to arrive. */
const SOON_MS = 2
const AGAIN_MS = 1_000

export interface GatheringOptions {
  readonly watch: {
    readonly timers: Pick<ClusterWatch['timers'], 'monotonic' | 'after'>
    readonly onTrouble: ClusterWatch['onTrouble']
  }
  /** What people are told where it cannot be written. */
  readonly trouble: string
  /** @returns whether there is more of what was gathered than was written now. */
  readonly write: () => boolean
}

/**
 * Writes what mirrors gather: a change by itself at once, the many of a rollout together. More of them than the main thread
 * should do in one go are written in portions, with a turn of the event loop for everything else between two: a server that
 * read 100,000 pods at once would be taken for dead, and lose its lease. What could not be written is kept, and tried again
 * with what comes until then.
 */
export class Gathering implements Disposable {
  readonly #options: GatheringOptions
  #waiting: Disposable | undefined
  #written = Number.NEGATIVE_INFINITY

  constructor(options: GatheringOptions) {
    this.#options = options
  }

  /** Something is gathered that is not written yet. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined
  }

  /** There is something to write. */
  ask(): void {
    const { timers } = this.#options.watch
    this.#wait(Math.max(SOON_MS, this.#written + GATHER_MS - timers.monotonic()))
  }

  [Symbol.dispose](): void {
    this.#waiting?.[Symbol.dispose]()
    this.#waiting = undefined
  }

  #wait(ms: number): void {
    const { timers } = this.#options.watch
    this.#waiting ??= timers.after(ms, () => {
      this.#waiting = undefined
      this.#write()
      this.#written = timers.monotonic()
    })
  }

  #write(): void {
    const { watch, trouble, write } = this.#options
    try {
      const isMore = write()
      watch.onTrouble(trouble, undefined)
      if (isMore) this.#wait(0)
    } catch (error) {
      watch.onTrouble(trouble, error)
      this.#wait(AGAIN_MS)
    }
  }
}
