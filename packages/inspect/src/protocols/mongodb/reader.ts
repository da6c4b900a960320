import { Malformed } from '@sekisho/core'
import type { BoldReader } from '../../guarded.ts'
import { Inbox } from '../../inbox.ts'
import { u32le } from '../../numbers.ts'
import type { Side } from '../../protocol.ts'
import type { Reading } from '../../reading.ts'
import { TYPE, valueBytes } from './bson.ts'

/*
 * MongoDB's wire protocol (https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol), little-endian:
 *   header:    length(32) number(32) answer to(32) operation(32)
 *   OP_MSG:    flags(32) section* [checksum(32)]; a section is 0 and a document, or 1, length(32), name\0 and documents
 *   OP_QUERY:  flags(32) "database.collection"\0 skip(32) count(32) document …
 *   other old ones: zero or flags(32) "database.collection"\0 …
 * A command is a document: its name is that of the first element. Its database is in "$db", which may come last.
 */
export const HEADER_BYTES = 16
/** maxMessageSizeBytes of the server. */
export const MESSAGE_MAX = 48_000_000
export const OPERATION = {
  reply: 1,
  update: 2_001,
  insert: 2_002,
  query: 2_004,
  getMore: 2_005,
  delete: 2_006,
  killCursors: 2_007,
  compressed: 2_012,
  message: 2_013,
} as const
const OPERATIONS: ReadonlySet<number> = new Set(Object.values(OPERATION))
export const isOperation = (number: number): boolean => OPERATIONS.has(number)

const CHECKSUM_FLAG = 1
const CHECKSUM_BYTES = 4
/** Databases have 64 bytes and namespaces 255; names of elements are the words of commands. */
const TEXT_MAX = 512
const HELD_BYTES = 2_048

/** What the operations of old clients are called as commands. */
const OLD: ReadonlyMap<number, string> = new Map([
  [OPERATION.update, 'update'],
  [OPERATION.insert, 'insert'],
  [OPERATION.query, 'find'],
  [OPERATION.getMore, 'getMore'],
  [OPERATION.delete, 'delete'],
])
/** Names that a server takes for others, so that a rule need not name both. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['buildinfo', 'buildInfo'],
  ['collstats', 'collStats'],
  ['datasize', 'dataSize'],
  ['dbstats', 'dbStats'],
  ['deleteIndexes', 'dropIndexes'],
  ['findandmodify', 'findAndModify'],
  ['ismaster', 'isMaster'],
  ['mapreduce', 'mapReduce'],
])
/** Commands whose text is a user, a role or the like, or (of renameCollection) a name with its database. */
const ABOUT_NO_COLLECTION = /users?|roles?|parameter|getLog|failPoint|renameCollection/i

const UTF8 = new TextDecoder('utf-8', { fatal: true })
function text(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw new Malformed('a name that is no text', 0)
  }
}

/** What is known of the command that is being read. */
interface Command {
  name?: string
  /** The text of the first element. */
  value?: string
  database?: string
  /** The element "collection", as of getMore. */
  collection?: string
}

/** Reads commands; values are passed over as they come, so a message is never held. Answers are not read. */
export class MongoReader implements BoldReader {
  readonly #inbox = new Inbox(HELD_BYTES)
  #operation = 0
  /** Bytes of the message and of its document that are still to be read. */
  #left = 0
  #document = 0
  #hasChecksum = false
  #command: Command = {}

