import { Malformed } from '@sekisho/core'
import { latin1 } from '../../ascii.ts'
import { type BoldReader, guarded } from '../../guarded.ts'
import { Inbox } from '../../inbox.ts'
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
import { keysOf } from './keys.ts'

/*
 * RESP (https://redis.io/docs/latest/develop/reference/protocol-spec). A command is an array of bulk strings,
 *   *3\r\n $3\r\nSET\r\n $1\r\na\r\n $5\r\nvalue\r\n
 * or, typed by hand, words on a line. Answers begin with one of + - : $ * and, in RESP3, _ , # ( ! = % ~ > |.
 */
const CR = 0x0d
const LF = 0x0a
const STAR = 0x2a
const DOLLAR = 0x24
const HEAD_BYTES = 32
/** PROTO_INLINE_MAX_SIZE and the limits of a request in Redis's networking.c. */
const INLINE_BYTES = 65_536
const ARGUMENTS_MAX = 1_048_576
const BULK_MAX = 536_870_912
/** Of an argument so much is kept: longer ones are values. Of the arguments so many: what has more keys is not read. */
const ARGUMENT_BYTES = 2_048
const KEPT_ARGUMENTS = 65_536

const ANSWER = /^(?:[+-][^\r\n]{0,200}\r?|[:$*_,#(!=%~>|]-?[0-9tfinf.eE+-]{0,20}\r?)(?:\n|$)/
/** Those that could not be the answer to a line of another protocol. */
const INLINE_ANSWER =
  /^(?:\+(?:OK|PONG|QUEUED|NOAUTH)|-(?:ERR|NOAUTH|WRONG[A-Z]+|DENIED|MOVED) |[:$*]-?\d{1,10}\r\n|[%~>|]\d)/
const INLINE = /^(?:[A-Z]{1,2}$|[A-Z]{3,20}\d{0,9}(?: [^\r\n]{0,60})?\r?(?:\n|$))/i
/** First lines of HTTP and of mail. Redis hangs up on some of them, too, for they are how browsers are made to attack it. */
const OF_OTHERS = /^(?:(?:GET|HEAD|POST|PUT) \/|(?:EHLO|HELO|LHLO) )| HTTP\/\d/i
const COMMAND_HEAD = /^\*([1-9]\d{0,6})(\r(\n(\$([1-9]\d{0,2})(\r(\n([A-Za-z]*)?)?)?)?)?)?/

/** A first command is short and a word. Inline commands could be anybody's: they need the server to answer like Redis. */
function recognise({ client, server, first }: Opening): Recognition {
  const said = latin1(client, 64)
  const answered = latin1(server, 64)
  const answers = answered !== '' && ANSWER.test(answered)
  if (answered !== '' && !answers) return NO
  if (said === '') return answered === '' ? MORE : NO
  if (said[0] === '*') {
    const head = COMMAND_HEAD.exec(said)
    if (!head) return said === '*' ? MORE : NO
    return head[8]
      ? certain('command of an array of bulk strings')
      : said.length === head[0].length
        ? MORE
        : NO
  }
  if (first === 'server' || OF_OTHERS.test(said) || !INLINE.test(said)) return NO
  if (answered === '') return MORE
  return INLINE_ANSWER.test(answered) ? likely('inline command and answer') : NO
}

class RedisReader implements BoldReader {
  readonly #inbox = new Inbox(INLINE_BYTES)
  /** Of the command that is being read: arguments still to come, and the first of those that have. */
  #left = 0
  #args: string[] = []
  #isFirstAnswer = true

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    if (side === 'server') {
      this.#answer(bytes, found)
      return
    }
    this.#inbox.push(bytes)
    while (this.#inbox.length > 0 && this.#step(found));
    if (!this.#inbox.keep()) throw new Malformed('a command without an end', 0)
  }

  leaveServer(): boolean {
    return !this.#isFirstAnswer
  }

  /** @returns false when more must come first. */
  #step(found: Reading[]): boolean {
    return this.#left > 0 ? this.#argument(found) : this.#head(found)
  }

  #head(found: Reading[]): boolean {
    if (this.#inbox.all()[0] !== STAR) return this.#inline(found)
    const count = this.#number(STAR)
    if (count === undefined) return false
    if (count > ARGUMENTS_MAX) throw new Malformed(`a command of ${count} words`, 0)
    // An empty or null array is passed over by the server, too.
    this.#left = Math.max(0, count)
    return true
  }

  /** `*3\r\n` or `$5\r\n`. */
  #number(type: number): number | undefined {
    const all = this.#inbox.all()
    if (all[0] !== type) throw new Malformed('not the type that must come here', 0)
    const end = all.subarray(0, HEAD_BYTES).indexOf(LF)
    if (end < 0 && all.length < HEAD_BYTES) return undefined
    const text = latin1(all.subarray(1, Math.max(0, end)))
    if (!/^-?\d{1,10}\r$/.test(text)) throw new Malformed('a length that is no number', 0)
    this.#inbox.skip(end + 1)
    return Number.parseInt(text, 10)
  }

  #argument(found: Reading[]): boolean {
    const all = this.#inbox.all()
    const end = all.subarray(0, HEAD_BYTES).indexOf(LF)
    if (end < 0) {
      if (all.length >= HEAD_BYTES) throw new Malformed('a length without an end', 0)
      return false
    }
    const text = latin1(all.subarray(0, end))
    if (all[0] !== DOLLAR || !/^\$\d{1,9}\r$/.test(text))
      throw new Malformed('a word of a command that is none', 0)
    const length = Number.parseInt(text.slice(1), 10)
    if (length > BULK_MAX) throw new Malformed(`a word of ${length} bytes`, 0)
    return length <= ARGUMENT_BYTES ? this.#short(end + 1, length, found) : this.#long(end + 1, length, found)
  }

  /** The last bytes of a command must be here before it is told: only then can the server act on it. */
  #short(at: number, length: number, found: Reading[]): boolean {
    const word = this.#inbox.peek(at + length + 2)
    if (!word) return false
    if (word[at + length] !== CR || word[at + length + 1] !== LF)
      throw new Malformed('a word longer than it says', 0)
    const text = latin1(word.subarray(at, at + length))
    this.#inbox.skip(at + length + 2)
    this.#add(text, found)
    return true
  }

  /**
   * Long words are values and are not held. A command that ends with one is told when that word begins, which is before
   * the server can act on it.
   */
  #long(at: number, length: number, found: Reading[]): boolean {
    const head = this.#inbox.peek(at + ARGUMENT_BYTES)
    if (!head) return false
    const text = latin1(head.subarray(at))
    this.#inbox.skip(at + length + 2)
    this.#add(text, found)
    return true
  }

  #add(text: string, found: Reading[]): void {
    if (this.#args.length === KEPT_ARGUMENTS) throw new Malformed('more words than are compared', 0)
    this.#args.push(text)
    if (--this.#left > 0) return
    this.#tell(this.#args, found)
    this.#args = []
  }

  #inline(found: Reading[]): boolean {
    const all = this.#inbox.all()
    const end = all.indexOf(LF)
    if (end < 0) return false
    const words = latin1(all.subarray(0, end), INLINE_BYTES).trim().split(/\s+/)
    this.#inbox.skip(end + 1)
    if (words[0]) this.#tell(words, found)
    return true
  }

  #tell([name = '', ...args]: readonly string[], found: Reading[]): void {
    const command = name.toUpperCase()
    found.push({ kind: 'request', request: { kind: 'redis', command, keys: keysOf(command, args) } })
    if (command === 'AUTH' && args.length > 1) found.push(detail('user', args[0] ?? ''))
    if (command === 'HELLO' && args[0]) found.push(detail('protocol-version', args[0]))
    if (command === 'SELECT' && args[0]) found.push(detail('database', args[0]))
  }

  /** Of answers only the first is looked at: an error there tells why a client was turned away. */
  #answer(bytes: Uint8Array, found: Reading[]): void {
    if (!this.#isFirstAnswer) return
    this.#isFirstAnswer = false
    const [code] = /^-[A-Z]+/.exec(latin1(bytes, 64)) ?? []
    if (code) found.push(detail('status', code.slice(1)))
  }
}

/** Redis, Valkey, KeyDB and what speaks like them. */
export const redis: Protocol = {
  application: 'redis',
  transports: ['TCP'],
  recognise,
  open: () => guarded(new RedisReader()),
}
