import { type FlowDetail, LIMITS } from '@sekisho/core'
import {
  type Conversation,
  checksumsHold,
  type Finding,
  flowKey,
  fromLower,
  IP_PROTOCOL,
  latin1Between,
  PacketHeader,
  parsePacket,
  type Side,
  TCP,
} from '@sekisho/inspect'
import type { FlowFacts } from '@sekisho/policy'
import { endsOf } from './ends.ts'
import { Flows, type Followed } from './flows.ts'
import type { ConversationEnds, InspectorOptions, NotInspected, OfferedPacket } from './inspector.ts'
import { Recollection } from './recollection.ts'
import { detailsOf } from './said.ts'

/** What was recognised, or that nothing was. */
export type Recognised = Extract<Finding, { readonly kind: 'identified' | 'unknown' }>

export interface IdentificationOptions extends Pick<InspectorOptions, 'identifier' | 'overrides'> {
  /** What a connection was found to be: policies may come that ask. */
  readonly released: Recollection<FlowFacts>
  /** With what was said besides. */
  readonly notice: (ends: ConversationEnds, notice: Recognised, details: readonly FlowDetail[]) => void
}

/** `identified`: the packet passes, and the kernel may have the rest. */
export type Glance = 'pass' | 'identified'

/** Packets of a conversation that are looked at, read or not: repetitions and what is out of order count. */
const PACKETS_MAX = 2 * LIMITS.openingPackets.value
/** Longer first packets are read each time. */
const FIRST_BYTES = 1_024
/** Bytes. No opening is as long, and few numbers that connections begin with are as close to each other. */
const FAR = 2 ** 20
const UNDECIDED: Recognised = { kind: 'unknown', why: 'undecided' }
const NOTHING: readonly Finding[] = []
const isRecognised = (finding: Finding): finding is Recognised =>
  finding.kind === 'identified' || finding.kind === 'unknown'

/** What is told of a connection, and what is remembered of it. */
interface Insight {
  readonly notice: Recognised
  readonly details: readonly FlowDetail[]
  readonly facts: FlowFacts
}
const insightOf = (notice: Recognised, details: readonly FlowDetail[]): Insight => ({
  notice,
  details,
  facts: { application: notice.kind === 'identified' ? notice.application : 'unknown' },
})

/** A conversation whose first packet did not tell. */
class Opening implements Followed {
  readonly ends: ConversationEnds
  readonly conversation: Conversation
  /** Where each side goes on, once it has been heard. */
  readonly next: Partial<Record<Side, number>> = {}
  packets = 0

  constructor(ends: ConversationEnds, conversation: Conversation) {
    this.ends = ends
    this.conversation = conversation
  }

  get mayPause(): boolean {
    return false
  }

  [Symbol.dispose](): void {
    // Nothing is held but what the conversation keeps of its opening.
  }
}

/**
 * Finds out what is spoken where no policy asks. Nobody is stopped here, whatever is said, so that nothing is kept in order
 * and no handshake is looked at: a client that speaks first costs one packet. Who wants to be taken for another application
 * can be; a policy that asks has its connections read by the `Inspector`.
 */
export class Identification {
  readonly #options: IdentificationOptions
  readonly #header = new PacketHeader()
  readonly #openings = new Flows<Opening>(LIMITS.inspectedFlows.value)
  readonly #notInspected = new Map<NotInspected, number>()
  /** By what a client said first: many connections begin with the same bytes, and the same bytes are the same. */
  #firsts = new Recollection<Insight>(LIMITS.knownFirsts.value)
  #known: Pick<InspectorOptions, 'identifier' | 'overrides'>

  constructor(options: IdentificationOptions) {
    this.#options = options
    this.#known = options
  }

  get flows(): number {
    return this.#openings.size
  }
  /** Packets that passed unread, by reason. */
  get notInspected(): ReadonlyMap<NotInspected, number> {
    return this.#notInspected
  }

  /** See `Inspector.define`. */
  define(known: Pick<InspectorOptions, 'identifier' | 'overrides'>): void {
    this.#known = known
    this.#firsts = new Recollection(LIMITS.knownFirsts.value)
  }

  /** See `Inspector.age`. */
  age(): void {
    this.#openings.age()
  }

