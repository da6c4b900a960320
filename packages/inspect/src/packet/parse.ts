import { u16, u32 } from '../numbers.ts'
import { IP_PROTOCOL, type PacketHeader } from './header.ts'

/**
 * Why a packet cannot be read further. Closed: what was not inspected is counted by these, so that nobody takes
 * silence for safety.
 */
export const UNREAD = [
  'not-ip', // neither IPv4 nor IPv6
  'malformed-header', // lengths that contradict each other, or an end before the header's
  'fragment', // one that the kernel did not put together
  'extension-chain', // more IPv6 extension headers than any honest sender uses
  'ip-in-ip', // an IP packet within (protocols 4 and 41)
  'gre',
  'esp', // encrypted by IPsec
  'other-transport', // neither TCP, UDP, SCTP nor ICMP
] as const
export type Unread = (typeof UNREAD)[number]

/** Of such a packet the ends and the protocol are known, which is all that a policy can ask about it. */
const CLOSED: ReadonlySet<Unread> = new Set(['ip-in-ip', 'gre', 'esp', 'other-transport'])
export const hasEnds = (unread: Unread): boolean => CLOSED.has(unread)

/** RFC 8200 section 4.1 names six, and each at most once or twice. */
const EXTENSION_HEADERS = 8

/**
 * Reads an IP packet's headers (RFC 791, 8200, 9293, 768, 792, 4443) into `header`.
 * @returns why the packet cannot be read; then `header` holds what was read until there.
 */
export function parsePacket(bytes: Uint8Array, header: PacketHeader): Unread | undefined {
  const version = (bytes[0] ?? 0) >> 4
  header.sourcePort = 0
  header.destinationPort = 0
  header.flags = 0
  if (version === 4) return ipv4(bytes, header)
  return version === 6 ? ipv6(bytes, header) : 'not-ip'
}

/*
 *  0 version, length | 2 total length | 6 flags, fragment offset | 8 TTL | 9 protocol | 12 source | 16 destination
 */
function ipv4(bytes: Uint8Array, header: PacketHeader): Unread | undefined {
  const headerLength = ((bytes[0] ?? 0) & 0x0f) * 4
  if (headerLength < 20 || bytes.length < headerLength) return 'malformed-header'
  header.family = 4
  header.hops = bytes[8] ?? 0
  header.sourceAt = 12
  header.destinationAt = 16
  header.protocol = bytes[9] ?? 0
  if (!bound(bytes, header, u16(bytes, 2), headerLength)) return 'malformed-header'
  // More fragments, or an offset. Bit 14, "do not fragment", is in most packets.
  if ((u16(bytes, 6) & 0x3fff) !== 0) return 'fragment'
  return transport(bytes, header)
}

/*
 *  0 version, class, flow label | 4 payload length | 6 next header | 7 hop limit | 8 source | 24 destination
 */
function ipv6(bytes: Uint8Array, header: PacketHeader): Unread | undefined {
  if (bytes.length < 40) return 'malformed-header'
  header.family = 6
  header.hops = bytes[7] ?? 0
  header.sourceAt = 8
  header.destinationAt = 24
  header.protocol = bytes[6] ?? 0
  const payloadLength = u16(bytes, 4)
  if (!bound(bytes, header, payloadLength === 0 ? 0 : payloadLength + 40, 40)) return 'malformed-header'
  return extensions(bytes, header)
}

/** @param length of the whole packet; 0 where it is too large for the field (segmentation offload, jumbograms). */
function bound(bytes: Uint8Array, header: PacketHeader, length: number, headerLength: number): boolean {
  const end = length === 0 ? bytes.length : length
  header.transportAt = headerLength
  header.payloadAt = headerLength
  header.payloadEnd = Math.min(end, bytes.length)
  header.missing = end - header.payloadEnd
  return end >= headerLength
}

/**
 * Passes over extension headers: next header, length in units of 8 bytes beyond the first (of AH, 4 bytes beyond 2). As in
 * the kernel, AH is one of them in IPv6, and in IPv4 a protocol of its own.
 */
function extensions(bytes: Uint8Array, header: PacketHeader): Unread | undefined {
  for (let count = 0; count <= EXTENSION_HEADERS; count++) {
    const at = header.transportAt
    const length = extensionLength(header.protocol, bytes[at + 1] ?? 0)
    if (length === 0) return transport(bytes, header)
    if (at + length > header.payloadEnd) return 'malformed-header'
    // An "atomic" fragment header (offset 0, none to follow) is a whole packet: RFC 6946.
    if (header.protocol === IP_PROTOCOL.FRAGMENT && (u16(bytes, at + 2) & 0xfff9) !== 0) return 'fragment'
    header.protocol = bytes[at] ?? 0
    header.transportAt = at + length
    header.payloadAt = at + length
  }
  return 'extension-chain'
}

