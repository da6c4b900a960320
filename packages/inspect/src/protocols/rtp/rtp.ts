import { u16 } from '../../numbers.ts'
import { likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * RTP (RFC 3550): version(2 bits, 2) padding extension sources(4 bits) marker(1 bit) type(7 bits) number(16) time(32)
 * source(32). RTCP: version, type 200 to 204 (8), length(16) in words less one.
 */
const HEADER_BYTES = 12
/** RFC 3551's own types, and those that a session agrees on. */
const isMedia = (type: number): boolean => type <= 34 || type >= 96

function isControl(bytes: Uint8Array): boolean {
  const type = bytes[1] ?? 0
  return type >= 200 && type <= 207 && (u16(bytes, 2) + 1) * 4 <= bytes.length && bytes.length % 4 === 0
}
const isPacket = (bytes: Uint8Array): boolean =>
  bytes.length > HEADER_BYTES && ((bytes[0] ?? 0) & 0x0f) === 0 && isMedia((bytes[1] ?? 0) & 0x7f)

function recognise({ client, server }: Opening): Recognition {
  const sides = [client, server].filter(bytes => bytes.length > 0)
  if (sides.length === 0) return MORE
  if (sides.some(bytes => (bytes[0] ?? 0) >> 6 !== 2)) return NO
  if (sides.every(isControl)) return likely('packets of RTCP')
  return sides.every(bytes => isControl(bytes) || isPacket(bytes)) ? likely('version 2 and a known type') : NO
}

export const rtp: Protocol = { application: 'rtp', transports: ['UDP'], recognise }
