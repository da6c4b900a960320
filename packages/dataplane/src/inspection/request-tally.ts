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

/** Of one conversation so many requests are known by their own words; a client that varies them pays for their names. */
const WORDS_PER_CONVERSATION = 64

/**
 * Requests by name, at most so many kinds between two reports; what is beyond is counted without a name. Told one by
 * one, a busy service's requests would cost more than their inspection, and so would their names: what a conversation
 * asks again is known by its words.
 */
export class RequestTally {
  #counted = new Map<string, CountedRequests>()
  #byWords = new WeakMap<ConversationEnds, Map<string, CountedRequests>>()
  #unnamed = 0

  get isEmpty(): boolean {
    return this.#counted.size === 0
  }

  add(ends: ConversationEnds, request: L7Request, answer: ResidualAnswer): void {
    const outcome = outcomeOf(answer)
    const words = wordsOf(request)
    const known = words === undefined ? undefined : this.#byWords.get(ends)?.get(words)
    if (known?.outcome === outcome) {
      known.count++
      return
    }
    const counted = this.#named({ ends, request: requestName(request), outcome, answer })
    if (words !== undefined && counted) this.#remember(ends, words, counted)
  }

  /** @returns what counts it now; undefined where there is no room for its name. */
  #named(of: Omit<CountedRequests, 'count'>): CountedRequests | undefined {
    const { client, server, port } = of.ends
    const key = `${client} ${server} ${port} ${of.outcome} ${of.request}`
    const known = this.#counted.get(key)
    if (known) {
      known.count++
      return known
    }
    if (this.#counted.size >= LIMITS.noticesPerReport.value) {
      this.#unnamed++
      return undefined
    }
    const counted = { ...of, count: 1 }
    this.#counted.set(key, counted)
    return counted
  }

  #remember(ends: ConversationEnds, words: string, counted: CountedRequests): void {
    const known = this.#byWords.get(ends)
    if (!known) this.#byWords.set(ends, new Map([[words, counted]]))
    else if (known.size < WORDS_PER_CONVERSATION) known.set(words, counted)
  }

  /** Everything since the last call. */
  take(): { readonly requests: readonly CountedRequests[]; readonly unnamed: number } {
    const taken = { requests: [...this.#counted.values()], unnamed: this.#unnamed }
    this.#counted = new Map()
    this.#byWords = new WeakMap()
    this.#unnamed = 0
    return taken
  }
}

/** What tells it from others at least as well as its name does; only where the name is costly. */
const wordsOf = (request: L7Request): string | undefined =>
  request.kind === 'http' ? `${request.method} ${request.host}${request.path}` : undefined

const outcomeOf = ({ enforced, audited }: ResidualAnswer): Outcome =>
  enforced.verdict !== 'allow' ? 'denied' : audited.verdict !== 'allow' ? 'audited' : 'allowed'
