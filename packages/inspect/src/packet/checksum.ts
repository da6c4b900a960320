import { IP_PROTOCOL, type PacketHeader } from './header.ts'

/** From here on a view of words is faster than bytes, though it must be made. */
const LONG_BYTES = 128

/** The Internet checksum's sum (RFC 1071) of 16-bit words, an odd last byte padded with zero; not yet folded. */
function sum(bytes: Uint8Array, from: number, to: number): number {
  if (to - from >= LONG_BYTES) return sumLong(bytes, from, to)
  let total = 0
  let at = from
  for (; at + 1 < to; at += 2) total += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  return at < to ? total + ((bytes[at] ?? 0) << 8) : total
}

/** Eight bytes at a time, and the rest as above. */
function sumLong(bytes: Uint8Array, from: number, to: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + from, to - from)
  const end = (to - from) & ~7
  let one = 0
  let other = 0
  for (let at = 0; at < end; at += 8) {
    const a = view.getInt32(at)
    const b = view.getInt32(at + 4)
    one += (a >>> 16) + (a & 0xffff)
    other += (b >>> 16) + (b & 0xffff)
  }
  return one + other + sum(bytes, from + end, to)
}

/** @returns 0xffff when the words, their checksum among them, add up. */
function fold(total: number): number {
  let folded = total
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000)
  return folded
}

/**
 * Whether the packet's checksums are those of its bytes: a receiver drops what fails here, so it must not be read as
 * if the receiver had it (insertion). Not to be asked of packets whose checksums hardware or the kernel is yet to
 * fill in (segmentation offload, `NFQA_SKB_CSUMNOTREADY`), nor where bytes are missing.
 */
export function checksumsHold(bytes: Uint8Array, header: PacketHeader): boolean {
  if (header.family === 4 && fold(sum(bytes, 0, ((bytes[0] ?? 0) & 0x0f) * 4)) !== 0xffff) return false
  switch (header.protocol) {
    case IP_PROTOCOL.TCP:
    case IP_PROTOCOL.ICMPV6:
      return fold(pseudo(bytes, header) + sum(bytes, header.transportAt, header.payloadEnd)) === 0xffff
    case IP_PROTOCOL.UDP:
      return udpHolds(bytes, header)
    case IP_PROTOCOL.ICMP:
      return fold(sum(bytes, header.transportAt, header.payloadEnd)) === 0xffff
    default:
      return true
  }
}

/** The checksum that bytes with a zero in its place are to have; `pseudo` is the sum of what stands before them. */
export const checksumOf = (bytes: Uint8Array, from: number, pseudo = 0): number =>
  ~fold(pseudo + sum(bytes, from, bytes.length)) & 0xffff

/** The sum of a pseudo-header: both addresses, the length from the transport header on, the protocol. */
export const pseudoSum = (addresses: Uint8Array, length: number, protocol: number): number =>
  sum(addresses, 0, addresses.length) + length + protocol

/** Over IPv4 a UDP checksum of zero says that there is none (RFC 768); over IPv6 it may not (RFC 8200 section 8.1). */
function udpHolds(bytes: Uint8Array, header: PacketHeader): boolean {
  const at = header.transportAt + 6
  if (bytes[at] === 0 && bytes[at + 1] === 0) return header.family === 4
  return fold(pseudo(bytes, header) + sum(bytes, header.transportAt, header.payloadEnd)) === 0xffff
}

/** The pseudo-header: both addresses, the length from the transport header on, the protocol. */
function pseudo(bytes: Uint8Array, header: PacketHeader): number {
  const length = header.family === 4 ? 4 : 16
  const addresses =
    sum(bytes, header.sourceAt, header.sourceAt + length) +
    sum(bytes, header.destinationAt, header.destinationAt + length)
  return addresses + (header.payloadEnd - header.transportAt) + header.protocol
}
