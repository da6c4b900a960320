import { LIMITS, type Transport } from '@sekisho/core'
import { copyOf } from '../bytes.ts'
import type { Opening, Side } from '../protocol.ts'
import type { Candidate, Candidates } from './candidates.ts'

/** Why nothing was recognised. Closed: it is counted by these. */
export const UNKNOWN = [
  'nothing-fits', // every recogniser says no
  'ambiguous', // several are likely, and nothing said since settles it
  'undecided', // the limit is reached while some still wait for more
] as const
export type WhyUnknown = (typeof UNKNOWN)[number]

export type Found =
  | {
      readonly kind: 'found'
      readonly candidate: Candidate
      readonly confidence: 'likely' | 'certain'
      readonly evidence: string
    }
  | { readonly kind: 'unknown'; readonly why: WhyUnknown }

/** What one side said in one packet, as kept until it is known who reads it. */
export interface Said {
  readonly side: Side
  readonly bytes: Uint8Array
}

const UNANSWERED_DATAGRAMS = 3
const EMPTY = new Uint8Array()
const NO_ONE: readonly Candidate[] = []

/**
 * The search for what is spoken, from a conversation's first bytes until one candidate is left, or is certain.
 * Keeps at most `LIMITS.openingBytes` a side and `LIMITS.openingPackets` in all; nothing when the first packet decides.
 */
export class Search {
  readonly #candidates: Candidates
  readonly #transport: Transport
  readonly #onError: (application: Candidate['application'], error: unknown) => void
  readonly #said: Said[] = []
  #left: readonly Candidate[] = NO_ONE
  #client: Uint8Array = EMPTY
  #server: Uint8Array = EMPTY
  #first: Side | undefined
  #held = 0

  constructor(options: {
    readonly candidates: Candidates
    readonly transport: Transport
    /** A recogniser threw, which is our bug: it is no candidate any more. */
    readonly onError: (application: Candidate['application'], error: unknown) => void
  }) {
    this.#candidates = options.candidates
    this.#transport = options.transport
    this.#onError = options.onError
  }

  /** What was said before the packet that decided. */
  get said(): readonly Said[] {
    return this.#said
  }

  /** @returns undefined while more must be said. */
  offer(side: Side, bytes: Uint8Array): Found | undefined {
    if (this.#first === undefined) {
      this.#first = side
      this.#left = this.#candidates.of(this.#transport, side, bytes)
    }
    const isWhole = this.#extend(side, bytes)
    const found = this.#ask(isWhole)
    if (!found) this.#keep(side, bytes)
    return found
  }

  /** @returns false when the opening is full. */
  #extend(side: Side, bytes: Uint8Array): boolean {
    const before = side === 'client' ? this.#client : this.#server
    const limit = LIMITS.openingBytes.value
    if (this.#transport !== 'TCP' && before.length > 0) return this.#held + bytes.length < limit
    const after = before.length === 0 ? bytes.subarray(0, limit) : joined(before, bytes, limit)
    if (side === 'client') this.#client = after
    else this.#server = after
    return after.length < limit
  }

  #ask(isWhole: boolean): Found | undefined {
    const opening: Opening = {
      transport: this.#transport,
      client: this.#client,
      server: this.#server,
      ...(this.#first && { first: this.#first }),
    }
    const left: Candidate[] = []
    const likely: (Found & { kind: 'found' })[] = []
    for (const candidate of this.#left) {
      const answer = this.#recognise(candidate, opening)
      if (answer.kind === 'no') continue
      left.push(candidate)
      if (answer.kind === 'more') continue
      const found = { kind: 'found', candidate, confidence: answer.kind, evidence: answer.evidence } as const
      if (answer.kind === 'certain') return found
      likely.push(found)
    }
    this.#left = left
    return this.#decide(likely, isWhole)
  }

  #recognise(candidate: Candidate, opening: Opening) {
    try {
      return candidate.recognise(opening)
    } catch (error) {
      this.#onError(candidate.application, error)
      return { kind: 'no' } as const
    }
  }

  /** One that is likely is taken when nobody else is left, when the other side has confirmed it, or in the end. */
  #decide(likely: readonly Found[], isWhole: boolean): Found | undefined {
    if (this.#left.length === 0) return { kind: 'unknown', why: 'nothing-fits' }
    const packets = this.#said.length + 1
    const isEnd = !isWhole || packets >= LIMITS.openingPackets.value
    const [only] = likely
    if (only && likely.length === 1 && (this.#left.length === 1 || isEnd || this.#isHeard(packets)))
      return only
    return isEnd ? { kind: 'unknown', why: only ? 'ambiguous' : 'undecided' } : undefined
  }

  /** Both sides have spoken, or one of a datagram protocol goes on without an answer: its first datagram says it all. */
  #isHeard(packets: number): boolean {
    const haveBoth = this.#client.length > 0 && this.#server.length > 0
    return haveBoth || (this.#transport !== 'TCP' && packets >= UNANSWERED_DATAGRAMS)
  }

  /** The pushed bytes are gone after the call: what the opening still shows of them is copied. */
  #keep(side: Side, bytes: Uint8Array): void {
    const copy = copyOf(bytes)
    this.#said.push({ side, bytes: copy })
    this.#held += copy.length
    if (side === 'client' && this.#client.buffer === bytes.buffer) this.#client = copy
    if (side === 'server' && this.#server.buffer === bytes.buffer) this.#server = copy
  }
}

function joined(a: Uint8Array, b: Uint8Array, limit: number): Uint8Array {
  const all = new Uint8Array(Math.min(a.length + b.length, limit))
  all.set(a)
  all.set(b.subarray(0, all.length - a.length), a.length)
  return all
}
