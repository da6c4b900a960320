import { type FlowDetail, isFlowDetail, LIMITS } from '@sekisho/core'
import type { Told } from './inspection.protocol.ts'
import { type CountedRequests, RequestTally } from './request-tally.ts'
import { termsKey } from './terms-cache.ts'

export interface Report {
  readonly told: readonly Told[]
  readonly requests: readonly CountedRequests[]
  /** Notices and names of requests that were not kept, because there were too many or nobody read them in time. */
  readonly lost: number
}

type Detailed = Extract<Told['notice'], { readonly kind: 'detail' }>

const GATHER_MS = 200
const UNHEARD_MAX = 4

/** Gathers what is to be told, so that the main thread is woken for many notices at once, and never flooded. */
export class Reporter {
  readonly requests = new RequestTally()
  readonly #send: (report: Report) => void
  readonly #now: () => number
  #told: Told[] = []
  /** What is said in this report to be spoken between which ends: many conversations between the same speak alike. */
  readonly #spoken = new Map<string, Told['notice']>()
  /** Likewise of what is said in them besides. */
  readonly #details = new Set<string>()
  #lost = 0
  #unheard = 0
  #sentAt: number

  /** @param now milliseconds of a clock that does not jump. */
  constructor(send: (report: Report) => void, now: () => number) {
    this.#send = send
    this.#now = now
    this.#sentAt = now()
  }

  /** @param details said beside it; who says the same notice again says them again. */
  tell(told: Told, details: readonly FlowDetail[] = []): void {
    const { ends, notice } = told
    if (notice.kind === 'detail') this.#detail(told, notice)
    else if (notice.kind === 'identified' || notice.kind === 'unknown') {
      const key = termsKey(ends)
      const last = this.#spoken.get(key)
      if (last === notice) return
      if (!last || spoken(last) !== spoken(notice)) this.#push(told)
      this.#spoken.set(key, notice)
      for (const said of details) this.tell({ ends, notice: { kind: 'detail', ...said } })
    } else this.#push(told)
  }

  #push(told: Told): void {
    if (this.#isFull) this.#lost++
    else this.#told.push(told)
  }

  /** At most half of what is told: who varies what he says must not keep his denials from being told. */
  #detail(told: Told, { detail, value }: Detailed): void {
    if (!isFlowDetail(detail)) return
    const key = `${termsKey(told.ends)} ${detail} ${value}`
    if (this.#details.has(key)) return
    if (this.#isFull || this.#details.size >= LIMITS.noticesPerReport.value / 2) this.#lost++
    else {
      this.#details.add(key)
      this.#told.push(told)
    }
  }

  get #isFull(): boolean {
    return this.#told.length >= LIMITS.noticesPerReport.value
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
    this.#spoken.clear()
    this.#details.clear()
    this.#lost = 0
  }
}

const spoken = (notice: Told['notice']): string =>
  notice.kind === 'identified' ? `${notice.application} ${notice.confidence}` : notice.kind
