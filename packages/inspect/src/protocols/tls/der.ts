import { Malformed, type Reader } from '@sekisho/core'

/*
 * DER (X.690): tag(8) length value; a length below 128 is one byte, else 0x80 + count and so many bytes of it.
 */
export interface Element {
  readonly tag: number
  readonly value: Reader
}
export const TAG = {
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const
const LONGEST_LENGTH = 3

export function element(reader: Reader): Element {
  const tag = reader.u8()
  const first = reader.u8()
  if (first < 0x80) return { tag, value: reader.sub(first) }
  const count = first & 0x7f
  if (count === 0 || count > LONGEST_LENGTH) throw new Malformed('length of DER', reader.at)
  let length = 0
  for (let i = 0; i < count; i++) length = length * 256 + reader.u8()
  return { tag, value: reader.sub(length) }
}

/** The next element, which must have that tag. */
export function expected(reader: Reader, tag: number): Reader {
  const found = element(reader)
  if (found.tag !== tag) throw new Malformed('another element of DER than expected', reader.at)
  return found.value
}

export function* elements(reader: Reader): Generator<Element> {
  while (reader.left > 0) yield element(reader)
}

export const rest = (reader: Reader): Uint8Array => reader.bytes(reader.left)
