import { APPLICATIONS, type Application, type L7Request } from '@sekisho/core'
import type { ApplicationName, Conversation, Finding, Side } from '@sekisho/inspect'
import type { FlowFacts, SideDecision } from '@sekisho/policy'

/** What the policies say of one conversation, given what is known of it. */
export type AskPolicy = (facts: FlowFacts) => SideDecision

/**
 * What is to be done with the packet whose bytes were read. `release`: it passes, and nothing that may follow could
 * change the verdict, so the kernel may have the rest.
 */
export type Step = 'pass' | 'release' | 'deny'

/** What became known of a conversation. */
export type Notice =
  | Exclude<Finding, { readonly kind: 'request' | 'opaque' }>
  | { readonly kind: 'judged'; readonly request: L7Request; readonly answer: SideDecision }
  /** It cannot be followed to where the policies want to see: `onFailure` decided. */
  | { readonly kind: 'failed'; readonly onFailure: 'open' | 'closed' }

export interface WatchOptions {
  readonly conversation: Conversation
  readonly ask: AskPolicy
  /** What is known before anything is said, such as the names of the destination. */
  readonly facts: FlowFacts
  /** Whether it is read until the application is known, although no policy asks for it. */
  readonly identify: boolean
  readonly notice: (notice: Notice) => void
}

const KNOWN: ReadonlySet<string> = new Set(APPLICATIONS)
/** Policies name built-in applications only, so one that a user defined is none of those. */
const isBuiltIn = (name: ApplicationName): name is Application => KNOWN.has(name)

/** One conversation under the eyes of policy, which is asked again whenever more is known, and about each request. */
export class Watch {
  readonly #options: WatchOptions
  #facts: FlowFacts
  #answer: SideDecision

  constructor(options: WatchOptions) {
    this.#options = options
    this.#facts = options.facts
    this.#answer = options.ask(options.facts)
  }

  /** What the policies say as far as is known; of a denied conversation, why. */
  get answer(): SideDecision {
    return this.#answer
  }

  /** Before anything is said: a handshake passes while the verdict is open. */
  begin(): Step {
    return this.#answer.verdict !== 'allow' && !this.#answer.inspect ? 'deny' : this.#next()
  }

  /** The next bytes of one side: of TCP in order and each once, of UDP one whole datagram. */
  read(side: Side, bytes: Uint8Array): Step {
    for (const finding of this.#options.conversation.read(side, bytes)) {
      if (this.#take(finding) === 'deny') return 'deny'
    }
    return this.#next()
  }

  #next(): Step {
    const { verdict, inspect } = this.#answer
    const { conversation, identify } = this.#options
    if (inspect) return conversation.isFinished ? this.#fail(inspect.onFailure) : 'pass'
    if (verdict !== 'allow') return 'deny'
    const isKnown = this.#facts.application !== undefined || conversation.isFinished
    return isKnown || !identify ? 'release' : 'pass'
  }

  #fail(onFailure: 'open' | 'closed'): Step {
    this.#options.notice({ kind: 'failed', onFailure })
    if (onFailure === 'open') return 'release'
    this.#answer = { verdict: 'deny', why: 'engine-error' }
    return 'deny'
  }

  #take(finding: Finding): Step {
    switch (finding.kind) {
      case 'request':
        return this.#judge(finding.request)
      case 'identified':
        return this.#learn(finding, isBuiltIn(finding.application) ? finding.application : 'unknown')
      case 'unknown':
        return this.#learn(finding, 'unknown')
      case 'opaque':
        return 'pass'
      case 'detail':
      case 'names':
      case 'unreadable':
      case 'engine-error':
        this.#options.notice(finding)
        return 'pass'
    }
  }

  #learn(notice: Notice, application: Application | 'unknown'): Step {
    this.#options.notice(notice)
    this.#facts = { ...this.#facts, application }
    this.#answer = this.#options.ask(this.#facts)
    return this.#answer.verdict !== 'allow' && !this.#answer.inspect ? 'deny' : 'pass'
  }

  /** A request is judged whole: what is still not known by then has been asked for in vain. */
  #judge(request: L7Request): Step {
    if (!this.#answer.inspect) return 'pass'
    const answer = this.#options.ask({ ...this.#facts, request })
    this.#options.notice({ kind: 'judged', request, answer })
    if (answer.verdict === 'allow') return 'pass'
    this.#answer = answer
    return 'deny'
  }
}
