import { type L7Request, LIMITS, type Outcome, requestName } from '@sekisho/core'
import type { ResidualAnswer } from '@sekisho/policy'
import type { ConversationEnds } from './inspector.ts'

/** Equal requests between the same ends with the same outcome, since the last report. */
export interface CountedRequests {
  /** Of one of the conversations. */
  readonly ends: ConversationEnds
  readonly request: RequestName
  readonly outcome: Outcome
  readonly answer: ResidualAnswer
  count: number
}

/** See `requestName` of core. */
export type RequestName = string

/**
 * Requests by name, at most so many kinds between two reports; what is beyond is counted without a name. Told one by
 * one, a busy service's requests would cost more than their inspection.
 */
export class RequestTally {
  #counted = new Map<string, CountedRequests>()
  #unnamed = 0

  get isEmpty(): boolean {
    return this.#counted.size === 0
  }

  add(ends: ConversationEnds, request: L7Request, answer: ResidualAnswer): void {
    const name = requestName(request)
    const outcome = outcomeOf(answer)
    const key = `${ends.client} ${ends.server} ${ends.port} ${outcome} ${name}`
    const known = this.#counted.get(key)
    if (known) known.count++
    else if (this.#counted.size < LIMITS.noticesPerReport.value) {
      this.#counted.set(key, { ends, request: name, outcome, answer, count: 1 })
    } else this.#unnamed++
  }

  /** Everything since the last call. */
  take(): { readonly requests: readonly CountedRequests[]; readonly unnamed: number } {
    const taken = { requests: [...this.#counted.values()], unnamed: this.#unnamed }
    this.#counted = new Map()
    this.#unnamed = 0
    return taken
  }
}

const outcomeOf = ({ enforced, audited }: ResidualAnswer): Outcome =>
  enforced.verdict !== 'allow' ? 'denied' : audited.verdict !== 'allow' ? 'audited' : 'allowed'
