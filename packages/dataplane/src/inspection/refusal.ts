import { buildDatagram, buildSegment, type PacketHeader, TCP } from '@sekisho/inspect'
import type { AnsweredDeny, SideDecision } from '@sekisho/policy'

/** A packet that does not pass. */
export interface RefusedPacket {
  /** From the IP header on. */
  readonly bytes: Uint8Array
  readonly header: PacketHeader
  /** How many bytes of its payload had passed before. */
  readonly repeated: number
}

/** How a denied connection ends, and how far that has come. */
export interface Refusal {
  readonly how: AnsweredDeny
  readonly by: SideDecision['by']
  /** It speaks HTTP/1, and all its earlier requests were answered, so that an answer now is to this one. */
  readonly mayRespond: boolean
}

/**
 * What is sent, in this order, where a connection is denied with a packet: its sender gets an answer or a reset, its
 * receiver a reset. Neither waits for what will never come.
 */
export function endWith(packet: RefusedPacket, { how, by, mayRespond }: Refusal): readonly Uint8Array[] {
  if (isReset(packet)) return []
  const responds = mayRespond && how !== 'reset' && (packet.header.flags & TCP.ACK) !== 0
  const toSender = responds ? response(packet, how === 'explain' ? by : undefined) : resetSender(packet)
  return [toSender, ...resetReceiver(packet)]
}

/** What is sent for a packet that still comes: its sender has not heard of the end. */
export const endAgain = (packet: RefusedPacket): readonly Uint8Array[] =>
  isReset(packet) ? [] : [resetSender(packet)]

/** A reset is never answered (RFC 9293 section 3.10.7.1). */
const isReset = ({ header }: RefusedPacket): boolean => (header.flags & TCP.RST) !== 0

/** Sequence numbers that a segment takes. */
const lengthOf = ({ flags, payloadAt, payloadEnd }: PacketHeader): number =>
  payloadEnd - payloadAt + ((flags & TCP.SYN) === 0 ? 0 : 1) + ((flags & TCP.FIN) === 0 ? 0 : 1)

/** The sequence number after a segment. */
export const endOf = (header: PacketHeader): number => (header.sequence + lengthOf(header)) >>> 0

const addresses = ({ bytes, header: { family, sourceAt, destinationAt } }: RefusedPacket) => {
  const length = family === 4 ? 4 : 16
  return {
    source: bytes.subarray(sourceAt, sourceAt + length),
    destination: bytes.subarray(destinationAt, destinationAt + length),
  }
}

/** From whom the packet was meant for. */
function towardsSender(packet: RefusedPacket) {
  const { source, destination } = addresses(packet)
  const { sourcePort, destinationPort } = packet.header
  return {
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
  }
}

/** What is said to the sender of a datagram in the name of whom it was meant for. */
export const answerTo = (packet: RefusedPacket, payload: Uint8Array): Uint8Array =>
  buildDatagram(towardsSender(packet), payload)

/** As who refuses a segment resets (RFC 9293 section 3.10.7.1): where the segment says that the sender expects it. */
function resetSender(packet: RefusedPacket): Uint8Array {
  const { header } = packet
  const knows = (header.flags & TCP.ACK) !== 0
  return buildSegment({
    ...towardsSender(packet),
    sequence: knows ? header.acknowledgement : 0,
    acknowledgement: knows ? 0 : endOf(header),
    flags: knows ? TCP.RST : TCP.RST | TCP.ACK,
    window: 0,
  })
}

/**
 * At the number that the receiver expects next if it got all that passed, or it answers with what it expects instead
 * (RFC 5961 section 3.2), and hears again. Of a first SYN it knows nothing.
 */
function resetReceiver({ header, ...packet }: RefusedPacket): readonly Uint8Array[] {
  if ((header.flags & TCP.ACK) === 0) return []
  const { sourcePort, destinationPort, sequence, acknowledgement } = header
  const ends = { ...addresses({ header, ...packet }), sourcePort, destinationPort }
  const next = (sequence + packet.repeated) >>> 0
  return [buildSegment({ ...ends, sequence: next, acknowledgement, flags: TCP.RST | TCP.ACK, window: 0 })]
}

const letters = new TextEncoder()

/** Without content, so that it is whole for HEAD as well (RFC 9110 section 9.3.2). Policy is told only who asked for it. */
function response(packet: RefusedPacket, by: SideDecision['by']): Uint8Array {
  const { header } = packet
  const named = by === undefined ? '' : `Sekisho-Denied-By: ${by}\r\n`
  const text = `HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\nCache-Control: no-store\r\n${named}\r\n`
  return buildSegment({
    ...towardsSender(packet),
    sequence: header.acknowledgement,
    acknowledgement: endOf(header),
    flags: TCP.FIN | TCP.PSH | TCP.ACK,
    window: 0xffff,
    options: timestamps(packet),
    payload: letters.encode(text),
  })
}

const NO_OPERATION = 1
const TIMESTAMPS = { kind: 8, length: 10 } as const

/**
 * Once agreed on they belong into every segment (RFC 7323 section 3.2): the last of the other end, which the packet
 * echoes, and an echo of its own.
 */
function timestamps({ bytes, header }: RefusedPacket): Uint8Array {
  const at = header.hasTimestamp ? timestampsAt(bytes, header) : undefined
  if (at === undefined) return new Uint8Array()
  const value = bytes.subarray(at + 2, at + 6)
  const echo = bytes.subarray(at + 6, at + 10)
  return Uint8Array.of(NO_OPERATION, NO_OPERATION, TIMESTAMPS.kind, TIMESTAMPS.length, ...echo, ...value)
}

/** The parser has found that they are there. */
function timestampsAt(bytes: Uint8Array, { transportAt, payloadAt }: PacketHeader): number | undefined {
  for (let at = transportAt + 20; at < payloadAt; ) {
    if (bytes[at] === TIMESTAMPS.kind) return at
    at += bytes[at] === NO_OPERATION ? 1 : Math.max(2, bytes[at + 1] ?? 0)
  }
  return undefined
}
