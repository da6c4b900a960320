import { type L7Request, LIMITS, type Outcome, requestName } from '@sekisho/core'
import type { ResidualAnswer } from '@sekisho/policy'
import { outcomeOf } from '@sekisho/policy/enforcement'
import type { ConversationEnds } from './inspector.ts'
import type { Judged } from './watch.ts'

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

type JudgedRequest = Omit<Judged, 'kind'>

/** What a conversation has asked. */
interface Asked {
  readonly byWords: Map<string, CountedRequests>
  /** If it is kept: that it is asked again is known by the object. */
  last?: { readonly judged: JudgedRequest; readonly counted: CountedRequests } | undefined
}

/**
 * Requests by name, at most so many kinds between two reports; what is beyond is counted without a name. Told one by
 * one, a busy service's requests would cost more than their inspection, and so would their names: what a conversation
 * asks again is known by its words.
 */
export class RequestTally {
  #counted = new Map<string, CountedRequests>()
  #asked = new WeakMap<ConversationEnds, Asked>()
  #unnamed = 0

  get isEmpty(): boolean {
    return this.#counted.size === 0
  }

  add(ends: ConversationEnds, judged: JudgedRequest): void {
    const asked = this.#askedBy(ends)
    if (asked.last?.judged === judged) {
      asked.last.counted.count++
      return
    }
    const counted = this.#count(ends, judged, asked.byWords)
    asked.last = judged.isKept && counted ? { judged, counted } : undefined
  }

  #askedBy(ends: ConversationEnds): Asked {
    const known = this.#asked.get(ends)
    if (known) return known
    const asked: Asked = { byWords: new Map() }
    this.#asked.set(ends, asked)
    return asked
  }

  /** @returns what counts it now. */
  #count(
    ends: ConversationEnds,
    { request, answer }: JudgedRequest,
    byWords: Asked['byWords'],
  ): CountedRequests | undefined {
    const outcome = outcomeOf(answer.enforced, answer.audited)
    const words = wordsOf(request)
    const known = words === undefined ? undefined : byWords.get(words)
    if (known?.outcome === outcome) {
      known.count++
      return known
    }
    const counted = this.#named({ ends, request: requestName(request), outcome, answer })
    if (words !== undefined && counted && byWords.size < WORDS_PER_CONVERSATION) byWords.set(words, counted)
    return counted
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

  /** Everything since the last call. */
  take(): { readonly requests: readonly CountedRequests[]; readonly unnamed: number } {
    const taken = { requests: [...this.#counted.values()], unnamed: this.#unnamed }
    this.#counted = new Map()
    this.#asked = new WeakMap()
    this.#unnamed = 0
    return taken
  }
}

/** What tells it from others at least as well as its name does; only where the name is costly. */
const wordsOf = (request: L7Request): string | undefined =>
  request.kind === 'http' ? `${request.method} ${request.host}${request.path}` : undefined
