import { Malformed, Reader } from '@sekisho/core'
import { latin1 } from '../../ascii.ts'
import type { BoldReader } from '../../guarded.ts'
import { Inbox } from '../../inbox.ts'
import { u32 } from '../../numbers.ts'
import type { Side } from '../../protocol.ts'
import { detail, type Reading } from '../../reading.ts'
import { SQL_BYTES, sqlRequests } from '../../sql/requests.ts'
import { isMoving, usedDatabase } from '../../sql/use.ts'

/*
 * Cassandra's native protocol (native_protocol_v3.spec to v5.spec): version(8) flags(8) stream(16) operation(8) length(32)
 * and a body; versions 1 and 2 have a stream of 8 bits.
 *   STARTUP: count(16) (name, value)*    QUERY, PREPARE: length(32) text …    AUTH_RESPONSE: length(32) token
 *   BATCH:   type(8) count(16) (0 length(32) text | 1 length(16) id, count(16) (length(32) value)*)* …
 */
export const OPERATION = {
  startup: 0x01,
  credentials: 0x04,
  options: 0x05,
  query: 0x07,
  prepare: 0x09,
  execute: 0x0a,
  register: 0x0b,
  batch: 0x0d,
  authenticate: 0x0f,
} as const
const OPERATIONS: ReadonlySet<number> = new Set(Object.values(OPERATION))
/** Without a text: what is executed was prepared, and so judged. */
const PASSED: ReadonlySet<number> = new Set([
  OPERATION.credentials,
  OPERATION.options,
  OPERATION.execute,
  OPERATION.register,
])
const FLAG = { compressed: 0x1, payload: 0x4 } as const
const VERSION_MAX = 6
/** From this version on frames are inside segments with checks, once a connection is started. */
const SEGMENTED = 5
const BODY_MAX = 268_435_456
const HELD_BYTES = SQL_BYTES + 64
const TEXT = new TextDecoder()

/**
 * Texts, names and comments, whichever begins first; CQL has comments and texts that SQL has not. One without an end goes
 * up to the last character, so that the search never begins anew inside it.
 */
const LEXEMES =
  /'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|\$\$.*?(?:\$\$|$)|--[^\n]*|\/\/[^\n]*|\/\*.*?(?:\*\/|$)/gs
const asSql = (cql: string): string =>
  cql.replaceAll(LEXEMES, lexeme => {
    const isClosed = lexeme.length > 3
    if (lexeme.startsWith('$$')) return isClosed && lexeme.endsWith('$$') ? "''" : "'"
    if (lexeme.startsWith('/*')) return isClosed && lexeme.endsWith('*/') ? ' ' : lexeme
    return /^['"]/.test(lexeme) ? lexeme : ' '
  })

export class CassandraReader implements BoldReader {
  readonly #inbox = new Inbox(HELD_BYTES)
  #isSegmented = false
  #database: string | undefined

  leaveServer(): boolean {
    return true
  }

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    if (side === 'server') return
    if (this.#isSegmented) throw new Malformed('segments of version 5', 0)
    this.#inbox.push(bytes)
    while (this.#inbox.length > 0 && this.#frame(found));
    if (!this.#inbox.keep()) throw new Malformed('a frame longer than is read', 0)
  }

  #frame(found: Reading[]): boolean {
    const start = (this.#inbox.all()[0] ?? 0) < 3 ? 3 : 4
    const headerBytes = start + 5
    const head = this.#inbox.peek(headerBytes)
    if (!head) return false
    const [version = 0, flags = 0] = head
    const [operation = 0, length] = [head[start], u32(head, start + 1)]
    if (version < 1 || version > VERSION_MAX) throw new Malformed(`version ${version}`, 0)
    if (!OPERATIONS.has(operation) || length > BODY_MAX)
      throw new Malformed(`operation ${operation} of ${length} bytes`, start)
    if (flags & FLAG.compressed) throw new Malformed('compressed frames', 1)
    if (PASSED.has(operation)) {
      this.#inbox.skip(headerBytes + length)
      return true
    }
    if (length > SQL_BYTES) throw new Malformed('a statement longer than is read', start)
    const frame = this.#inbox.take(headerBytes + length)
    if (!frame) return false
    const body = new Reader(frame, headerBytes)
    if (flags & FLAG.payload) skipPayload(body)
    this.#body({ operation, version, body }, found)
    return true
  }

  #body(
    { operation, version, body }: { operation: number; version: number; body: Reader },
    found: Reading[],
  ): void {
    if (operation === OPERATION.startup) {
      startup(body, found)
      this.#isSegmented = version >= SEGMENTED
    } else if (operation === OPERATION.authenticate) user(longBytes(body), found)
    else if (operation === OPERATION.batch) this.#batch(body, found)
    else this.#statement(longBytes(body), found)
  }

  #statement(bytes: Uint8Array, found: Reading[]): void {
    const text = asSql(TEXT.decode(bytes))
    const read = () => sqlRequests({ bytes: Buffer.from(text), dialect: 'other', database: this.#database })
    let readings = read()
    if (isMoving(readings)) {
      this.#database = usedDatabase(text)
      readings = read()
    }
    found.push(...readings)
  }

  /** Of what was prepared only the values come here. */
  #batch(body: Reader, found: Reading[]): void {
    body.skip(1)
    const count = body.u16be()
    for (let i = 0; i < count; i++) {
      if (body.u8() === 0) this.#statement(longBytes(body), found)
      else body.skip(body.u16be())
      const values = body.u16be()
      for (let value = 0; value < values; value++) longBytes(body)
    }
  }
}

/** Negative lengths stand for no value. */
function longBytes(reader: Reader): Uint8Array {
  const length = reader.u32be() | 0
  return reader.bytes(Math.max(0, length))
}

const shortText = (reader: Reader): string => TEXT.decode(reader.bytes(reader.u16be()))

function skipPayload(body: Reader): void {
  const count = body.u16be()
  for (let i = 0; i < count; i++) {
    body.skip(body.u16be())
    longBytes(body)
  }
}

function startup(body: Reader, found: Reading[]): void {
  const count = body.u16be()
  for (let i = 0; i < count; i++) {
    const [name, value] = [shortText(body), shortText(body)]
    if (name === 'DRIVER_NAME') found.push(detail('client-software', value))
  }
}

/** SASL PLAIN (RFC 4616): identity\0 user\0 password. The password is not kept. */
function user(token: Uint8Array, found: Reading[]): void {
  const start = token.indexOf(0) + 1
  const end = token.indexOf(0, start)
  if (start > 0 && end > start) found.push(detail('user', latin1(token.subarray(start, end))))
}
