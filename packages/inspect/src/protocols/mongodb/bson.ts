import { Malformed } from '@sekisho/core'
import { u32le } from '../../numbers.ts'

/*
 * BSON (https://bsonspec.org/spec.html): length(32) element* 0. An element: type(8) name\0 value; all little-endian. Only
 * one level is walked here, so that depth costs nothing: documents inside others are values, and passed over.
 */
export const TYPE = { string: 2, document: 3 } as const

/** How long values are that do not say so, by their type. */
const FIXED: ReadonlyMap<number, number> = new Map([
  [0x01, 8], // double
  [0x06, 0], // undefined
  [0x07, 12], // object id
  [0x08, 1], // boolean
  [0x09, 8], // date
  [0x0a, 0], // null
  [0x10, 4], // int32
  [0x11, 8], // timestamp
  [0x12, 8], // int64
  [0x13, 16], // decimal128
  [0x7f, 0], // greatest key
  [0xff, 0], // least key
])
/** Bytes besides those that the length of the other values counts. */
const BESIDES: ReadonlyMap<number, number> = new Map([
  [TYPE.string, 4],
  [TYPE.document, 0],
  [0x04, 0], // array
  [0x05, 5], // binary
  [0x0c, 16], // pointer
  [0x0d, 4], // code
  [0x0e, 4], // symbol
  [0x0f, 0], // code with scope
])

/** @returns the length of the value that begins there, undefined while its own length is still to come. */
export function valueBytes(type: number, bytes: Uint8Array, at: number): number | undefined {
  const fixed = FIXED.get(type)
  if (fixed !== undefined) return fixed
  const besides = BESIDES.get(type)
  if (besides === undefined) throw new Malformed(`a value of type ${type} in a command`, 0)
  return bytes.length < at + 4 ? undefined : u32le(bytes, at) + besides
}
