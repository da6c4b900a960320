import { Malformed, Reader } from '@sekisho/core'
import { copyOf } from '../../bytes.ts'
import { type BoldReader, guarded } from '../../guarded.ts'
import { Inbox } from '../../inbox.ts'
import { u24le } from '../../numbers.ts'
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
import { isMoving, usedDatabase } from '../../sql/use.ts'
import { terminatedText } from '../../terminated.ts'

/*
 * MySQL client/server protocol (https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html), little-endian.
 *   packet:     length(24) number(8) payload
 *   greeting:   10 version\0 thread(32) …, by the server, number 0
 *   response:   capabilities(32) largest packet(32) character set(8) zero(23) [user\0 password … database\0], number 1
 *   command:    kind(8) …, number 0
 */
const HEADER_BYTES = 4
const GREETING = 10
const ERROR = 0xff
const GREETING_MAX = 4_096
const RESPONSE_FIXED = 32
const FLAG = {
  database: 0x8,
  compress: 0x20,
  ssl: 0x800,
  secure: 0x8000,
  lenenc: 0x20_0000,
  attributes: 0x800_0000,
  zstd: 0x400_0000,
} as const
const COMMAND = { database: 2, query: 3, create: 5, drop: 6, prepare: 22 } as const
/** MariaDB's greeting begins with this, so that old replicas take it for a server of their time. */
const MARIADB = '5.5.5-'

const VERSION = /^\d{1,3}\.\d{1,3}\.\d{1,3}/

function recognise({ client, server, first }: Opening): Recognition {
  if (server.length === 0) return client.length === 0 ? MORE : NO
  if (first === 'client') return NO
  if (server.length < HEADER_BYTES + 1) return server[3] ? NO : MORE
  const length = u24le(server, 0)
  if (length > GREETING_MAX || server[3] !== 0) return NO
  if (server[4] === ERROR) return length > 8 && server.length > 9 ? likely('error instead of a greeting') : NO
  if (server[4] !== GREETING) return NO
  const end = server.indexOf(0, 5)
  if (end < 0) return server.length > 128 ? NO : MORE
  return VERSION.test(new TextDecoder().decode(server.subarray(5, end)))
    ? certain('greeting of protocol 10')
    : NO
}

/** A number of 1, 3, 4 or 9 bytes; longer ones stand before nothing that is read here. */
function lengthEncoded(reader: Reader): number {
  const first = reader.u8()
  if (first < 0xfb) return first
  if (first === 0xfc) return reader.u16le()
  throw new Malformed('a length that is not read', reader.at)
}

