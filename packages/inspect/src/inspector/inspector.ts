import { type Application, LIMITS, type Transport } from '@sekisho/core'
import { applicationOfProtocol } from '../identify/by-protocol.ts'
import type { Conversation, Finding } from '../identify/conversation.ts'
import type { Identifier } from '../identify/identifier.ts'
import { checksumsHold } from '../packet/checksum.ts'
import { flowKey, fromLower } from '../packet/flow-key.ts'
import { IP_PROTOCOL, PacketHeader, TCP } from '../packet/header.ts'
import { parsePacket, type Unread } from '../packet/parse.ts'
import type { Side } from '../protocol.ts'
import { StreamMemory } from '../stream/memory.ts'
import { STRICT, type StreamDrop, type StreamPolicy, TcpStream } from '../stream/tcp-stream.ts'
import { FlowTable } from './flow-table.ts'

/** One flow, with what the caller remembers of it. */
export interface InspectedFlow<S> {
  readonly transport: Transport
  readonly conversation: Conversation
  /** The caller's, such as the policy's verdict so far. */
  state: S
}

/** What was found in one packet. */
export type Inspection<S> =
  /** It is next in its flow, and these are the findings. It may pass, if policy lets it. */
  | {
      readonly kind: 'read'
      readonly flow: InspectedFlow<S>
      readonly side: Side
      readonly findings: readonly Finding[]
    }
  /** It must not pass: the receiver could read what was not read here, or refuses it anyway. */
  | { readonly kind: 'drop'; readonly why: StreamDrop | 'checksum' }
  /** Named by its IP protocol; there is no conversation. */
  | { readonly kind: 'named'; readonly application: Application }
  /** It cannot be read, which is counted by reason; configuration decides. */
  | { readonly kind: 'unread'; readonly why: Unread }

/** What the kernel knows of a packet. */
export interface PacketHints {
  /** Its checksums are still to be filled in (`NFQA_SKB_CSUMNOTREADY`), or were verified before. */
  readonly skipChecksums?: boolean
  /** It goes from the server to the client, as connection tracking knows of flows that are picked up midway. */
  readonly isReply?: boolean
}

export interface InspectorOptions<S> {
  readonly identifier: Identifier
  /** What the caller wants to remember of a new flow. */
  readonly open: (header: PacketHeader, bytes: Uint8Array) => S
  readonly stream?: StreamPolicy
  readonly memory?: StreamMemory
  /** Flows at one time. */
  readonly limit?: number
  /** A flow had to go for others, or was begun anew. */
  readonly onClosed?: (flow: InspectedFlow<S>) => void
}

class Flow<S> implements InspectedFlow<S> {
  readonly transport: Transport
  readonly conversation: Conversation
  readonly stream: TcpStream | undefined
  /** Whether the client is the lower of both ends (see `fromLower`). */
  readonly clientIsLower: boolean
  state: S
  isRecent = true
  isAnswered = false

  constructor(of: {
    readonly transport: Transport
    readonly conversation: Conversation
    readonly stream: TcpStream | undefined
    readonly clientIsLower: boolean
    readonly state: S
  }) {
    this.transport = of.transport
    this.conversation = of.conversation
    this.stream = of.stream
    this.clientIsLower = of.clientIsLower
    this.state = of.state
  }
}

const CHECKSUM = Object.freeze({ kind: 'drop', why: 'checksum' } as const)
const NO_HINTS: PacketHints = Object.freeze({})
const NOTHING_FOUND: readonly Finding[] = Object.freeze([])

/** From a packet's bytes to what is said in it: headers, flow, stream, conversation. Pure, and never throws. */
export class Inspector<S> {
  readonly #options: InspectorOptions<S>
  readonly #memory: StreamMemory
  readonly #header = new PacketHeader()
  readonly #flows: FlowTable<Flow<S>>

  constructor(options: InspectorOptions<S>) {
    this.#options = options
    this.#memory = options.memory ?? new StreamMemory()
    this.#flows = new FlowTable(options.limit ?? LIMITS.inspectedFlows.value, flow => {
      flow.stream?.[Symbol.dispose]()
      options.onClosed?.(flow)
    })
  }

  /** Flows that are followed, those that had to go for others, and bytes held for streams. */
  get stats(): { readonly flows: number; readonly evicted: number; readonly streamBytes: number } {
    return { flows: this.#flows.size, evicted: this.#flows.evicted, streamBytes: this.#memory.used }
  }

  /** @param bytes one IP packet; a view that is valid only during the call. */
  inspect(bytes: Uint8Array, hints: PacketHints = NO_HINTS): Inspection<S> {
    const header = this.#header
    const unread = parsePacket(bytes, header)
    if (unread) return { kind: 'unread', why: unread }
    if (!hints.skipChecksums && header.missing === 0 && !checksumsHold(bytes, header)) return CHECKSUM
    const application = applicationOfProtocol(header.protocol)
    if (application) return { kind: 'named', application }
    return this.#read(bytes, hints)
  }

  #read(bytes: Uint8Array, hints: PacketHints): Inspection<S> {
    const header = this.#header
    const isFromLower = fromLower(bytes, header)
    const key = flowKey(bytes, header, isFromLower)
    const flow = this.#known(key) ?? this.#open(key, { bytes, isFromLower, hints })
    const side = isFromLower === flow.clientIsLower ? 'client' : 'server'
    if (side === 'server' && !flow.isAnswered) {
      flow.isAnswered = true
      this.#flows.answer(key)
    }
    const payload = bytes.subarray(header.payloadAt, header.payloadEnd)
    if (!flow.stream) return { kind: 'read', flow, side, findings: flow.conversation.read(side, payload) }
    const passage = flow.stream.offer(side, header, payload)
    if (passage.verdict === 'drop') return { kind: 'drop', why: passage.reason }
    const findings = passage.fresh ? flow.conversation.read(side, passage.fresh) : NOTHING_FOUND
    return { kind: 'read', flow, side, findings }
  }

  /** A SYN on the ends of a connection that is over begins another one. */
  #known(key: string): Flow<S> | undefined {
    const flow = this.#flows.get(key)
    const isOpening = (this.#header.flags & (TCP.SYN | TCP.ACK)) === TCP.SYN
    return flow && isOpening && flow.stream?.isOver ? undefined : flow
  }

  #open(key: string, packet: { bytes: Uint8Array; isFromLower: boolean; hints: PacketHints }): Flow<S> {
    const { identifier, open, stream = STRICT } = this.#options
    const header = this.#header
    const transport = transportOf(header.protocol)
    const isAnswer = packet.hints.isReply ?? (header.flags & (TCP.SYN | TCP.ACK)) === (TCP.SYN | TCP.ACK)
    const flow = new Flow({
      transport,
      conversation: identifier.open(transport),
      stream: transport === 'TCP' ? new TcpStream(this.#memory, stream) : undefined,
      clientIsLower: packet.isFromLower !== isAnswer,
      state: open(header, packet.bytes),
    })
    this.#flows.add(key, flow)
    return flow
  }
}

function transportOf(protocol: number): Transport {
  if (protocol === IP_PROTOCOL.TCP) return 'TCP'
  return protocol === IP_PROTOCOL.UDP ? 'UDP' : 'SCTP'
}
