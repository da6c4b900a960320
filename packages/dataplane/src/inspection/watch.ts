import type { ApplicationName, L7Request } from '@sekisho/core'
import type { Conversation, Finding, NameAddress, Side } from '@sekisho/inspect'
import type { FlowFacts, ResidualAnswer } from '@sekisho/policy'
import type { DnsNotice } from './dns-guards.ts'
import { hostOf } from './said.ts'

/** What the policies say of one conversation, given what is known of it. */
export type AskPolicy = (facts: FlowFacts) => ResidualAnswer

/**
 * What is to be done with the packet whose bytes were read. `release`: it passes, and nothing that may follow could
 * change the verdict, so the kernel may have the rest. `requests-only`: it passes, and of what follows only the client's
 * part is read.
 */
export type Step = 'pass' | 'requests-only' | 'release' | 'deny'

type Requested = Extract<Finding, { readonly kind: 'request' }>

/** A request and what the policies say to it. `isKept`: the same object comes when it is made again. */
export interface Judged {
  readonly kind: 'judged'
  readonly request: L7Request
  readonly isKept: boolean
  readonly answer: ResidualAnswer
}

/** What became known of a conversation. */
export type Notice =
  | Exclude<Finding, { readonly kind: 'request' | 'opaque' }>
  | Judged
  /** It was denied: nothing of it passes any more. */
  | { readonly kind: 'denied'; readonly answer: ResidualAnswer }
  | DnsNotice
  /** It cannot be followed to where the policies want to see: `onFailure` decided. */
  | { readonly kind: 'failed'; readonly onFailure: 'open' | 'closed' }

export interface WatchOptions {
  readonly conversation: Conversation
  readonly ask: AskPolicy
  /** What is known before anything is said, such as the names of the destination. */
  readonly facts: FlowFacts
  /** Whether it is read until the application is known, although no policy asks for it. */
  readonly identify: boolean
  /** Whether it is read for as long as it may tell names of addresses. */
  readonly isResolver?: boolean | undefined
  /** Whether it is read for as long as it may be DNS, because a profile checks that. */
  readonly checksDns?: boolean | undefined
  readonly notice: (notice: Notice) => void
  /** It told names of addresses, and they are believed. */
  readonly answered?: (names: readonly NameAddress[]) => void
}

/** Nothing that may become known changes it. */
const isDenied = ({ enforced }: ResidualAnswer): boolean => enforced.verdict !== 'allow' && !enforced.inspect

/** One conversation under the eyes of policy, which is asked again whenever more is known, and about each request. */
export class Watch {
  readonly #options: WatchOptions
  #ask: AskPolicy
  #facts: FlowFacts
  #answer: ResidualAnswer
  /** Where the last request that named one wanted to go. */
  #host: string | undefined
  /** The last request, if it is kept. */
  #last: { readonly facts: FlowFacts; readonly ask: AskPolicy; readonly notice: Judged } | undefined

  constructor(options: WatchOptions) {
    this.#options = options
    this.#ask = options.ask
    this.#facts = options.facts
    this.#answer = this.#ask(this.#facts)
  }

  /** What is known of it. */
  get facts(): FlowFacts {
    return this.#facts
  }

  /** What the policies say as far as is known; of a denied conversation, why. */
  get answer(): ResidualAnswer {
    return this.#answer
  }

  /** The policies have changed, or nothing was said yet: a handshake passes while the verdict is open. */
  review(ask: AskPolicy = this.#ask, facts: FlowFacts = {}): Step {
    this.#ask = ask
    this.#facts = { ...this.#facts, ...facts }
    this.#answer = ask(this.#facts)
    return this.#next()
  }

