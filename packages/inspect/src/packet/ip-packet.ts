import { checksumOf, pseudoSum } from './checksum.ts'

/** Addresses are both of 4 or both of 16 bytes; ports are the transport's. */
export interface PacketEnds {
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly sourcePort: number
  readonly destinationPort: number
}

const HOPS = 64
const DO_NOT_FRAGMENT = 0x4000

/** An IP packet (RFC 791 or 8200) with room for a transport of so many bytes, which begins at `ip`. */
export function beginPacket(
  { source, destination }: PacketEnds,
  protocol: number,
  length: number,
): { readonly bytes: Uint8Array; readonly ip: 20 | 40 } {
  const ip = source.length === 4 ? 20 : 40
  const bytes = new Uint8Array(ip + length)
  const view = new DataView(bytes.buffer)
  if (ip === 20) writeIp4(view, protocol, length)
  else writeIp6(view, protocol, length)
  bytes.set(source, ip - 2 * source.length)
  bytes.set(destination, ip - destination.length)
  if (ip === 20) view.setUint16(10, checksumOf(bytes.subarray(0, ip), 0))
  return { bytes, ip }
}

/** Of the transport, once all else is written and its own checksum is zero. */
export function transportChecksum(bytes: Uint8Array, ip: 20 | 40, protocol: number): number {
  const addresses = bytes.subarray(ip - (ip === 20 ? 8 : 32), ip)
  return checksumOf(bytes, ip, pseudoSum(addresses, bytes.length - ip, protocol))
}

/*
 *  0 version, length | 2 total length | 6 flags, fragment offset | 8 TTL | 9 protocol | 12 source | 16 destination
 */
function writeIp4(view: DataView, protocol: number, length: number): void {
  view.setUint8(0, 0x45)
  view.setUint16(2, 20 + length)
  view.setUint16(6, DO_NOT_FRAGMENT)
  view.setUint8(8, HOPS)
  view.setUint8(9, protocol)
}

/*
 *  0 version, class, flow | 4 payload length | 6 next header | 7 hop limit | 8 source | 24 destination
 */
function writeIp6(view: DataView, protocol: number, length: number): void {
  view.setUint8(0, 0x60)
  view.setUint16(4, length)
  view.setUint8(6, protocol)
  view.setUint8(7, HOPS)
}
