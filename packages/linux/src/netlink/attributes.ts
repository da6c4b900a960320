import { Malformed, type Reader } from '@sekisho/core'
import { ATTRIBUTE_HEADER, padding, TYPE_MASK } from './message.ts'

/**
 * A walk over attributes that makes no object for each of them: what `eachAttribute` does, for messages that come ten
 * thousand times a second. One walk is used for all messages, and has one inner walk per level of nesting; a walk over
 * another message must not begin before it ends.
 *
 *     for (const each = walk.over(body); each.next(); ) if (each.type === CTA.mark) mark = each.u32be()
 *
 * Raises `Malformed` for a length that is none and for a value shorter than what is read from it.
 */
export class AttributeWalk {
  /** Of the present attribute. */
  type = 0
  #value = 0
  #valueEnd = 0
  #next = 0
  #end = 0
  #view: DataView = new DataView(new ArrayBuffer(0))
  #inner: AttributeWalk | undefined

  /** All that the reader has left. */
  over(reader: Reader): this {
    return this.#begin(reader.view, reader.at, reader.at + reader.left)
  }

  /** The attributes that the present one contains. */
  inside(): AttributeWalk {
    const inner = this.#inner ?? new AttributeWalk()
    this.#inner = inner
    return inner.#begin(this.#view, this.#value, this.#valueEnd)
  }

  #begin(view: DataView, start: number, end: number): this {
    this.#view = view
    this.#next = start
    this.#end = end
    return this
  }

  /** To the next attribute; false when there is none. */
  next(): boolean {
    const at = this.#next
    if (at >= this.#end) return false
    if (at + ATTRIBUTE_HEADER > this.#end) throw new Malformed('half an attribute', at)
    const length = this.#view.getUint16(at, true)
    if (length < ATTRIBUTE_HEADER || at + length > this.#end) {
      throw new Malformed(`attribute length ${length}`, at)
    }
    this.type = this.#view.getUint16(at + 2, true) & TYPE_MASK
    this.#value = at + ATTRIBUTE_HEADER
    this.#valueEnd = at + length
    this.#next = this.#valueEnd + padding(length)
    return true
  }

  /** Bytes of the present value. */
  get length(): number {
    return this.#valueEnd - this.#value
  }

  #at(offset: number, count: number): number {
    const at = this.#value + offset
    if (at + count > this.#valueEnd) throw new Malformed(`${count} bytes wanted at ${offset}`, this.#value)
    return at
  }

  u8(offset = 0): number {
    return this.#view.getUint8(this.#at(offset, 1))
  }
  u16be(offset = 0): number {
    return this.#view.getUint16(this.#at(offset, 2))
  }
  u32be(offset = 0): number {
    return this.#view.getUint32(this.#at(offset, 4))
  }
  /** Exact up to 2^53, nine petabytes; big integers would cost more than all the rest. */
  u64be(offset = 0): number {
    return this.u32be(offset) * 0x1_0000_0000 + this.u32be(offset + 4)
  }
}
