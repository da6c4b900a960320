/** Writer for the part of ASN.1 DER (X.690) that certificates need. Values in, bytes out; nothing is parsed. */

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** X.690 section 8.1.3: short form below 128, else the count of length bytes with the top bit set. */
function length(count: number): Buffer {
  if (count < 0x80) return Buffer.of(count)
  const bytes: number[] = []
  for (let rest = count; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff)
  return Buffer.of(0x80 | bytes.length, ...bytes)
}

const tlv = (tag: number, ...content: readonly Uint8Array[]): Buffer => {
  const value = Buffer.concat(content)
  return Buffer.concat([Buffer.of(tag), length(value.length), value])
}

export const sequence = (...items: readonly Uint8Array[]): Buffer => tlv(TAG.sequence, ...items)
export const setOf = (item: Uint8Array): Buffer => tlv(TAG.set, item)
export const octetString = (bytes: Uint8Array): Buffer => tlv(TAG.octetString, bytes)
export const utf8String = (text: string): Buffer => tlv(TAG.utf8String, Buffer.from(text, 'utf8'))
/** X.690 section 11.1: DER's true is all ones. False is a default and therefore never written. */
export const TRUE = tlv(TAG.boolean, Buffer.of(0xff))

/** A number that is never negative: a leading zero keeps the sign bit clear; no other leading zeros. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex(byte => byte !== 0)
  const digits = first < 0 ? Buffer.of(0) : bytes.subarray(first)
  return tlv(TAG.integer, Buffer.of(...((digits[0] ?? 0) & 0x80 ? [0] : [])), digits)
}

/** @param unused how many of the last byte's low bits do not count. */
export const bitString = (bytes: Uint8Array, unused = 0): Buffer =>
  tlv(TAG.bitString, Buffer.of(unused), bytes)

/** `constructed` wraps other values, as in EXPLICIT tags; otherwise the content is raw (IMPLICIT). */
export const context = (number: number, content: Uint8Array, constructed: boolean): Buffer =>
  tlv((constructed ? 0xa0 : 0x80) | number, content)

/** X.690 section 8.19: the first two arcs share a byte, the others are base 128 with a continuation bit. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const digits = [arc & 0x7f]
    for (let left = arc >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80)
    bytes.push(...digits)
  }
  return tlv(TAG.oid, Buffer.from(bytes))
}

/** RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime after; always UTC, with seconds. */
export function time(epochMs: number): Buffer {
  const date = new Date(epochMs)
  const text = date.toISOString().replace(/[-:T]/g, '').slice(0, 14)
  return date.getUTCFullYear() < 2050
    ? tlv(TAG.utcTime, Buffer.from(`${text.slice(2)}Z`))
    : tlv(TAG.generalizedTime, Buffer.from(`${text}Z`))
}
