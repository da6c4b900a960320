import { u16 } from '../../numbers.ts'
import { certain, likely, MORE, NO, type Opening, type Protocol, type Recognition } from '../../protocol.ts'

/*
 * RADIUS (RFC 2865): code(8) identifier(8) length(16) authenticator(16 bytes), then attributes: type(8) length(8) value.
 */
const CODES: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 11, 12, 13, 40, 41, 42, 43, 44, 45])
const HEADER_BYTES = 20
const LENGTH_MAX = 4_096

/** How many attributes there are, and whether they fill the message to its last byte. */
function attributes(bytes: Uint8Array, end: number): { readonly count: number; readonly isWhole: boolean } {
  let [at, count] = [HEADER_BYTES, 0]
  while (at < end) {
    const length = bytes[at + 1] ?? 0
    if (bytes[at] === 0 || length < 2 || at + length > end) return { count, isWhole: false }
    at += length
    count++
  }
  return { count, isWhole: true }
}

function recognise({ client, server }: Opening): Recognition {
  const bytes = client.length > 0 ? client : server
  if (bytes.length === 0) return MORE
  const length = u16(bytes, 2)
  const fits =
    CODES.has(bytes[0] ?? 0) && length >= HEADER_BYTES && length <= Math.min(LENGTH_MAX, bytes.length)
  if (!fits) return NO
  const { count, isWhole } = attributes(bytes, length)
  if (count > 0 && isWhole) return certain('code, length and attributes')
  return length === bytes.length ? likely('code and length') : NO
}

export const radius: Protocol = { application: 'radius', transports: ['UDP'], recognise }
