import { type L7Request, Malformed } from '@sekisho/core'
import type { BoldReader } from '../../guarded.ts'
import { Inbox } from '../../inbox.ts'
import { u16, u32 } from '../../numbers.ts'
import type { Side } from '../../protocol.ts'
import type { Reading } from '../../reading.ts'
import { APIS } from './apis.ts'
import { type Field, LAYOUTS, type Layout, type Type } from './layouts.ts'

/*
 * A request (https://kafka.apache.org/protocol#protocol_messages):
 *   length(32) api(16) version(16) number(32) client id(16 and text) [tagged fields] …
 * Lengths are 16 bits for a text and 32 for bytes and lists, -1 for none; compact ones are a varint of one more, 0 for none.
 */
const HEADER_BYTES = 14
export const LENGTH_MAX = 104_857_600
const TOPIC_BYTES = 249
const TOPICS_MAX = 16_384
const HELD_BYTES = 512
const NONE_16 = 0xffff
const NONE_32 = 0xffff_ffff
const SASL_HANDSHAKE = 17
const CONTROLLED_SHUTDOWN = 7
const UTF8 = new TextDecoder()

/** A reading of bytes that waits where they have not come yet. */
type Wait<T> = Generator<undefined, T, undefined>

/** Reads requests field by field as they come; records are passed over, so a request is never held. Answers are not read. */
export class KafkaReader implements BoldReader {
  readonly #inbox = new Inbox(HELD_BYTES)
  /** Bytes of the request that are still to be read. */
  #left = 0
  #request = this.#next()
  #isFlexible = false
  #version = 0
  #topics = new Set<string>()

  leaveServer(): boolean {
    return true
  }

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    if (side === 'server') return
    this.#inbox.push(bytes)
    for (let step = this.#request.next(); step.done; step = this.#request.next()) {
      found.push({ kind: 'request', request: step.value })
      this.#request = this.#next()
    }
    if (!this.#inbox.keep()) throw new Malformed('a field longer than is read', 0)
  }

  /** It is told when the last of its topics is read: what is behind that may still come, and a broker waits for it. */
  *#next(): Wait<L7Request> {
    this.#left = HEADER_BYTES
    const head = yield* this.#take(HEADER_BYTES)
    const [length, number, client] = [u32(head, 0), u16(head, 4), u16(head, 12)]
    this.#version = u16(head, 6)
    if (length < HEADER_BYTES - 4 || length > LENGTH_MAX)
      throw new Malformed(`a request of ${length} bytes`, 0)
    this.#left = length + 4 - HEADER_BYTES
    const api = APIS[number]
    if (api === undefined || (number === CONTROLLED_SHUTDOWN && this.#version === 0))
      throw new Malformed(`api ${number} in version ${this.#version}`, 4)
    // What comes then are tokens, which need not look like requests.
    if (number === SASL_HANDSHAKE && this.#version === 0)
      throw new Malformed('authentication outside requests', 4)
    if (client !== NONE_16) this.#pass(client)
    this.#topics = new Set()
    const layout = LAYOUTS.get(number)
    if (layout) yield* this.#body(layout)
    this.#pass(this.#left)
    return { kind: 'kafka', api, topics: [...this.#topics] }
  }

  *#body({ flexible, last, fields }: Layout): Wait<void> {
    if (this.#version > last)
      throw new Malformed(`version ${this.#version}, whose topics are ids or not known`, 6)
    this.#isFlexible = this.#version >= flexible
    if (this.#isFlexible) yield* this.#tags()
    yield* this.#fields(fields)
  }

  *#fields(fields: readonly Field[]): Wait<void> {
    for (const { type, from, to } of fields) {
      if (this.#version >= from && this.#version <= to) yield* this.#field(type)
    }
  }

  *#field(type: Type): Wait<void> {
    if (typeof type === 'number') this.#pass(type)
    else if (type === 'text') this.#pass((yield* this.#length(2)) ?? 0)
    else if (type === 'bytes') this.#pass((yield* this.#length(4)) ?? 0)
    else if (type === 'topic') yield* this.#topic()
    else yield* this.#elements(type)
  }

  *#elements(type: Exclude<Type, number | string>): Wait<void> {
    const count = (yield* this.#length(4)) ?? 0
    // Every element has a byte at least.
    if (count > this.#left) throw new Malformed(`a list of ${count}`, 0)
    if ('list' in type && typeof type.list === 'number') this.#pass(count * type.list)
    else for (let i = 0; i < count; i++) yield* this.#element(type)
  }

  *#element(type: Exclude<Type, number | string>): Wait<void> {
    if ('list' in type) yield* this.#field(type.list)
    else {
      yield* this.#fields(type.rows)
      if (this.#isFlexible) yield* this.#tags()
    }
  }

  *#topic(): Wait<void> {
    const length = yield* this.#length(2)
    if (length === undefined) throw new Malformed('a topic that is an id', 0)
    if (length > TOPIC_BYTES) throw new Malformed(`a topic of ${length} bytes`, 0)
    this.#topics.add(UTF8.decode(yield* this.#take(length)))
    if (this.#topics.size > TOPICS_MAX) throw new Malformed('more topics than are compared', 0)
  }

  *#tags(): Wait<void> {
    const count = yield* this.#varint()
    if (count > this.#left) throw new Malformed(`${count} tagged fields`, 0)
    for (let i = 0; i < count; i++) {
      yield* this.#varint()
      this.#pass(yield* this.#varint())
    }
  }

  /** @returns undefined where there is none. */
  *#length(bytes: 2 | 4): Wait<number | undefined> {
    if (this.#isFlexible) {
      const more = yield* this.#varint()
      return more === 0 ? undefined : more - 1
    }
    const field = yield* this.#take(bytes)
    const length = bytes === 2 ? u16(field, 0) : u32(field, 0)
    return length === (bytes === 2 ? NONE_16 : NONE_32) ? undefined : length
  }

  /** Seven bits a byte, the lowest first; at most 32 bits. */
  *#varint(): Wait<number> {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const [byte = 0] = yield* this.#take(1)
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new Malformed('a number of more than five bytes', 0)
  }

  /** The bytes are valid until the next ones are waited for. */
  *#take(count: number): Wait<Uint8Array> {
    if (count > this.#left) throw new Malformed('a field longer than its request', 0)
    for (;;) {
      const bytes = this.#inbox.take(count)
      if (bytes) {
        this.#left -= count
        return bytes
      }
      yield
    }
  }

  /** Also over what is still to come. */
  #pass(count: number): void {
    if (count > this.#left) throw new Malformed('a field longer than its request', 0)
    this.#inbox.skip(count)
    this.#left -= count
  }
}
