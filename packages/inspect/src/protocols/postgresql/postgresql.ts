import { Malformed, Reader } from '@sekisho/core'
import { copyOf } from '../../bytes.ts'
import { type BoldReader, guarded } from '../../guarded.ts'
import { Inbox } from '../../inbox.ts'
import { u32 } from '../../numbers.ts'
import {
  certain,
  likely,
  MORE,
  NO,
  type Opening,
  type Protocol,
  type Recognition,
  type Side,
} from '../../protocol.ts'
import { detail, type Reading } from '../../reading.ts'
import { SQL_BYTES, sqlRequest, sqlRequests } from '../../sql/requests.ts'
import { terminatedText } from '../../terminated.ts'

/*
 * PostgreSQL frontend/backend protocol 3 (https://www.postgresql.org/docs/current/protocol-message-formats.html).
 *   first message of the client:  length(32) code(32) …      code 3.x: (name\0 value\0)* \0
 *   all others:                   type(8) length(32, without the type) …
 *   Q: text\0      P: name\0 text\0 …      F: function call
 * A client that asks for TLS (SSLRequest) gets one byte, S or N, and begins again, encrypted or not.
 */
const CODE = { ssl: 80_877_103, gss: 80_877_104, cancel: 80_877_102 } as const
const STARTUP_MAX = 10_000
const MAJOR = 3
const TYPE = {
  query: 0x51,
  parse: 0x50,
  functionCall: 0x46,
  error: 0x45,
  parameter: 0x53,
  ready: 0x5a,
} as const
const HEADER_BYTES = 5
const YES = 0x53
const REFUSED = 0x4e

function recognise({ client, server }: Opening): Recognition {
  if (client.length === 0) return server.length === 0 ? MORE : NO
  // The lengths that a first message can have leave its first two bytes zero.
  if (client.subarray(0, 2).some(byte => byte !== 0)) return NO
  if (client.length < 8) return MORE
  const [length, code] = [u32(client, 0), u32(client, 4)]
  if ((code === CODE.ssl || code === CODE.gss) && length === 8) return certain('request for encryption')
  if (code === CODE.cancel && length >= 16 && length <= 268) return certain('request to cancel')
  const isStartup = code >>> 16 === MAJOR && (code & 0xffff) <= 2 && length >= 9 && length <= STARTUP_MAX
  return isStartup ? likelyStartup(client, server) : NO
}

const likelyStartup = (client: Uint8Array, server: Uint8Array): Recognition =>
  new TextDecoder().decode(client.subarray(8, 64)).startsWith('user\0') || server[0] === 0x52
    ? certain('startup message of protocol 3')
    : likely('first message with code 3.0')

class PostgresReader implements BoldReader {
  readonly #client = new Inbox(SQL_BYTES)
  readonly #server = new Inbox(STARTUP_MAX)
  #isStarted = false
  /** One byte of the server answers a request for encryption. */
  #awaits: 'ssl' | 'gss' | undefined
  #isReady = false
  #database: string | undefined

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    if (side === 'server') {
      this.#answers(bytes, found)
      return
    }
    this.#client.push(bytes)
    while (this.#client.length > 0 && (this.#isStarted ? this.#message(found) : this.#startup(found)));
    if (!this.#client.keep()) throw new Malformed('a message longer than is read', 0)
  }

  leaveServer(): boolean {
    return this.#isReady
  }

  #startup(found: Reading[]): boolean {
    const head = this.#client.peek(8)
    if (!head) return false
    const [length, code] = [u32(head, 0), u32(head, 4)]
    if (length < 8 || length > STARTUP_MAX) throw new Malformed(`a first message of ${length} bytes`, 0)
    const message = this.#client.take(length)
    if (!message) return false
    if (code === CODE.ssl || code === CODE.gss) this.#awaits = code === CODE.ssl ? 'ssl' : 'gss'
    else if (code === CODE.cancel) found.push({ kind: 'opaque' })
    else this.#parameters(new Reader(message, 8), found)
    return true
  }

