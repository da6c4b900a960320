import { type EpochMs, isFlowDetail, knownApplication, LIMITS, maskUser, printable } from '@sekisho/core'
import type { FlowQuery, Judgement, ResidualAnswer } from '@sekisho/policy'
import type { Told } from '../inspection/inspection.protocol.ts'
import type { ConversationEnds } from '../inspection/inspector.ts'
import type { CountedRequests } from '../inspection/request-tally.ts'
import { attributionOf } from './attributions.ts'
import { type Attribution, type EdgeEnds, edgeOf, type OpenEdge } from './edge.ts'
import { Spoken } from './spoken.ts'
import type { Window } from './window.ts'

export interface ConversationsOptions {
  readonly capacity: number
  readonly window: Pick<Window, 'attempt' | 'requests' | 'detail'>
  /** Undefined where neither end is a workload. */
  endsOf(ends: ConversationEnds): EdgeEnds | undefined
  judge(query: FlowQuery): Judgement
  /** As what passing connections are counted; undefined where another node tells of them. */
  passing(ends: EdgeEnds): Attribution | undefined
  now(): EpochMs
}

/** What inspection tells, as records: requests, what was stopped, and what the counted conversations speak. */
export class Conversations {
  readonly #options: ConversationsOptions
  readonly #spoken: Spoken

  constructor(options: ConversationsOptions) {
    this.#options = options
    this.#spoken = new Spoken(options.capacity)
  }

  modelChanged(): void {
    this.#spoken.modelChanged()
  }

  told(told: readonly Told[]): void {
    const now = this.#options.now()
    for (const { ends, notice } of told) {
      const edge = this.#options.endsOf(ends)
      if (!edge) continue
      if (notice.kind === 'identified') this.#spoken.identified(edge, notice.application, now)
      else if (notice.kind === 'unknown') this.#spoken.identified(edge, 'unknown', now)
      else if (notice.kind === 'denied') this.#stopped(edge, notice.answer, ends.clientPort)
      else if (notice.kind === 'detail') this.#said(edge, notice.detail, notice.value)
    }
  }

  requested(requests: readonly CountedRequests[]): void {
    for (const { ends, request: name, outcome, answer, count } of requests) {
      const edge = this.#options.endsOf(ends)
      if (!edge) continue
      const decision = outcome === 'audited' ? answer.audited : answer.enforced
      const attribution = attributionOf({ outcome, decision })
      this.#spoken.settle(edge, attribution)
      const of = edgeOf(edge, attribution, this.#spoken.application(edge))
      this.#options.window.requests(of, { name, count }, this.#span())
    }
  }

  /** What an edge turned out to be, now that more is known than when its connections were counted. */
  settle(open: OpenEdge): OpenEdge {
    const { ends, attribution } = open.edge
    if (attribution.outcome === 'denied') return open
    const application = open.edge.application ?? this.#spoken.application(ends)
    if (attribution.why !== 'inspecting') {
      return application === undefined ? open : { ...open, edge: edgeOf(ends, attribution, application) }
    }
    const decided = this.#spoken.settled(ends) ?? this.#decidedBy(ends, application) ?? attribution
    // Whoever was stopped is told as an attempt: its connection is none besides.
    const counts = decided.outcome === 'denied' ? { ...open.counts, connections: 0 } : open.counts
    return { ...open, counts, edge: edgeOf(ends, decided, application) }
  }

  /** Of an edge as its connections are counted; what became of them is settled with them. */
  #said(ends: EdgeEnds, detail: string, value: string): void {
    const attribution = this.#options.passing(ends)
    if (!attribution || !isFlowDetail(detail)) return
    const text = printable(detail === 'user' ? maskUser(value) : value).slice(0, LIMITS.detailValue.value)
    this.#options.window.detail(edgeOf(ends, attribution), { detail, value: text }, this.#span())
  }

  #span() {
    const now = this.#options.now()
    return { first: now, last: now }
  }

  #stopped(ends: EdgeEnds, { enforced }: ResidualAnswer, clientPort: number): void {
    const application = this.#spoken.application(ends)
    const denied = attributionOf({ outcome: 'denied', decision: enforced })
    const isOther = denied.why === 'isolated' && this.#isMismatch(ends, application)
    const attribution: Attribution = isOther ? { ...denied, why: 'application-mismatch' } : denied
    this.#spoken.settle(ends, attribution)
    this.#options.window.attempt(edgeOf(ends, attribution, application), clientPort, this.#span())
  }

  /** The policies asked what is spoken, and have nothing to ask now that they know: no rule is about this application. */
  #isMismatch(ends: EdgeEnds, application: string | undefined): boolean {
    if (application === undefined) return false
    const { inspect } = this.#options.judge(ends).decision
    return inspect !== undefined && this.#decidedBy(ends, application) !== undefined
  }

  /** What the policies say of the application alone; undefined while they ask for more. */
  #decidedBy(ends: EdgeEnds, application: string | undefined): Attribution | undefined {
    if (application === undefined) return undefined
    const facts = { application: knownApplication(application) }
    const judged = this.#options.judge({ ...ends, facts })
    return judged.decision.inspect ? undefined : attributionOf(judged)
  }
}
