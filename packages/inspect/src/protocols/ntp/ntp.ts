import { u16 } from '../../numbers.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * NTP (RFC 5905): leap(2 bits) version(3 bits) mode(3 bits) stratum(8) poll(8) precision(8) … 48 bytes, extensions and
 * a key after them. Mode 6 is control (RFC 9327): operation, sequence, status, association, offset, count; 7 ntpdc's.
 */
const TIME_BYTES = 48
const CONTROL_BYTES = 12

const mode = (bytes: Uint8Array): number => (bytes[0] ?? 0) & 7
const version = (bytes: Uint8Array): number => ((bytes[0] ?? 0) >> 3) & 7

function isTime(bytes: Uint8Array): boolean {
  const [, stratum = 0] = bytes
  const isLength = bytes.length >= TIME_BYTES && bytes.length % 4 === 0 && bytes.length <= 1_024
  return isLength && mode(bytes) >= 1 && mode(bytes) <= 5 && stratum <= 16
}

function isControl(bytes: Uint8Array): boolean {
  if (mode(bytes) === 7) return bytes.length >= 8 && u16(bytes, 4) >> 12 === 0 && (bytes[3] ?? 0) <= 45
  return mode(bytes) === 6 && bytes.length >= CONTROL_BYTES && bytes.length >= CONTROL_BYTES + u16(bytes, 10)
}

function recognise({ client, server }: Opening): Recognition {
  const sides = [client, server].filter(bytes => bytes.length > 0)
  if (sides.length === 0) return MORE
  if (sides.some(bytes => version(bytes) < 1 || version(bytes) > 4 || !(isTime(bytes) || isControl(bytes))))
    return NO
  const isAnswered = sides.length === 2 && mode(client) !== mode(server)
  return isAnswered ? certain('question and answer') : likely('mode, version and length')
}

export const ntp: Protocol = { application: 'ntp', transports: ['UDP'], recognise }
