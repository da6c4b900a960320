import { Malformed, Reader } from '@sekisho/core'

/*
 * https://protobuf.dev/programming-guides/encoding/: a message is fields, each `number << 3 | type` as a varint and a
 * value. What a reader does not know it passes over, so that a newer end can say more.
 */

/** Numbers of a fixed length are passed over: nothing that is read here has any. */
type Field =
  | { readonly number: number; readonly kind: 'varint'; readonly value: bigint }
  | { readonly number: number; readonly kind: 'bytes'; readonly value: Uint8Array }

const VARINT = 0
const FIXED_64 = 1
const BYTES = 2
const FIXED_32 = 5

/** Seven bits a byte, the lowest first; nine bytes and one bit hold 64. */
function varint(reader: Reader): bigint {
  let value = 0n
  for (let shift = 0n; shift < 64n; shift += 7n) {
    const byte = reader.u8()
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return BigInt.asUintN(64, value)
  }
  throw new Malformed('a varint of more than ten bytes', reader.at)
}

/** @throws Malformed */
function* fields(message: Uint8Array): Generator<Field> {
  const reader = new Reader(message)
  while (reader.left > 0) {
    const tag = varint(reader)
    const [number, type] = [Number(tag >> 3n), Number(tag & 7n)]
    if (number === 0) throw new Malformed('a field without a number', reader.at)
    switch (type) {
      case VARINT:
        yield { number, kind: 'varint', value: varint(reader) }
        break
      case BYTES:
        yield { number, kind: 'bytes', value: reader.bytes(Number(varint(reader))) }
        break
      case FIXED_64:
        reader.skip(8)
        break
      case FIXED_32:
        reader.skip(4)
        break
      default:
        throw new Malformed(`a field of type ${type}`, reader.at)
    }
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The fields of a message. What is not there reads as nothing; of what is there twice the last counts. */
export class Fields {
  readonly #message: Uint8Array
  readonly #last: ReadonlyMap<number, Field>

  /** @throws Malformed, as all that reads here does. */
  constructor(bytes: Uint8Array) {
    this.#message = bytes
    this.#last = new Map(fields(bytes).map(field => [field.number, field]))
  }

  text(number: number): string {
    return text(this.bytes(number))
  }

  /** A text, bytes, or a message in the message. */
  bytes(number: number): Uint8Array {
    return bytesOf(this.#last.get(number))
  }

  /** A whole number or a truth. */
  number(number: number): number {
    const field = this.#last.get(number)
    if (field?.kind === 'bytes') throw new Malformed(`field ${number} is not a number`, 0)
    return Number(BigInt.asIntN(64, field?.value ?? 0n))
  }

  /** All of a repeated field, one by one: there may be millions of them. */
  *all(number: number): Generator<Uint8Array> {
    for (const field of fields(this.#message)) if (field.number === number) yield bytesOf(field)
  }
}

const NOTHING = new Uint8Array()

function bytesOf(field: Field | undefined): Uint8Array {
  if (field?.kind === 'varint') throw new Malformed(`field ${field.number} has no length`, 0)
  return field?.value ?? NOTHING
}

/** @throws Malformed */
export function text(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) throw new Malformed('a text that is not UTF-8', 0)
    throw error
  }
}

/** A message of these fields; zero and what is empty may be left out, which is how it reads. */
export const message = (...all: readonly WrittenField[]): Buffer => Buffer.concat(all.flatMap(written))

/** A value that is a number is whole and not below zero. */
export type WrittenField = readonly [number: number, value: number | string | Uint8Array]

function written([number, value]: WrittenField): Uint8Array[] {
  if (typeof value === 'number') return [varintBytes(number * 8 + VARINT), varintBytes(value)]
  const bytes = Buffer.from(value)
  return [varintBytes(number * 8 + BYTES), varintBytes(bytes.length), bytes]
}

function varintBytes(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Uint8Array.of(...bytes, rest)
}
