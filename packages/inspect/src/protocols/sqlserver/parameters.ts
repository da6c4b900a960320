import { Malformed, type Reader } from '@sekisho/core'

/*
 * Parameters of a remote call (MS-TDS 2.2.6.6): name(8 and UTF-16) status(8) type(8) what the type says, and a value whose
 * length the type tells how to read (2.2.5.4).
 */
interface Parameter {
  readonly name: string
  /** Of a text in UTF-16 only. */
  readonly text?: Uint8Array
}

/** Values of so many bytes. */
const FIXED: ReadonlyMap<number, number> = new Map([
  [0x1f, 0],
  [0x30, 1],
  [0x32, 1],
  [0x34, 2],
  [0x38, 4],
  [0x3a, 4],
  [0x3b, 4],
  [0x3c, 8],
  [0x3d, 8],
  [0x3e, 8],
  [0x7a, 4],
  [0x7f, 8],
])
/** Values of up to 255 bytes: so many bytes about the type come before the length. */
const SHORT: ReadonlyMap<number, number> = new Map([
  [0x24, 1],
  [0x26, 1],
  [0x28, 0],
  [0x29, 1],
  [0x2a, 1],
  [0x2b, 1],
  [0x68, 1],
  [0x6a, 3],
  [0x6c, 3],
  [0x6d, 1],
  [0x6e, 1],
  [0x6f, 1],
])
const COLLATION_BYTES = 5
/** Of up to 65 534 bytes, or in parts where the greatest length is 65 535: whether they have a collation. */
const MEDIUM: ReadonlyMap<number, boolean> = new Map([
  [0xa5, false],
  [0xad, false],
  [0xa7, true],
  [0xaf, true],
  [0xe7, true],
  [0xef, true],
])
/** Of up to 2 GB. */
const LONG: ReadonlyMap<number, boolean> = new Map([
  [0x22, false],
  [0x62, false],
  [0x23, true],
  [0x63, true],
])
const UTF16_TYPES: ReadonlySet<number> = new Set([0x63, 0xe7, 0xef])
const NONE_16 = 0xffff
const NONE_32 = 0xffff_ffff
const EMPTY = new Uint8Array()

export function readParameter(reader: Reader): Parameter {
  const name = UTF16.decode(reader.bytes(2 * reader.u8()))
  reader.skip(1)
  const type = reader.u8()
  const value = readValue(type, reader)
  return UTF16_TYPES.has(type) ? { name, text: value } : { name }
}

export const UTF16 = new TextDecoder('utf-16le')

function readValue(type: number, reader: Reader): Uint8Array {
  const fixed = FIXED.get(type)
  if (fixed !== undefined) return reader.bytes(fixed)
  const about = SHORT.get(type)
  if (about !== undefined) {
    reader.skip(about)
    return reader.bytes(reader.u8())
  }
  const isText = MEDIUM.get(type)
  if (isText !== undefined) return readMedium(isText, reader)
  const isLongText = LONG.get(type)
  if (isLongText === undefined) throw new Malformed(`a parameter of type ${type}`, reader.at)
  reader.skip(4 + (isLongText ? COLLATION_BYTES : 0))
  const length = reader.u32le()
  return length === NONE_32 ? EMPTY : reader.bytes(length)
}

function readMedium(isText: boolean, reader: Reader): Uint8Array {
  const greatest = reader.u16le()
  if (isText) reader.skip(COLLATION_BYTES)
  if (greatest === NONE_16) return readParts(reader)
  const length = reader.u16le()
  return length === NONE_16 ? EMPTY : reader.bytes(length)
}

/** length(64) (length(32) bytes)* 0(32); the first length may be not known (-2) or say that there is no value (-1). */
function readParts(reader: Reader): Uint8Array {
  const [low, high] = [reader.u32le(), reader.u32le()]
  if (low === NONE_32 && high === NONE_32) return EMPTY
  const parts: Uint8Array[] = []
  for (let length = reader.u32le(); length > 0; length = reader.u32le()) parts.push(reader.bytes(length))
  return parts.length === 1 ? (parts[0] ?? EMPTY) : Buffer.concat(parts)
}