  leaveServer(): boolean {
    return true
  }

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    if (side === 'server') return
    this.#inbox.push(bytes)
    while (this.#inbox.length > 0 && this.#step(found));
    if (!this.#inbox.keep()) throw new Malformed('a message with longer names than are read', 0)
  }

  /**
   * A command is told when the last of its parts begins, which is before the server can act on it.
   * @returns false when more must come first.
   */
  #step(found: Reading[]): boolean {
    const isRead = this.#left === 0 ? this.#header() : this.#part()
    if (isRead && this.#left === 0) this.#tell(found)
    return isRead
  }

  #header(): boolean {
    const head = this.#inbox.peek(HEADER_BYTES + 4)
    if (!head) return false
    const length = u32le(head, 0)
    this.#operation = u32le(head, 12)
    if (length <= HEADER_BYTES + 4 || length > MESSAGE_MAX)
      throw new Malformed(`a message of ${length} bytes`, 0)
    if (this.#operation === OPERATION.compressed) throw new Malformed('compressed messages', 12)
    this.#hasChecksum =
      this.#operation === OPERATION.message && (u32le(head, HEADER_BYTES) & CHECKSUM_FLAG) !== 0
    this.#left = length
    this.#document = 0
    this.#command = {}
    this.#pass(HEADER_BYTES + 4)
    return true
  }

  #part(): boolean {
    if (this.#document > 0) return this.#element()
    if (this.#operation === OPERATION.message) return this.#section()
    if (this.#operation === OPERATION.killCursors) {
      this.#command = { name: 'killCursors', database: '' }
      this.#pass(this.#left)
      return true
    }
    return this.#namespace()
  }

  #section(): boolean {
    if (this.#hasChecksum && this.#left === CHECKSUM_BYTES) {
      this.#pass(CHECKSUM_BYTES)
      return true
    }
    const head = this.#inbox.peek(5)
    if (!head) return false
    const [kind, length] = [head[0], u32le(head, 1)]
    if (kind === 1) {
      if (length < 5) throw new Malformed(`a section of ${length} bytes`, 1)
      this.#pass(1 + length)
      return true
    }
    if (kind !== 0 || this.#command.name !== undefined) throw new Malformed(`a section of kind ${kind}`, 0)
    this.#pass(1)
    this.#open(length)
    return true
  }

  /** @param length as the document says, with the four bytes that say it. */
  #open(length: number): void {
    if (length <= 5 || length > this.#left) throw new Malformed(`a document of ${length} bytes`, 0)
    this.#document = length
    this.#pass(4)
  }

  /** `database.collection` of an old operation. On the collection "$cmd" a query is a command. */
  #namespace(): boolean {
    const name = OLD.get(this.#operation)
    if (name === undefined) throw new Malformed(`operation ${this.#operation} of a client`, 12)
    const end = this.#textEnd(0)
    if (end < 0) return false
    const isQuery = this.#operation === OPERATION.query
    const head = this.#inbox.peek(end + (isQuery ? 13 : 1))
    if (!head) return false
    const [, database, collection] = /^([^.]+)\.(.+)$/s.exec(text(head.subarray(0, end))) ?? []
    if (database === undefined || collection === undefined)
      throw new Malformed('a name without a database', 0)
    if (isQuery && /^\$cmd(?:\.|$)/.test(collection)) {
      this.#command = { database }
      this.#pass(end + 9)
      this.#open(u32le(head, end + 9))
    } else {
      this.#command = { name, database, value: collection }
      this.#pass(this.#left)
    }
    return true
  }

  #element(): boolean {
    const all = this.#inbox.all()
    const type = all[0] ?? 0
    if (type === 0) return this.#close()
    const end = this.#textEnd(1)
    if (end < 0) return false
    const name = text(all.subarray(1, end))
    const size = valueBytes(type, all, end + 1)
    if (size === undefined) return false
    // The zero at the end of the document must still come.
    if (end + 1 + size >= this.#document) throw new Malformed('a value longer than its document', end)
    if (this.#isWrapped(name, type)) {
      this.#pass(end + 1)
      this.#open(size)
      return true
    }
    const isRead = this.#command.name === undefined || name === '$db' || name === 'collection'
    const value = isRead && type === TYPE.string ? this.#text(end + 1, size) : ''
    if (value === undefined) return false
    if (isRead) this.#learn(name, type === TYPE.string ? value : undefined)
    this.#pass(end + 1 + size)
    return true
  }

  /** Old clients put a command into an element "$query", beside a read preference. */
  #isWrapped(name: string, type: number): boolean {
    const isFirst = this.#operation === OPERATION.query && this.#command.name === undefined
    return isFirst && type === TYPE.document && (name === '$query' || name === 'query')
  }

  #close(): boolean {
    if (this.#document !== 1) throw new Malformed('a document that ends before its end', 0)
    if (this.#command.name === undefined) throw new Malformed('a command without a name', 0)
    // What follows in an old query is no command.
    this.#pass(this.#operation === OPERATION.query ? this.#left : 1)
    return true
  }

  #learn(name: string, value: string | undefined): void {
    const command = this.#command
    if (command.name === undefined) {
      command.name = ALIASES.get(name) ?? name
      if (value !== undefined) command.value = value
      return
    }
    const key = name === '$db' ? 'database' : 'collection'
    // Of an old query the database is in its namespace.
    if (key === 'database' && this.#operation === OPERATION.query) return
    if (key === 'database' && value === undefined) throw new Malformed('a database that is no text', 0)
    // Which of two a server takes nobody says.
    if (command[key] !== undefined) throw new Malformed(`"${name}" twice`, 0)
    command[key] = value ?? ''
  }

  /** Where the text that begins there ends; -1 while that is still to come. */
  #textEnd(at: number): number {
    const all = this.#inbox.all()
    const end = all.subarray(at, at + TEXT_MAX).indexOf(0)
    if (end < 0 && all.length >= at + TEXT_MAX) throw new Malformed('a name longer than is read', at)
    return end < 0 ? -1 : at + end
  }

  /** A value: length(32) bytes\0. */
  #text(at: number, size: number): string | undefined {
    if (size < 5 || size > TEXT_MAX) throw new Malformed(`a name of ${size - 4} bytes`, at)
    const bytes = this.#inbox.peek(at + size)
    if (!bytes) return undefined
    const value = bytes.subarray(at + 4, at + size)
    if (value.indexOf(0) !== value.length - 1) throw new Malformed('a name with a zero in it', at)
    return text(value.subarray(0, -1))
  }

  /** Also over what is still to come. */
  #pass(count: number): void {
    if (count > this.#left) throw new Malformed('a part longer than its message', 0)
    this.#inbox.skip(count)
    this.#left -= count
    this.#document = Math.max(0, this.#document - count)
  }

  #tell(found: Reading[]): void {
    const { name, value, database, collection } = this.#command
    if (name === undefined || database === undefined) throw new Malformed('a command without its database', 0)
    const about = name === 'getMore' ? (collection ?? value) : value
    const hasCollection = about !== undefined && about !== '' && !ABOUT_NO_COLLECTION.test(name)
    found.push({
      kind: 'request',
      request: {
        kind: 'mongodb',
        operation: name,
        database,
        ...(hasCollection && { collection: about }),
      },
    })
  }
}