class MysqlReader implements BoldReader {
  readonly #client = new Inbox(SQL_BYTES)
  readonly #server = new Inbox(GREETING_MAX)
  #isGreeted = false
  #isAnswered = false
  #capabilities = 0
  #database: string | undefined

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    if (side === 'server') this.#greeting(bytes, found)
    else {
      this.#client.push(bytes)
      while (this.#client.length > 0 && this.#packet(found));
      if (!this.#client.keep()) throw new Malformed('a packet longer than is read', 0)
    }
  }

  leaveServer(): boolean {
    return this.#isGreeted && this.#isAnswered
  }

  #greeting(bytes: Uint8Array, found: Reading[]): void {
    if (this.#isGreeted) return
    this.#server.push(bytes)
    const head = this.#server.peek(HEADER_BYTES)
    const payload = head && this.#server.peek(HEADER_BYTES + u24le(head, 0))
    if (!payload) {
      if (!this.#server.keep()) throw new Malformed('a greeting longer than is read', 0)
      return
    }
    this.#isGreeted = true
    const reader = new Reader(payload, HEADER_BYTES)
    const kind = reader.u8()
    if (kind === ERROR) {
      found.push(detail('status', String(reader.u16le())), { kind: 'opaque' })
      return
    }
    const version = terminatedText(reader)
    const isMariaDb = version.startsWith(MARIADB) || version.includes('MariaDB')
    found.push(
      detail('server-software', `${isMariaDb ? 'MariaDB' : 'MySQL'} ${version.replace(MARIADB, '')}`),
    )
    found.push(detail('protocol-version', String(kind)))
    this.#server.skip(payload.length)
    this.#server.keep()
  }

  #packet(found: Reading[]): boolean {
    const head = this.#client.peek(HEADER_BYTES + 1)
    if (!head) return this.#empty()
    const [length, number, kind] = [u24le(head, 0), head[3], head[4]]
    if (!this.#isAnswered) return this.#response(length, found)
    // Of other numbers are answers within an exchange: passwords, local files.
    const isRead =
      number === 0 && (kind === COMMAND.query || kind === COMMAND.prepare || kind === COMMAND.database)
    if (!isRead) {
      if (number === 0) this.#unread(kind, found)
      this.#client.skip(HEADER_BYTES + length)
      return true
    }
    if (length > SQL_BYTES) throw new Malformed('a statement longer than is read', 0)
    const packet = this.#client.take(HEADER_BYTES + length)
    if (packet) this.#command(kind, new Reader(packet, HEADER_BYTES + 1), found)
    return packet !== undefined
  }

  /** A packet without payload ends a file. */
  #empty(): boolean {
    const head = this.#client.peek(HEADER_BYTES)
    if (!head || u24le(head, 0) > 0) return false
    this.#client.skip(HEADER_BYTES)
    return true
  }

  /** Commands of their own for what is a statement otherwise (deprecated, and still taken by servers). */
  #unread(kind: number | undefined, found: Reading[]): void {
    if (kind === COMMAND.create || kind === COMMAND.drop) {
      found.push(sqlRequest(kind === COMMAND.create ? 'create' : 'drop', this.#database))
    }
  }

  #command(kind: number | undefined, reader: Reader, found: Reading[]): void {
    if (kind === COMMAND.query && this.#capabilities & FLAG.attributes) skipAttributes(reader)
    const bytes = reader.bytes(reader.left)
    if (kind === COMMAND.database) {
      this.#database = new TextDecoder().decode(bytes)
      found.push(sqlRequest('use', this.#database), detail('database', this.#database))
      return
    }
    this.#statements(bytes, found)
  }

  /** A text may change the database, too; of one that does so on its way nobody says which part runs where. */
  #statements(bytes: Uint8Array, found: Reading[]): void {
    const read = () => sqlRequests({ bytes, dialect: 'mysql', database: this.#database })
    const readings = read()
    if (isMoving(readings)) {
      this.#database = usedDatabase(new TextDecoder().decode(bytes))
      found.push(...read())
    } else found.push(...readings)
  }

  #response(length: number, found: Reading[]): boolean {
    if (length < RESPONSE_FIXED || length > GREETING_MAX)
      throw new Malformed(`a response of ${length} bytes`, 0)
    const packet = this.#client.take(HEADER_BYTES + length)
    if (!packet) return false
    this.#isAnswered = true
    const reader = new Reader(packet, HEADER_BYTES)
    this.#capabilities = reader.u32le()
    reader.skip(RESPONSE_FIXED - 4)
    if (this.#capabilities & FLAG.ssl && reader.left === 0) {
      found.push(detail('encrypted', 'TLS'))
      found.push({ kind: 'becomes', application: 'tls', rest: copyOf(this.#client.all()) })
      return false
    }
    this.#login(reader, found)
    return true
  }

  #login(reader: Reader, found: Reading[]): void {
    found.push(detail('user', terminatedText(reader)))
    const secret =
      this.#capabilities & FLAG.lenenc
        ? lengthEncoded(reader)
        : this.#capabilities & FLAG.secure
          ? reader.u8()
          : undefined
    if (secret === undefined) terminatedText(reader)
    else reader.skip(secret)
    if (this.#capabilities & FLAG.database && reader.left > 0) {
      this.#database = terminatedText(reader)
      found.push(detail('database', this.#database))
    }
    if (this.#capabilities & (FLAG.compress | FLAG.zstd)) throw new Malformed('compressed packets', 0)
  }
}

/** Query attributes: how many, and 1 for the sets of them. Where there are some, the text is behind typed values. */
function skipAttributes(reader: Reader): void {
  if (lengthEncoded(reader) > 0 || lengthEncoded(reader) !== 1)
    throw new Malformed('query attributes', reader.at)
}

/** MySQL, MariaDB, Percona, TiDB, Vitess. */
export const mysql: Protocol = {
  application: 'mysql',
  transports: ['TCP'],
  recognise,
  open: () => guarded(new MysqlReader()),
}
