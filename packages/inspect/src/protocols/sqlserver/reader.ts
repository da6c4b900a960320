import { Malformed, Reader } from '@sekisho/core'
import { copyOf } from '../../bytes.ts'
import type { BoldReader } from '../../guarded.ts'
import { Inbox } from '../../inbox.ts'
import { u16 } from '../../numbers.ts'
import type { Side } from '../../protocol.ts'
import { type Detail, detail, type Reading } from '../../reading.ts'
import { SQL_BYTES } from '../../sql/requests.ts'
import { isMoving, usedDatabase } from '../../sql/use.ts'
import { UTF16 } from './parameters.ts'
import { batchRequests, batchText, callRequests } from './requests.ts'

/*
 * TDS (MS-TDS 2.2.3.1): packets of type(8) status(8) length(16) process(16) number(8) window(8), length with this header.
 * A message is packets of one type up to one with status bit 1. In preludes both sides say whether they encrypt (2.2.6.5):
 * all that follows, nothing, or the login alone, after a handshake of TLS inside packets.
 */
export const TYPE = {
  batch: 0x01,
  call: 0x03,
  response: 0x04,
  attention: 0x06,
  bulk: 0x07,
  federated: 0x08,
  transaction: 0x0e,
  login: 0x10,
  sspi: 0x11,
  prelogin: 0x12,
} as const
/** Rows of a load whose statement came before, tokens, and what begins and ends transactions. */
const PASSED: ReadonlySet<number> = new Set([
  TYPE.attention,
  TYPE.bulk,
  TYPE.federated,
  TYPE.transaction,
  TYPE.sspi,
])
const READ: ReadonlySet<number> = new Set([TYPE.batch, TYPE.call, TYPE.login, TYPE.prelogin])
const HEADER_BYTES = 8
const PACKET_MAX = 32_767
const LAST = 1
const ENCRYPTION_TOKEN = 1
const TERMINATOR = 0xff
/** What the server may say about encryption. */
const ENCRYPTS = { login: 0, all: 1, none: 2, required: 3 } as const
const TLS_RECORD = { first: 0x14, last: 0x17, major: 3, headerBytes: 5 } as const
/** Offsets of a login's texts, each offset(16) and length(16) in characters (2.2.6.4); never that of the password. */
const LOGIN_TEXTS: readonly (readonly [at: number, name: Detail])[] = [
  [40, 'user'],
  [48, 'client-software'],
  [68, 'database'],
]

