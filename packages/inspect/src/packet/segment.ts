import { checksumOf, pseudoSum } from './checksum.ts'
import { IP_PROTOCOL } from './header.ts'

/** A TCP segment to be made. */
export interface SegmentOf {
  /** Both of 4 or both of 16 bytes. */
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly sourcePort: number
  readonly destinationPort: number
  /** Unsigned 32 bits. */
  readonly sequence: number
  readonly acknowledgement: number
  /** Bits of `TCP`. */
  readonly flags: number
  readonly window: number
  /** A multiple of four bytes, 40 at most. */
  readonly options?: Uint8Array
  readonly payload?: Uint8Array
}

const HOPS = 64
const DO_NOT_FRAGMENT = 0x4000
const TCP_BYTES = 20
const NOTHING = new Uint8Array()

/** An IP packet with a TCP segment (RFC 791 or 8200, and 9293), its checksums filled in. */
export function buildSegment(of: SegmentOf): Uint8Array {
  const { source, destination, options = NOTHING, payload = NOTHING } = of
  const ip = source.length === 4 ? 20 : 40
  const length = TCP_BYTES + options.length + payload.length
  const bytes = new Uint8Array(ip + length)
  const view = new DataView(bytes.buffer)
  if (ip === 20) writeIp4(view, length)
  else writeIp6(view, length)
  bytes.set(source, ip - 2 * source.length)
  bytes.set(destination, ip - destination.length)
  if (ip === 20) view.setUint16(10, checksumOf(bytes.subarray(0, ip), 0))
  writeTcp(new DataView(bytes.buffer, ip), of, options.length)
  bytes.set(options, ip + TCP_BYTES)
  bytes.set(payload, ip + TCP_BYTES + options.length)
  const addresses = bytes.subarray(ip - 2 * source.length, ip)
  view.setUint16(ip + 16, checksumOf(bytes, ip, pseudoSum(addresses, length, IP_PROTOCOL.TCP)))
  return bytes
}

/*
 *  0 version, length | 2 total length | 6 flags, fragment offset | 8 TTL | 9 protocol | 12 source | 16 destination
 */
function writeIp4(view: DataView, length: number): void {
  view.setUint8(0, 0x45)
  view.setUint16(2, 20 + length)
  view.setUint16(6, DO_NOT_FRAGMENT)
  view.setUint8(8, HOPS)
  view.setUint8(9, IP_PROTOCOL.TCP)
}

/*
 *  0 version, class, flow | 4 payload length | 6 next header | 7 hop limit | 8 source | 24 destination
 */
function writeIp6(view: DataView, length: number): void {
  view.setUint8(0, 0x60)
  view.setUint16(4, length)
  view.setUint8(6, IP_PROTOCOL.TCP)
  view.setUint8(7, HOPS)
}

/*
 *  0 source port | 2 destination port | 4 sequence | 8 acknowledgement | 12 data offset | 13 flags | 14 window
 */
function writeTcp(view: DataView, of: SegmentOf, optionBytes: number): void {
  view.setUint16(0, of.sourcePort)
  view.setUint16(2, of.destinationPort)
  view.setUint32(4, of.sequence)
  view.setUint32(8, of.acknowledgement)
  view.setUint8(12, ((TCP_BYTES + optionBytes) / 4) << 4)
  view.setUint8(13, of.flags)
  view.setUint16(14, of.window)
}
