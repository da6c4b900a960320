import { LIMITS } from '@sekisho/core'
import type { FlowFacts, ResidualAnswer } from '@sekisho/policy'
import { askResidual } from '@sekisho/policy/enforcement'
import type { TermsData } from './inspection.protocol.ts'
import type { ConversationEnds, Terms } from './inspector.ts'
import type { AskPolicy } from './watch.ts'

/** Conversations with equal keys have equal terms: the client's port matters to no policy. */
export const termsKey = ({ client, server, protocol, port }: ConversationEnds): string =>
  `${client} ${server} ${protocol} ${port}`

/** What is known before a request is the same for many conversations: each such question is asked once. */
function remembering(ask: AskPolicy, { names }: FlowFacts): AskPolicy {
  const answers = new Map<FlowFacts['application'], ResidualAnswer>()
  return facts => {
    if (facts.request !== undefined || facts.names !== names) return ask(facts)
    const answer = answers.get(facts.application) ?? ask(facts)
    answers.set(facts.application, answer)
    return answer
  }
}

/** The terms that a worker knows, and those it has asked for; the oldest give way. */
export class TermsCache {
  readonly #ask: (key: string, ends: ConversationEnds) => void
  readonly #known = new Map<string, Terms & Pick<ConversationEnds, 'server'>>()
  readonly #asked = new Map<string, Pick<ConversationEnds, 'server'>>()

  constructor(ask: (key: string, ends: ConversationEnds) => void) {
    this.#ask = ask
  }

  /** Whether an answer is on its way. */
  get isWaiting(): boolean {
    return this.#asked.size > 0
  }

  of(ends: ConversationEnds): Terms | undefined {
    const key = termsKey(ends)
    const known = this.#known.get(key)
    if (!known && !this.#asked.has(key)) {
      this.#asked.set(key, ends)
      this.#ask(key, ends)
    }
    return known
  }

  /** What was asked for before the last `clear` is not taken: it may be older than the change. */
  set(key: string, { residual, ...terms }: TermsData): void {
    const asked = this.#asked.get(key)
    if (!asked) return
    this.#asked.delete(key)
    if (this.#known.size >= LIMITS.inspectionTerms.value) {
      const [oldest] = this.#known.keys()
      if (oldest !== undefined) this.#known.delete(oldest)
    }
    this.#known.set(key, {
      ...terms,
      ask: remembering(askResidual(residual), terms.facts),
      server: asked.server,
    })
  }

  /** Of conversations with these servers; what was asked about them is not taken either. */
  forget(servers: ReadonlySet<string>): void {
    for (const [key, { server }] of this.#known) if (servers.has(server)) this.#known.delete(key)
    for (const [key, { server }] of this.#asked) if (servers.has(server)) this.#asked.delete(key)
  }

  clear(): void {
    this.#known.clear()
    this.#asked.clear()
  }
}