  #parameters(reader: Reader, found: Reading[]): void {
    const parameters = new Map<string, string>()
    for (let name = terminatedText(reader); name !== ''; name = terminatedText(reader))
      parameters.set(name, terminatedText(reader))
    this.#isStarted = true
    const user = parameters.get('user') ?? ''
    this.#database = parameters.get('database') ?? user
    found.push(detail('user', user), detail('database', this.#database))
    const software = parameters.get('application_name')
    if (software) found.push(detail('client-software', software))
  }

  #message(found: Reading[]): boolean {
    const head = this.#client.peek(HEADER_BYTES)
    if (!head) return false
    const [type, length] = [head[0], u32(head, 1)]
    if (length < 4) throw new Malformed(`a message of ${length} bytes`, 1)
    if (type !== TYPE.query && type !== TYPE.parse) {
      if (type === TYPE.functionCall) found.push(sqlRequest('call', this.#database))
      this.#client.skip(1 + length)
      return true
    }
    if (length > SQL_BYTES) throw new Malformed('a statement longer than is read', 1)
    const message = this.#client.take(1 + length)
    if (!message) return false
    this.#statement(type, new Reader(message, HEADER_BYTES), found)
    return true
  }

  #statement(type: number, reader: Reader, found: Reading[]): void {
    // The name of a prepared statement.
    if (type === TYPE.parse) terminatedText(reader)
    const rest = reader.bytes(reader.left)
    const end = rest.indexOf(0)
    if (end < 0) throw new Malformed('a statement without its end', 0)
    found.push(
      ...sqlRequests({ bytes: rest.subarray(0, end), dialect: 'postgresql', database: this.#database }),
    )
  }

  /** Up to the server's first "ready": what comes then are rows. */
  #answers(bytes: Uint8Array, found: Reading[]): void {
    if (this.#isReady) return
    if (this.#awaits) {
      this.#encryption(this.#awaits, bytes, found)
      return
    }
    this.#server.push(bytes)
    while (!this.#isReady && this.#server.length > 0 && this.#answer(found));
    if (!this.#server.keep()) throw new Malformed('an answer longer than is read', 0)
  }

  #encryption(what: 'ssl' | 'gss', bytes: Uint8Array, found: Reading[]): void {
    const [first] = bytes
    this.#awaits = undefined
    if (first === REFUSED) return
    // An old server answers with an error message, and is left.
    if (first === TYPE.error) found.push({ kind: 'opaque' })
    else if (what === 'ssl' && first === YES) {
      found.push(detail('encrypted', 'TLS'))
      found.push({ kind: 'becomes', application: 'tls', rest: copyOf(bytes.subarray(1)) })
    } else if (what === 'gss') found.push(detail('encrypted', 'GSSAPI'), { kind: 'opaque' })
    else throw new Malformed('an answer to a request for encryption that is none', 0)
  }

  #answer(found: Reading[]): boolean {
    const head = this.#server.peek(HEADER_BYTES)
    if (!head) return false
    const [type, length] = [head[0], u32(head, 1)]
    if (length < 4) throw new Malformed(`an answer of ${length} bytes`, 1)
    const message = length <= STARTUP_MAX ? this.#server.take(1 + length) : undefined
    if (!message) {
      if (length > STARTUP_MAX) throw new Malformed('an answer longer than is read', 1)
      return false
    }
    const reader = new Reader(message, HEADER_BYTES)
    if (type === TYPE.ready) this.#isReady = true
    else if (type === TYPE.parameter) this.#parameter(terminatedText(reader), terminatedText(reader), found)
    else if (type === TYPE.error) this.#error(reader, found)
    return true
  }

  #parameter(name: string, value: string, found: Reading[]): void {
    if (name === 'server_version') found.push(detail('server-software', `PostgreSQL ${value}`))
  }

  /** Fields of an error: a letter and a text each; C is the SQLSTATE code. */
  #error(reader: Reader, found: Reading[]): void {
    for (let field = reader.u8(); field !== 0; field = reader.u8()) {
      const value = terminatedText(reader)
      if (field === 0x43) found.push(detail('status', value))
    }
  }
}

/** PostgreSQL and what speaks like it: CockroachDB, YugabyteDB, Redshift, PgBouncer. */
export const postgresql: Protocol = {
  application: 'postgresql',
  transports: ['TCP'],
  recognise,
  open: () => guarded(new PostgresReader()),
}