  packet(packet: OfferedPacket): Glance {
    const { bytes } = packet
    const header = this.#header
    const unread = parsePacket(bytes, header)
    if (unread) return this.#unread(unread, 'pass')
    if (packet.checksummed && !checksumsHold(bytes, header)) return this.#unread('checksum', 'pass')
    const key = flowKey(bytes, header, fromLower(bytes, header))
    const opening = this.#openings.get(key)
    return opening && !this.#isAnother(opening, packet)
      ? this.#goOn(key, opening, packet)
      : this.#begin(key, packet)
  }

  /** The same ports, used again: how a conversation ends is not looked at. */
  #isAnother({ next }: Opening, { fromClient }: OfferedPacket): boolean {
    const { protocol, sequence } = this.#header
    const expected = next[fromClient ? 'client' : 'server'] ?? sequence
    return protocol === IP_PROTOCOL.TCP && Math.abs((sequence - expected) | 0) > FAR
  }

  #begin(key: string, packet: OfferedPacket): Glance {
    const { bytes, fromClient } = packet
    const ends = endsOf(bytes, this.#header, fromClient)
    const transport = ends.protocol === 'TCP' ? 'TCP' : 'UDP'
    const given = this.#known.overrides?.(transport, ends.server, ends.port)
    const first = given === undefined ? this.#first(packet) : undefined
    const met = first === undefined ? undefined : this.#firsts.get(first)
    if (met) return this.#tell(key, ends, met)
    const opening = new Opening(ends, this.#known.identifier.open(transport))
    const findings =
      given === undefined
        ? this.#read(opening, bytes, fromClient)
        : opening.conversation.configure(given, 'override')
    const insight = this.#conclude(key, opening, findings)
    if (insight && first !== undefined) this.#firsts.set(first, insight)
    if (insight || opening.conversation.isFinished) return 'identified'
    // Of whoever had these ports before.
    this.#options.released.delete(key)
    return this.#openings.add(key, opening) ? 'pass' : this.#unread('no-room', 'identified')
  }

  /** What a client of TCP says first, as characters of the same number. */
  #first({ bytes, fromClient }: OfferedPacket): string | undefined {
    const { protocol, payloadAt, payloadEnd, payloadLength } = this.#header
    const isCompared = fromClient && protocol === IP_PROTOCOL.TCP && payloadLength <= FIRST_BYTES
    return isCompared ? latin1Between(bytes, payloadAt, payloadEnd) : undefined
  }

  #goOn(key: string, opening: Opening, { bytes, fromClient }: OfferedPacket): Glance {
    const read = this.#read(opening, bytes, fromClient)
    const findings = read.length === 0 && ++opening.packets > PACKETS_MAX ? [UNDECIDED] : read
    if (!this.#conclude(key, opening, findings) && !opening.conversation.isFinished) return 'pass'
    this.#openings.delete(key)
    return 'identified'
  }

  /** What is next in order; the rest is as if it had not been seen. */
  #read(opening: Opening, bytes: Uint8Array, fromClient: boolean): readonly Finding[] {
    const { payloadAt, payloadEnd, protocol, sequence, flags } = this.#header
    const side = fromClient ? 'client' : 'server'
    if (protocol === IP_PROTOCOL.TCP) {
      if ((opening.next[side] ?? sequence) !== sequence) return NOTHING
      const begins = (flags & TCP.SYN) === 0 ? 0 : 1
      opening.next[side] = (sequence + begins + payloadEnd - payloadAt) >>> 0
    }
    return opening.conversation.read(side, bytes.subarray(payloadAt, payloadEnd))
  }

  /** @returns what was told. */
  #conclude(key: string, { ends }: Opening, findings: readonly Finding[]): Insight | undefined {
    const recognised = findings.findLast(isRecognised)
    if (!recognised) return undefined
    const insight = insightOf(recognised, detailsOf(findings))
    this.#tell(key, ends, insight)
    return insight
  }

  #tell(key: string, ends: ConversationEnds, { notice, details, facts }: Insight): Glance {
    this.#options.notice(ends, notice, details)
    if (ends.protocol === 'TCP') this.#options.released.set(key, facts)
    return 'identified'
  }

  #unread(reason: NotInspected, glance: Glance): Glance {
    this.#notInspected.set(reason, (this.#notInspected.get(reason) ?? 0) + 1)
    return glance
  }
}