export class TdsReader implements BoldReader {
  readonly #client = new Inbox(PACKET_MAX)
  readonly #server = new Inbox(PACKET_MAX)
  /** Payloads of a message that goes over several packets. */
  #parts: Uint8Array[] = []
  #partBytes = 0
  #type: number | undefined
  #isPreluded = false
  #isAnswered = false
  #isLoginHidden = false
  #database: string | undefined

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    if (side === 'server') {
      if (!this.#isAnswered) this.#answer(bytes, found)
      return
    }
    this.#client.push(bytes)
    while (this.#client.length > 0 && this.#packet(found));
    if (!this.#client.keep()) throw new Malformed('a packet longer than is read', 0)
  }

  leaveServer(): boolean {
    return this.#isAnswered
  }

  #packet(found: Reading[]): boolean {
    const head = this.#client.peek(HEADER_BYTES)
    if (!head) return false
    const [type = 0, status = 0] = head
    if (this.#isLoginHidden && isTlsRecord(head)) return this.#hiddenLogin(head)
    const length = u16(head, 2)
    if (!READ.has(type) && !PASSED.has(type)) throw new Malformed(`a packet of type ${type}`, 0)
    if (length < HEADER_BYTES || length > PACKET_MAX) throw new Malformed(`a packet of ${length} bytes`, 2)
    if (this.#type !== undefined && type !== this.#type) throw new Malformed('a message within another', 0)
    if (PASSED.has(type)) {
      this.#client.skip(length)
      return true
    }
    const packet = this.#client.take(length)
    if (!packet) return false
    if (type !== TYPE.prelogin) this.#isLoginHidden = false
    this.#payload(packet, (status & LAST) !== 0, found)
    return true
  }

  /** Records of the login, outside packets: they end with the first packet that is no prelude. */
  #hiddenLogin(head: Uint8Array): boolean {
    this.#client.skip(TLS_RECORD.headerBytes + u16(head, 3))
    return true
  }

  #payload(packet: Uint8Array, isLast: boolean, found: Reading[]): void {
    const [type] = packet
    const payload = packet.subarray(HEADER_BYTES)
    this.#partBytes += packet.length
    if (this.#partBytes > SQL_BYTES) throw new Malformed('a message longer than is read', 0)
    if (!isLast) {
      this.#type = type
      this.#parts.push(copyOf(payload))
      return
    }
    const whole = this.#parts.length === 0 ? payload : Buffer.concat([...this.#parts, payload])
    this.#parts = []
    this.#partBytes = 0
    this.#type = undefined
    this.#message(type, whole, found)
  }

  #message(type: number | undefined, message: Uint8Array, found: Reading[]): void {
    switch (type) {
      case TYPE.batch:
        this.#told(database => batchRequests(message, database), found, batchText(message))
        return
      case TYPE.call:
        this.#told(database => callRequests(message, database), found)
        return
      case TYPE.prelogin:
        this.#isPreluded = true
        return
      default:
        this.#login(message, found)
    }
  }

  /** Of a text that changes the database on its way nobody says which part runs where. */
  #told(read: (database: string | undefined) => readonly Reading[], found: Reading[], text = ''): void {
    const readings = read(this.#database)
    if (!isMoving(readings)) found.push(...readings)
    else {
      this.#database = usedDatabase(text)
      found.push(...read(this.#database))
    }
  }

  #login(message: Uint8Array, found: Reading[]): void {
    for (const [at, name] of LOGIN_TEXTS) {
      const field = new Reader(message, at)
      const start = field.u16le()
      const value = UTF16.decode(new Reader(message, start).bytes(2 * field.u16le()))
      if (value === '') continue
      if (name === 'database') this.#database = value
      found.push(detail(name, value))
    }
  }

  /** Only the first answer is read. Where it is none to a prelude, the connection was met later and is in clear. */
  #answer(bytes: Uint8Array, found: Reading[]): void {
    this.#server.push(bytes)
    const head = this.#server.peek(HEADER_BYTES)
    const length = head && u16(head, 2)
    if (length !== undefined && length < HEADER_BYTES) throw new Malformed(`an answer of ${length} bytes`, 2)
    const packet = length === undefined ? undefined : this.#server.take(length)
    if (packet) {
      this.#isAnswered = true
      if (this.#isPreluded) this.#encryption(encryptionOf(packet.subarray(HEADER_BYTES)), found)
    } else if (!this.#server.keep()) throw new Malformed('an answer longer than is read', 0)
  }

  #encryption(answer: number | undefined, found: Reading[]): void {
    if (answer === ENCRYPTS.all || answer === ENCRYPTS.required)
      found.push(detail('encrypted', 'TLS'), { kind: 'opaque' })
    else if (answer === ENCRYPTS.login) this.#isLoginHidden = true
  }
}

const isTlsRecord = ([type = 0, major]: Uint8Array): boolean =>
  type >= TLS_RECORD.first && type <= TLS_RECORD.last && major === TLS_RECORD.major

/** Options: (token(8) offset(16) length(16))* 0xff. What a prelude does not say is undefined. */
function encryptionOf(options: Uint8Array): number | undefined {
  for (let at = 0; at + 5 <= options.length && options[at] !== TERMINATOR; at += 5) {
    if (options[at] === ENCRYPTION_TOKEN) return options[u16(options, at + 1)]
  }
  return undefined
}
