import { receiveOn } from './sockets.ts'

export const SCTP = 132
const INIT = 1
const HEADER_BYTES = 12
const INIT_BYTES = 20

/** CRC-32C (RFC 9260 appendix A), which connection tracking checks. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return ~crc >>> 0
}

/** The first packet of an association: common header and INIT chunk (RFC 9260 sections 3.1 and 3.3.2). */
export function initChunk(of: { sourcePort: number; port: number; tag: number }): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + INIT_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, of.sourcePort)
  view.setUint16(2, of.port)
  view.setUint8(HEADER_BYTES, INIT)
  view.setUint16(HEADER_BYTES + 2, INIT_BYTES)
  view.setUint32(HEADER_BYTES + 4, of.tag)
  view.setUint32(HEADER_BYTES + 8, 65_536)
  view.setUint16(HEADER_BYTES + 12, 1)
  view.setUint16(HEADER_BYTES + 14, 1)
  view.setUint32(HEADER_BYTES + 16, 1)
  view.setUint32(8, crc32c(bytes), true)
  return bytes
}

/** Initiate tags of the INIT chunks that wait on a raw socket; an IPv4 one shows the IP header before them. */
export function initTags(fd: number): number[] {
  const buffer = new Uint8Array(2048)
  const view = new DataView(buffer.buffer)
  const tags: number[] = []
  for (let length = receiveOn(fd, buffer); length !== undefined; length = receiveOn(fd, buffer)) {
    const start = length > HEADER_BYTES + INIT_BYTES ? (view.getUint8(0) & 0xf) * 4 : 0
    if (view.getUint8(start + HEADER_BYTES) === INIT) tags.push(view.getUint32(start + HEADER_BYTES + 4))
  }
  return tags
}
