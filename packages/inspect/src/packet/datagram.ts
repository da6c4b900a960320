import { IP_PROTOCOL } from './header.ts'
import { beginPacket, type PacketEnds, transportChecksum } from './ip-packet.ts'

const UDP_BYTES = 8

/*
 *  0 source port | 2 destination port | 4 length | 6 checksum
 */
/** An IP packet with a datagram (RFC 768), its checksums filled in. */
export function buildDatagram(ends: PacketEnds, payload: Uint8Array): Uint8Array {
  const length = UDP_BYTES + payload.length
  const { bytes, ip } = beginPacket(ends, IP_PROTOCOL.UDP, length)
  const view = new DataView(bytes.buffer, ip)
  view.setUint16(0, ends.sourcePort)
  view.setUint16(2, ends.destinationPort)
  view.setUint16(4, length)
  bytes.set(payload, ip + UDP_BYTES)
  // A sum of zero is sent as its other form: zero says that there is none.
  view.setUint16(6, transportChecksum(bytes, ip, IP_PROTOCOL.UDP) || 0xffff)
  return bytes
}
