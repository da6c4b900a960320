import { LIMITS, Malformed } from '@sekisho/core'
import { copyOf } from '../../bytes.ts'
import { Inbox } from '../../inbox.ts'
import { Chunks } from './chunks.ts'
import { LF } from './fields.ts'
import type { Body } from './head.ts'

/** One side of an HTTP/1 connection: a sequence of heads and bodies, of which only heads are held. */
export class Messages<Head extends { readonly length: number }> {
  readonly #inbox = new Inbox(LIMITS.inspectBytes.value)
  readonly #parse: (bytes: Uint8Array) => Head | undefined
  #chunks: Chunks | undefined
  /** Of the bytes at hand, how many were seen when the head was last found wanting. */
  #seen = 0
  #toTheEnd = false

  constructor(parse: (bytes: Uint8Array) => Head | undefined) {
    this.#parse = parse
  }

  push(bytes: Uint8Array): void {
    this.#inbox.push(bytes)
  }

  /** Nothing of a message has come that is not over. */
  get idle(): boolean {
    return this.#inbox.length === 0 && this.#chunks === undefined && !this.#inbox.owes
  }

  /** @returns the next head; undefined when more bytes are needed. Raises `Malformed`. */
  next(): Head | undefined {
    if (this.#toTheEnd) {
      this.#inbox.skip(this.#inbox.length)
      return undefined
    }
    if (this.#chunks) {
      if (!this.#chunks.skip(this.#inbox)) return undefined
      this.#chunks = undefined
    }
    return this.#head()
  }

  /** How the message goes on whose head came last. */
  body(body: Body): void {
    if (body === 'close') this.#toTheEnd = true
    else if (body === 'chunked') this.#chunks = new Chunks()
    else this.#inbox.skip(body)
  }

  /** A copy of what has come after the last head. */
  rest(): Uint8Array {
    return copyOf(this.#inbox.all())
  }

  /** Before the call returns whose bytes these are. */
  keep(): void {
    if (!this.#inbox.keep()) throw new Malformed('head longer than is held', 0)
  }

  #head(): Head | undefined {
    if (this.#inbox.length === 0) return undefined
    const bytes = this.#inbox.all()
    // A head that comes byte by byte is looked at again once for each of its lines, not for each byte.
    const nothingNew = this.#seen > 0 && bytes.indexOf(LF, this.#seen) < 0
    this.#seen = bytes.length
    if (nothingNew) return undefined
    const head = this.#parse(bytes)
    if (!head) return undefined
    this.#seen = 0
    this.#inbox.skip(head.length)
    return head
  }
}
