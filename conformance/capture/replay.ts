import { type ApplicationName, applicationOfProtocol, formatIp, hasPorts, protocolName } from '@sekisho/core'
import {
  type Conversation,
  type Finding,
  flowKey,
  fromLower,
  type Identifier,
  PacketHeader,
  parsePacket,
  type Side,
  TCP,
  type Unread,
} from '@sekisho/inspect'
import { LenientStream } from './lenient-stream.ts'
import { ipPacketIn } from './link.ts'
import { type CapturedPacket, readCapture } from './pcap.ts'

export interface CaptureEnd {
  readonly ip: string
  readonly port: number
}

/** One flow of a capture, as the engine saw it. */
export interface ReplayedFlow {
  /** As in `TCP`, `ICMP`, `IP/50`. */
  readonly protocol: string
  readonly client: CaptureEnd
  readonly server: CaptureEnd
  /** All that were identified, in their order: the first, then what it was refined to or became. */
  readonly applications: readonly ApplicationName[]
  readonly findings: readonly Finding[]
  /** Packets with payload until the first was identified. */
  readonly packetsToDecide: number | undefined
  readonly payloadPackets: number
  readonly unread: Unread | undefined
}

class FlowReplay {
  readonly protocol: number
  readonly client: CaptureEnd
  readonly server: CaptureEnd
  /** Whether the client is the lower of both ends (see `fromLower`). */
  readonly #clientIsLower: boolean
  readonly #conversation: Conversation | undefined
  readonly #streams = { client: new LenientStream(), server: new LenientStream() }
  readonly #findings: Finding[] = []
  #packets = 0
  #decided: number | undefined
  #unread: Unread | undefined

  constructor(first: {
    readonly bytes: Uint8Array
    readonly header: PacketHeader
    readonly isFromLower: boolean
    readonly conversation: Conversation | undefined
  }) {
    const { bytes, header, isFromLower } = first
    // A capture that begins with the answer has the client second.
    const isAnswer = header.protocol === 6 && (header.flags & (TCP.SYN | TCP.ACK)) === (TCP.SYN | TCP.ACK)
    const [source, destination] = endsOf(bytes, header)
    this.protocol = header.protocol
    this.#clientIsLower = isFromLower !== isAnswer
    this.client = isAnswer ? destination : source
    this.server = isAnswer ? source : destination
    this.#conversation = first.conversation
  }

  /** Then a SYN is not the same one again. */
  get hasSpoken(): boolean {
    return this.#packets > 0
  }

  offer(header: PacketHeader, payload: Uint8Array, isFromLower: boolean): void {
    const side = isFromLower === this.#clientIsLower ? 'client' : 'server'
    if (payload.length > 0) this.#packets++
    const pieces = header.protocol === 6 ? this.#streams[side].offer(header, payload) : [payload]
    this.#read(side, pieces)
  }

  unread(why: Unread): void {
    this.#unread ??= why
  }

  end(): ReplayedFlow {
    for (const side of ['client', 'server'] as const) this.#read(side, this.#streams[side].end())
    const byProtocol = applicationOfProtocol(protocolName(this.protocol))
    const identified = this.#findings.flatMap(finding =>
      finding.kind === 'identified' ? [finding.application] : [],
    )
    return {
      protocol: protocolName(this.protocol),
      client: this.client,
      server: this.server,
      applications: byProtocol ? [byProtocol] : identified,
      findings: this.#findings,
      packetsToDecide: byProtocol ? 1 : this.#decided,
      payloadPackets: this.#packets,
      unread: this.#unread,
    }
  }

  #read(side: Side, pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) this.#findings.push(...(this.#conversation?.read(side, piece) ?? []))
    if (this.#conversation?.application) this.#decided ??= this.#packets
  }
}

function endsOf(bytes: Uint8Array, header: PacketHeader): readonly [CaptureEnd, CaptureEnd] {
  const length = header.family === 4 ? 4 : 16
  const ip = (at: number) => {
    const digits = Buffer.from(bytes.subarray(at, at + length)).toString('hex')
    return formatIp({ family: header.family, value: BigInt(`0x${digits}`) })
  }
  const portOf = (port: number) => (hasPorts(protocolName(header.protocol)) ? port : 0)
  return [
    { ip: ip(header.sourceAt), port: portOf(header.sourcePort) },
    { ip: ip(header.destinationAt), port: portOf(header.destinationPort) },
  ]
}

/** A new connection on the ends of an old one: a SYN that is not an answer. */
const isOpening = (header: PacketHeader): boolean =>
  header.protocol === 6 && (header.flags & (TCP.SYN | TCP.ACK)) === TCP.SYN

/** Every flow of a capture, in the order of its first packet. */
export function replay(path: string, identifier: Identifier): readonly ReplayedFlow[] {
  const flows = new Flows(identifier)
  for (const packet of readCapture(path)) flows.offer(packet)
  return flows.end()
}

class Flows {
  readonly #identifier: Identifier
  readonly #header = new PacketHeader()
  readonly #live = new Map<string, FlowReplay>()
  readonly #all: FlowReplay[] = []

  constructor(identifier: Identifier) {
    this.#identifier = identifier
  }

  offer(packet: CapturedPacket): void {
    const bytes = ipPacketIn(packet)
    if (!bytes) return
    const header = this.#header
    const unread = parsePacket(bytes, header)
    if (unread === 'not-ip' || unread === 'malformed-header' || unread === 'extension-chain') return
    const isFromLower = fromLower(bytes, header)
    const flow = this.#flowOf(bytes, isFromLower)
    if (unread) flow.unread(unread)
    else flow.offer(header, bytes.subarray(header.payloadAt, header.payloadEnd), isFromLower)
  }

  end(): readonly ReplayedFlow[] {
    return this.#all.map(flow => flow.end())
  }

  #flowOf(bytes: Uint8Array, isFromLower: boolean): FlowReplay {
    const header = this.#header
    const key = flowKey(bytes, header, isFromLower)
    const known = this.#live.get(key)
    if (known && !(isOpening(header) && known.hasSpoken)) return known
    const name = protocolName(header.protocol)
    const conversation = hasPorts(name) ? this.#identifier.open(name) : undefined
    const flow = new FlowReplay({ bytes, header, isFromLower, conversation })
    this.#live.set(key, flow)
    this.#all.push(flow)
    return flow
  }
}
