import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** One packet of a capture, from its link layer on. */
export interface CapturedPacket {
  /** LINKTYPE_* of https://www.tcpdump.org/linktypes.html. */
  readonly linkType: number
  readonly bytes: Uint8Array
}

const CAPTURE_BYTES = 64 * 1024 * 1024
const PCAPNG = 0x0a0d0d0a

/** Packets of a pcap or pcapng file, gzipped or not, in their order. A capture that is cut off ends where it is cut. */
export function readCapture(path: string): CapturedPacket[] {
  const file = readFileSync(path)
  const isGzip = file[0] === 0x1f && file[1] === 0x8b
  const bytes = isGzip ? gunzipSync(file, { maxOutputLength: CAPTURE_BYTES }) : file
  if (bytes.length < 24) return []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return view.getUint32(0) === PCAPNG ? [...pcapng(view)] : [...pcap(view)]
}

const at = (view: DataView, from: number, length: number): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + from, length)

/** Magic number of pcap in the writer's byte order; the time's unit, the other thing it tells, is of no interest. */
const isLittle = (magic: number): boolean => magic === 0xd4c3b2a1 || magic === 0x4d3cb2a1

/** https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html: a header of 24 bytes, then records of 16 and data. */
function* pcap(view: DataView): Generator<CapturedPacket> {
  const little = isLittle(view.getUint32(0))
  const linkType = view.getUint32(20, little) & 0xffff
  for (let from = 24; from + 16 <= view.byteLength; ) {
    const length = view.getUint32(from + 8, little)
    if (from + 16 + length > view.byteLength) return
    yield { linkType, bytes: at(view, from + 16, length) }
    from += 16 + length
  }
}

const SECTION = PCAPNG
const INTERFACE = 1
const OBSOLETE_PACKET = 2
const SIMPLE_PACKET = 3
const ENHANCED_PACKET = 6

/** Where the data of a packet block is: lengths and offsets within the block, by its type. */
function packetIn(
  view: DataView,
  from: number,
  little: boolean,
): readonly [id: number, at: number, length: number] {
  switch (view.getUint32(from, little)) {
    case ENHANCED_PACKET:
      return [view.getUint32(from + 8, little), from + 28, view.getUint32(from + 20, little)]
    case OBSOLETE_PACKET:
      return [view.getUint16(from + 8, little), from + 28, view.getUint32(from + 20, little)]
    case SIMPLE_PACKET: {
      const room = view.getUint32(from + 4, little) - 16
      return [0, from + 12, Math.min(room, view.getUint32(from + 8, little))]
    }
    default:
      return [0, 0, 0]
  }
}

/** https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html: blocks of type, length, body and length again. */
function* pcapng(view: DataView): Generator<CapturedPacket> {
  let little = true
  let linkTypes: number[] = []
  for (let from = 0; from + 12 <= view.byteLength; ) {
    if (view.getUint32(from) === SECTION) {
      little = view.getUint32(from + 8) === 0x4d3c2b1a
      linkTypes = []
    }
    const length = view.getUint32(from + 4, little)
    if (length < 12 || from + length > view.byteLength) return
    if (view.getUint32(from, little) === INTERFACE) linkTypes.push(view.getUint16(from + 8, little))
    const [id, data, captured] = packetIn(view, from, little)
    if (data > 0 && data + captured <= from + length) {
      yield { linkType: linkTypes[id] ?? 1, bytes: at(view, data, captured) }
    }
    from += length
  }
}
