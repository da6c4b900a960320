import { LIMITS } from '@sekisho/core'
import type { Told } from './inspection.protocol.ts'
import { type CountedRequests, RequestTally } from './request-tally.ts'

export interface Report {
  readonly told: readonly Told[]
  readonly requests: readonly CountedRequests[]
  /** Notices and names of requests that were not kept, because there were too many or nobody read them in time. */
  readonly lost: number
}

const GATHER_MS = 200
const UNHEARD_MAX = 4

/** Gathers what is to be told, so that the main thread is woken for many notices at once, and never flooded. */
export class Reporter {
  readonly requests = new RequestTally()
  readonly #send: (report: Report) => void
  readonly #now: () => number
  #told: Told[] = []
  #lost = 0
  #unheard = 0
  #sentAt: number

  /** @param now milliseconds of a clock that does not jump. */
  constructor(send: (report: Report) => void, now: () => number) {
    this.#send = send
    this.#now = now
    this.#sentAt = now()
  }

  tell(told: Told): void {
    if (this.#told.length < LIMITS.noticesPerReport.value) this.#told.push(told)
    else this.#lost++
  }

  /** A report was read. */
  heard(): void {
    this.#unheard--
  }

  /** Milliseconds until something is due; undefined where nothing is. */
  get dueIn(): number | undefined {
    const isEmpty = this.#told.length === 0 && this.requests.isEmpty
    if (isEmpty || this.#unheard >= UNHEARD_MAX) return undefined
    return Math.max(0, Math.ceil(this.#sentAt + GATHER_MS - this.#now()))
  }

  /** Sends what is due. */
  flush(): void {
    if (this.dueIn !== 0) return
    const { requests, unnamed } = this.requests.take()
    this.#send({ told: this.#told, requests, lost: this.#lost + unnamed })
    this.#unheard++
    this.#sentAt = this.#now()
    this.#told = []
    this.#lost = 0
  }
}
