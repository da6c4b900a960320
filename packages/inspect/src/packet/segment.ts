import { IP_PROTOCOL } from './header.ts'
import { beginPacket, type PacketEnds, transportChecksum } from './ip-packet.ts'

/** A TCP segment to be made. */
export interface SegmentOf extends PacketEnds {
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

const TCP_BYTES = 20
const NOTHING = new Uint8Array()

/** An IP packet with a TCP segment (RFC 791 or 8200, and 9293), its checksums filled in. */
export function buildSegment(of: SegmentOf): Uint8Array {
  const { options = NOTHING, payload = NOTHING } = of
  const { bytes, ip } = beginPacket(of, IP_PROTOCOL.TCP, TCP_BYTES + options.length + payload.length)
  const tcp = new DataView(bytes.buffer, ip)
  writeTcp(tcp, of, options.length)
  bytes.set(options, ip + TCP_BYTES)
  bytes.set(payload, ip + TCP_BYTES + options.length)
  tcp.setUint16(16, transportChecksum(bytes, ip, IP_PROTOCOL.TCP))
  return bytes
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
