import { type L7Request, LIMITS, type Outcome } from '@sekisho/core'
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

/** What a person calls a request, as in `GET api.shop/orders` or `select orders`: no headers, queries or keys. */
export type RequestName = string
const NAME_CHARACTERS = 200

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
    const name = nameOf(request)
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

const nameOf = (request: L7Request): RequestName => wordsOf(request).slice(0, NAME_CHARACTERS)

function wordsOf(request: L7Request): string {
  switch (request.kind) {
    case 'http':
      return `${request.method} ${request.host}${request.path}`
    case 'grpc':
      return `${request.service}/${request.method}`
    case 'dns':
      return `${request.type} ${request.name}`
    case 'tls':
      return request.sni ?? ''
    case 'sql':
      return `${request.statement} ${request.tables.join(',')}`
    case 'redis':
      return request.command
    case 'kafka':
      return `${request.api} ${request.topics.join(',')}`
    case 'mongodb':
      return `${request.operation} ${request.database}.${request.collection ?? ''}`
  }
}
