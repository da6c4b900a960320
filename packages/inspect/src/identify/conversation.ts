import { type ApplicationName, LIMITS, type Transport } from '@sekisho/core'
import type { ConversationReader, Side } from '../protocol.ts'
import { NOTHING, type Reading, unreadable } from '../reading.ts'
import type { Candidate } from './candidates.ts'
import type { Identifier } from './identifier.ts'
import { type Found, Search, type WhyUnknown } from './search.ts'

/** `configured`: a user said so, and nothing was compared. */
export type Confidence = 'likely' | 'certain' | 'configured'

/** What is spoken, and the bytes that decided. Comes again when a conversation turns out, or turns, to be another. */
export interface Identified {
  readonly kind: 'identified'
  readonly application: ApplicationName
  readonly confidence: Confidence
  readonly evidence: string
  /** What was spoken before, where a conversation became another one: STARTTLS, Upgrade, CONNECT. */
  readonly after?: ApplicationName
}

/** What a conversation says to whoever judges it, in the order of the bytes. */
export type Finding =
  | Exclude<Reading, { kind: 'refined' | 'becomes' }>
  | Identified
  | { readonly kind: 'unknown'; readonly why: WhyUnknown }
  /** Our own bug, counted by the identifier; what follows is not read. Configuration chooses the verdict. */
  | { readonly kind: 'engine-error' }

const ENGINE_ERROR: Finding = Object.freeze({ kind: 'engine-error' })

type State =
  | { readonly kind: 'searching'; readonly search: Search }
  | { readonly kind: 'reading'; readonly reader: ConversationReader }
  /** Nothing more is read, for the reason that was the last finding. */
  | { readonly kind: 'finished' }

const FINISHED: State = Object.freeze({ kind: 'finished' })

/** One flow's conversation: what is it, and then what is said in it. */
export class Conversation {
  readonly #identifier: Identifier
  readonly #transport: Transport
  #state: State
  #application: ApplicationName | undefined
  #isOneSided = false
  #turns = 0

  constructor(identifier: Identifier, transport: Transport) {
    this.#identifier = identifier
    this.#transport = transport
    this.#state = this.#newSearch()
  }

  /** What is spoken, as far as it is known. */
  get application(): ApplicationName | undefined {
    return this.#application
  }

  /** Nothing that is still to come can be read: the kernel may have the rest, if the verdict does not depend on it. */
  get isFinished(): boolean {
    return this.#state.kind === 'finished'
  }

  /** Something was said that is not at hand: nothing that is still to come is read. */
  finish(): void {
    this.#state = FINISHED
  }

  /** Whether the rest can be read from the client's bytes alone; once it can, the server's are passed over. */
  leaveServer(): boolean {
    if (this.#isOneSided) return true
    if (this.#state.kind === 'reading') this.#isOneSided = this.#state.reader.leaveServer?.() ?? false
    return this.#isOneSided
  }

  /**
   * The next bytes of one side: of TCP in order and each once, of UDP one whole datagram. Never throws.
   * @param bytes a view that is valid only during the call.
   */
  read(side: Side, bytes: Uint8Array): readonly Finding[] {
    if (bytes.length === 0 && this.#transport === 'TCP') return NOTHING_FOUND
    if (side === 'server' && this.#isOneSided) return NOTHING_FOUND
    switch (this.#state.kind) {
      case 'finished':
        return NOTHING_FOUND
      case 'reading':
        return this.#follow(this.#state.reader, side, bytes)
      case 'searching':
        return this.#seek(this.#state.search, side, bytes)
    }
  }

  /** Takes what a user says for granted, before anything is read. */
  configure(application: ApplicationName, evidence: string): readonly Finding[] {
    const candidate = this.#identifier.candidates.named(this.#transport, application)
    this.#open(candidate)
    return [this.#identified({ application, confidence: 'configured', evidence })]
  }

  #newSearch(): State {
    const { candidates, onError } = this.#identifier
    return { kind: 'searching', search: new Search({ candidates, transport: this.#transport, onError }) }
  }

  #seek(search: Search, side: Side, bytes: Uint8Array): readonly Finding[] {
    const found = search.offer(side, bytes)
    if (!found) return NOTHING_FOUND
    if (found.kind === 'unknown') {
      this.#state = FINISHED
      return [found]
    }
    const findings = [this.#found(found)]
    for (const said of search.said) findings.push(...this.read(said.side, said.bytes))
    findings.push(...this.read(side, bytes))
    return findings
  }

  #found({ candidate, confidence, evidence }: Found & { kind: 'found' }): Finding {
    this.#open(candidate)
    return this.#identified({ application: candidate.application, confidence, evidence })
  }

  #identified(what: Omit<Identified, 'kind' | 'after'>): Finding {
    const after = this.#turns > 0 ? this.#application : undefined
    this.#application = what.application
    return { kind: 'identified', ...what, ...(after && { after }) }
  }

  #open(candidate: Candidate | undefined): void {
    const reader = candidate?.open?.(this.#transport)
    this.#state = reader ? { kind: 'reading', reader } : FINISHED
  }

  #follow(reader: ConversationReader, side: Side, bytes: Uint8Array): readonly Finding[] {
    let readings: readonly Reading[]
    try {
      readings = reader.read(side, bytes)
    } catch (error) {
      this.#identifier.onError(this.#application, error)
      this.#state = FINISHED
      return [ENGINE_ERROR]
    }
    return readings.every(isSaid) ? readings : readings.flatMap(reading => this.#say(reading, side))
  }

  /** A reader speaks about itself; whoever judges wants to know what is spoken, and what was said. */
  #say(reading: Reading, side: Side): readonly Finding[] {
    switch (reading.kind) {
      case 'request':
      case 'detail':
      case 'names':
        return [reading]
      case 'unreadable':
      case 'opaque':
        this.#state = FINISHED
        return [reading]
      case 'refined':
        return [
          this.#identified({
            application: reading.application,
            confidence: 'certain',
            evidence: reading.evidence,
          }),
        ]
      case 'becomes':
        return this.#turn(reading, side)
    }
  }

  #turn({ application, rest }: Reading & { kind: 'becomes' }, side: Side): readonly Finding[] {
    const tooOften = ++this.#turns > LIMITS.conversationTurns.value
    if (tooOften || this.#isOneSided) {
      this.#state = FINISHED
      const reason = tooOften ? 'too often' : 'without an answer that was read'
      return [unreadable(`the conversation becomes another ${reason}`) as Finding]
    }
    if (application === undefined) {
      this.#state = this.#newSearch()
      return this.read(side, rest)
    }
    this.#open(this.#identifier.candidates.named(this.#transport, application))
    const evidence = `${this.#application ?? 'the conversation'} goes over to it`
    return [this.#identified({ application, confidence: 'certain', evidence }), ...this.read(side, rest)]
  }
}

/** Whether it is told as it is. */
const isSaid = (reading: Reading): reading is Reading & Finding =>
  reading.kind === 'request' || reading.kind === 'detail' || reading.kind === 'names'

const NOTHING_FOUND: readonly Finding[] = NOTHING as readonly never[]
