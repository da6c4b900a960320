import { LIMITS, Malformed } from '@sekisho/core'
import { latin1 } from '../../ascii.ts'
import { decodeHuffman } from './huffman.ts'
import { STATIC_TABLE } from './static-table.ts'

/*
 * HPACK (RFC 7541): a header block is a sequence of
 *   1 index(7+)                                  a field of the static or the dynamic table
 *   01 name(6+) [name] value                     a field that is added to the dynamic table
 *   001 size(5+)                                 a new size of the dynamic table, before all fields
 *   0000 | 0001 name(4+) [name] value            a field that is not added
 * A string is H(1) length(7+) bytes, Huffman-coded where H is set. An integer whose prefix is all ones goes on in bytes
 * of seven bits, least significant first (section 5.1).
 */
export type Field = readonly [name: string, value: string]

const FIELD_OVERHEAD = 32
const DEFAULT_TABLE_BYTES = 4_096
/** Four more bytes say more than any length that is allowed. */
const INTEGER_SHIFT = 28

const sizeOf = ([name, value]: Field): number => name.length + value.length + FIELD_OVERHEAD

/** What one peer may refer to; the newest entry has the lowest index. */
class DynamicTable {
  readonly #oldestFirst: Field[] = []
  #bytes = 0
  #limit = DEFAULT_TABLE_BYTES

  at(index: number): Field | undefined {
    return this.#oldestFirst[this.#oldestFirst.length - 1 - index]
  }

  resize(limit: number): void {
    if (limit > LIMITS.hpackTableBytes.value) throw new Malformed('header table larger than is held', 0)
    this.#limit = limit
    this.#evict(limit)
  }

  /** RFC 7541 section 4.4: an entry larger than the table empties it. */
  add(field: Field): void {
    const size = sizeOf(field)
    this.#evict(this.#limit - size)
    if (size > this.#limit) return
    this.#oldestFirst.push(field)
    this.#bytes += size
  }

  #evict(limit: number): void {
    while (this.#bytes > limit) {
      const field = this.#oldestFirst.shift()
      if (!field) return
      this.#bytes -= sizeOf(field)
    }
  }
}

/** Decodes the header blocks of one direction of one connection, all of them and in order. */
export class HpackDecoder {
  readonly #table = new DynamicTable()
  #bytes: Uint8Array = new Uint8Array()
  #at = 0

  /** Raises `Malformed`; afterwards the table is not what the peer thinks it is. */
  decode(block: Uint8Array): readonly Field[] {
    this.#bytes = block
    this.#at = 0
    const fields: Field[] = []
    let size = 0
    while (this.#at < block.length) {
      const field = this.#next(fields.length === 0)
      if (!field) continue
      size += sizeOf(field)
      // A field of the table costs its sender one byte and us all of its own.
      if (size > LIMITS.http2HeaderBytes.value) throw new Malformed('headers longer than are read', this.#at)
      fields.push(field)
    }
    return fields
  }

  #next(first: boolean): Field | undefined {
    const byte = this.#bytes[this.#at] ?? 0
    if (byte & 0x80) return this.#indexed(this.#integer(7))
    if (byte & 0x40) {
      const field = this.#literal(6)
      this.#table.add(field)
      return field
    }
    if (!(byte & 0x20)) return this.#literal(4)
    if (!first) throw new Malformed('table size after a header', this.#at)
    this.#table.resize(this.#integer(5))
    return undefined
  }

  #indexed(index: number): Field {
    const field = STATIC_TABLE[index - 1] ?? this.#table.at(index - 1 - STATIC_TABLE.length)
    if (!field) throw new Malformed('index outside the header tables', this.#at)
    return field
  }

  #literal(prefix: number): Field {
    const index = this.#integer(prefix)
    const name = index === 0 ? this.#string() : this.#indexed(index)[0]
    return [name, this.#string()]
  }

  #string(): string {
    const huffman = (this.#byte() & 0x80) !== 0
    this.#at--
    const length = this.#integer(7)
    const end = this.#at + length
    if (end > this.#bytes.length) throw new Malformed('string of HPACK beyond its block', this.#at)
    const bytes = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return huffman ? decodeHuffman(bytes) : latin1(bytes, bytes.length)
  }

  #integer(prefix: number): number {
    const mask = (1 << prefix) - 1
    const first = this.#byte() & mask
    if (first < mask) return first
    let value = mask
    for (let shift = 0; shift < INTEGER_SHIFT; shift += 7) {
      const byte = this.#byte()
      value += (byte & 0x7f) << shift
      if (!(byte & 0x80)) return value
    }
    throw new Malformed('integer of HPACK too large', this.#at)
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new Malformed('header block cut short', this.#at)
    this.#at++
    return byte
  }
}