  /** What is spoken, as a user says it; nothing was said yet. */
  configure(application: ApplicationName): Step {
    for (const finding of this.#options.conversation.configure(application, 'override'))
      if (!this.#take(finding)) return 'deny'
    return this.review()
  }

  /** The next bytes of one side: of TCP in order and each once, of UDP one whole datagram. */
  read(side: Side, bytes: Uint8Array): Step {
    for (const finding of this.#options.conversation.read(side, bytes)) {
      if (!this.#take(finding)) return 'deny'
    }
    return this.#next()
  }

  #next(): Step {
    const { conversation, identify } = this.#options
    if (isDenied(this.#answer)) return 'deny'
    if (this.#answer.inspect) {
      if (conversation.isFinished) return this.#fail()
      return !this.#staysDns() && conversation.leaveServer() ? 'requests-only' : 'pass'
    }
    if (this.#staysDns()) return 'pass'
    const isKnown = this.#facts.application !== undefined || conversation.isFinished
    return isKnown || !identify ? 'release' : 'pass'
  }

  #staysDns(): boolean {
    const { conversation, isResolver, checksDns } = this.#options
    const { application = 'dns' } = this.#facts
    return (isResolver === true || checksDns === true) && application === 'dns' && !conversation.isFinished
  }

  /** What the policies ask for will never be known. Where only those in Audit ask, nobody is stopped for it. */
  #fail(): Step {
    const { enforced } = this.#answer
    const onFailure = enforced.inspect?.onFailure ?? 'open'
    this.#options.notice({ kind: 'failed', onFailure })
    if (onFailure === 'open') return 'release'
    const { inspect, onDeny: _, ...decision } = enforced
    const onDeny = inspect?.onDeny
    this.#answer = {
      ...this.#answer,
      enforced: { ...decision, verdict: 'deny', why: 'engine-error', ...(onDeny && { onDeny }) },
    }
    return 'deny'
  }

  /** @returns false where the packet must not pass. */
  #take(finding: Finding): boolean {
    switch (finding.kind) {
      case 'request':
        return this.#judge(finding)
      case 'identified':
        return this.#learn(finding, finding.application)
      case 'unknown':
        return this.#learn(finding, 'unknown')
      case 'opaque':
        return true
      case 'names':
        if (this.#options.isResolver) this.#options.answered?.(finding.names)
        this.#options.notice(finding)
        return true
      case 'detail':
      case 'unreadable':
      case 'engine-error':
        this.#options.notice(finding)
        return true
    }
  }

  #learn(notice: Notice, application: ApplicationName | 'unknown'): boolean {
    this.#options.notice(notice)
    this.#facts = { ...this.#facts, application }
    this.#answer = this.#ask(this.#facts)
    return !isDenied(this.#answer)
  }

  /** A request is judged whole: what is still not known by then was asked for in vain. */
  #judge({ request, isKept = false }: Requested): boolean {
    if (request !== this.#last?.notice.request) this.#goesTo(request)
    if (!this.#answer.inspect) return true
    const notice = this.#repeated(request) ?? this.#judged(request, isKept)
    const { answer } = notice
    this.#options.notice(notice)
    if (answer.enforced.verdict !== 'allow') {
      this.#answer = answer
      return false
    }
    if (request.kind === 'tls') this.#keep(request, answer)
    return true
  }

  #goesTo(request: L7Request): void {
    const host = hostOf(request)
    if (host === undefined || host === this.#host) return
    this.#host = host
    this.#options.notice({ kind: 'detail', detail: 'host', value: host })
  }

  /** The same object with the same facts is answered alike. */
  #repeated(request: L7Request): Judged | undefined {
    const last = this.#last
    const isSame = last?.notice.request === request && last.facts === this.#facts && last.ask === this.#ask
    return isSame ? last.notice : undefined
  }

  #judged(request: L7Request, isKept: boolean): Judged {
    const [facts, ask] = [this.#facts, this.#ask]
    const notice = { kind: 'judged', request, isKept, answer: ask({ ...facts, request }) } as const
    this.#last = isKept ? { facts, ask, notice } : undefined
    return notice
  }

  /** A conversation has one hello: what it says holds for all of it. */
  #keep(request: L7Request, answer: ResidualAnswer): void {
    this.#facts = { ...this.#facts, request }
    this.#answer = answer
  }
}