/** 0 where the protocol is not an extension header. */
function extensionLength(protocol: number, units: number): number {
  switch (protocol) {
    case IP_PROTOCOL.HOP_BY_HOP:
    case IP_PROTOCOL.ROUTING:
    case IP_PROTOCOL.DESTINATION_OPTIONS:
    case IP_PROTOCOL.MOBILITY:
      return (units + 1) * 8
    case IP_PROTOCOL.FRAGMENT:
      return 8
    case IP_PROTOCOL.AH:
      return (units + 2) * 4
    default:
      return 0
  }
}

function transport(bytes: Uint8Array, header: PacketHeader): Unread | undefined {
  switch (header.protocol) {
    case IP_PROTOCOL.TCP:
      return tcp(bytes, header)
    case IP_PROTOCOL.UDP:
      return udp(bytes, header)
    case IP_PROTOCOL.SCTP:
      return ports(bytes, header, 12)
    case IP_PROTOCOL.ICMP:
      return icmp(bytes, header, QUESTIONS_4)
    case IP_PROTOCOL.ICMPV6:
      return icmp(bytes, header, QUESTIONS_6)
    case IP_PROTOCOL.IP_IN_IP:
    case IP_PROTOCOL.IPV6_IN_IP:
      return 'ip-in-ip'
    case IP_PROTOCOL.GRE:
      return 'gre'
    case IP_PROTOCOL.ESP:
      return 'esp'
    default:
      return 'other-transport'
  }
}

function skip(header: PacketHeader, length: number): Unread | undefined {
  header.payloadAt = header.transportAt + length
  return header.payloadAt > header.payloadEnd ? 'malformed-header' : undefined
}

function ports(bytes: Uint8Array, header: PacketHeader, length: number): Unread | undefined {
  header.sourcePort = u16(bytes, header.transportAt)
  header.destinationPort = u16(bytes, header.transportAt + 2)
  return skip(header, length)
}

/** Types of answers, and of the questions that they are to: echo, timestamp, information, mask (RFC 792, 950); node (RFC 4620). */
const QUESTIONS_4: ReadonlyMap<number, number> = new Map([
  [0, 8],
  [14, 13],
  [16, 15],
  [18, 17],
])
const QUESTIONS_6: ReadonlyMap<number, number> = new Map([
  [129, 128],
  [140, 139],
])

/*
 *  0 type | 1 code | 2 checksum | 4 identifier
 */
/** As the kernel tracks it: who asks has no port but an identifier, and who answers the question's type. */
function icmp(
  bytes: Uint8Array,
  header: PacketHeader,
  questions: ReadonlyMap<number, number>,
): Unread | undefined {
  const at = header.transportAt
  const type = bytes[at] ?? 0
  const question = questions.get(type)
  header.sourcePort = question ?? u16(bytes, at + 4)
  header.destinationPort = question === undefined ? type : u16(bytes, at + 4)
  return skip(header, 8)
}

/*
 *  0 source port | 2 destination port | 4 length, header included | 6 checksum
 */
function udp(bytes: Uint8Array, header: PacketHeader): Unread | undefined {
  const unread = ports(bytes, header, 8)
  if (unread) return unread
  const length = u16(bytes, header.transportAt + 4)
  if (length === 0) return undefined // too large for the field: RFC 2675 section 4
  if (length < 8) return 'malformed-header'
  const end = header.transportAt + length
  // The receiver is given no more than the UDP length says: what follows is not part of the datagram.
  if (end > header.payloadEnd + header.missing) return 'malformed-header'
  header.missing = Math.max(0, end - header.payloadEnd)
  header.payloadEnd = Math.min(header.payloadEnd, end)
  return undefined
}

/*
 *  0 source port | 2 destination port | 4 sequence | 8 acknowledgement | 12 data offset | 13 flags | 14 window
 *  16 checksum | 18 urgent pointer | 20 options
 */
function tcp(bytes: Uint8Array, header: PacketHeader): Unread | undefined {
  const at = header.transportAt
  if (at + 20 > header.payloadEnd) return 'malformed-header'
  header.sequence = u32(bytes, at + 4)
  header.acknowledgement = u32(bytes, at + 8)
  header.flags = bytes[at + 13] ?? 0
  header.window = u16(bytes, at + 14)
  header.urgentPointer = u16(bytes, at + 18)
  header.hasTimestamp = false
  const length = ((bytes[at + 12] ?? 0) >> 4) * 4
  if (length < 20) return 'malformed-header'
  const unread = ports(bytes, header, length)
  if (!unread && length > 20) options(bytes, header, at + 20)
  return unread
}

/** Finds the timestamp (kind 8, RFC 7323).. */
function options(bytes: Uint8Array, header: PacketHeader, from: number): void {
  const end = header.payloadAt
  let at = from
  while (at < end) {
    const kind = bytes[at] ?? 0
    if (kind === 0) return
    const length = kind === 1 ? 1 : (bytes[at + 1] ?? 0)
    if (kind !== 1 && (length < 2 || at + length > end)) return
    if (kind === 8 && length === 10) {
      header.hasTimestamp = true
      header.timestamp = u32(bytes, at + 2)
      return
    }
    at += length
  }
}
