import { formatIp, LIMITS, Malformed, Reader } from '@sekisho/core'
import { nameAt } from './name.ts'

/*
 * Message (RFC 1035 section 4.1), the same in DNS, mDNS and LLMNR:
 *   id(16) answer(1) operation(4) AA TC RD RA Z AD CD code(4)   counts of questions, answers, authorities, additionals
 *   question: name type(16) class(16)        record: name type(16) class(16) ttl(32) <data>16
 */
export interface Question {
  readonly name: string
  readonly type: number
  readonly class: number
}

export interface DnsRecord {
  readonly name: string
  readonly type: number
  readonly class: number
  /** Seconds. */
  readonly ttl: number
  /** What an address or alias leads to, and the names of others: in the form in which names and addresses are compared. */
  readonly targets: readonly string[]
}

export interface Header {
  readonly id: number
  readonly flags: number
  readonly isAnswer: boolean
  readonly operation: number
  readonly code: number
  readonly questions: number
  readonly answers: number
  readonly authorities: number
  readonly additionals: number
}

export interface Message extends Header {
  readonly asked: readonly Question[]
  /** Of the answer section only: the others may be about anything. */
  readonly records: readonly DnsRecord[]
  readonly authority: readonly DnsRecord[]
  readonly additional: readonly DnsRecord[]
}

export const TYPE = {
  a: 1,
  ns: 2,
  cname: 5,
  soa: 6,
  null: 10,
  ptr: 12,
  mx: 15,
  txt: 16,
  aaaa: 28,
  srv: 33,
  dname: 39,
  opt: 41,
  svcb: 64,
  https: 65,
  any: 255,
} as const
export const HEADER_BYTES = 12
/** A record whose bytes above ttl are set is as good as one of zero (RFC 2181 section 8). */
const LONGEST_TTL = 0x7fff_ffff

/** Raises `Malformed`. */
export function parseHeader(bytes: Uint8Array): Header {
  const reader = new Reader(bytes)
  const [id, flags] = [reader.u16be(), reader.u16be()]
  return {
    id,
    flags,
    isAnswer: flags >> 15 === 1,
    operation: (flags >> 11) & 0x0f,
    code: flags & 0x0f,
    questions: reader.u16be(),
    answers: reader.u16be(),
    authorities: reader.u16be(),
    additionals: reader.u16be(),
  }
}

/** The whole message, nothing left over; raises `Malformed`. */
export function parseMessage(bytes: Uint8Array): Message {
  const header = parseHeader(bytes)
  const { questions, answers, authorities, additionals } = header
  if (questions + answers + authorities + additionals > LIMITS.dnsRecords.value)
    throw new Malformed('more records than are read', 0)
  const sections = new Sections(bytes)
  const asked = Array.from({ length: questions }, () => sections.question())
  const records = Array.from({ length: answers }, () => sections.record())
  const authority = Array.from({ length: authorities }, () => sections.record())
  const additional = Array.from({ length: additionals }, () => sections.record())
  if (sections.left > 0) throw new Malformed('bytes after the message', bytes.length - sections.left)
  return { ...header, asked, records, authority, additional }
}

/** The first question of a message; raises `Malformed`. */
export const parseQuestion = (bytes: Uint8Array): Question => new Sections(bytes).question()

class Sections {
  readonly #bytes: Uint8Array
  #at = HEADER_BYTES

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  question(): Question {
    const name = this.#name()
    const reader = this.#fixed(4)
    return { name, type: reader.u16be(), class: reader.u16be() }
  }

  record(): DnsRecord {
    const name = this.#name()
    const reader = this.#fixed(10)
    const [type, recordClass] = [reader.u16be(), reader.u16be()]
    const ttl = reader.u32be()
    const length = reader.u16be()
    const data = this.#fixed(length)
    const targets = targetsOf({ type, message: this.#bytes, data })
    return { name, type, class: recordClass, ttl: ttl > LONGEST_TTL ? 0 : ttl, targets }
  }

  #name(): string {
    const { name, next } = nameAt(this.#bytes, this.#at)
    this.#at = next
    return name
  }

  #fixed(count: number): Reader {
    if (count > this.left) throw new Malformed('message cut short', this.#at)
    const reader = new Reader(this.#bytes, this.#at, this.#at + count)
    this.#at += count
    return reader
  }
}

interface RecordData {
  readonly type: number
  readonly message: Uint8Array
  readonly data: Reader
}

function targetsOf({ type, message, data }: RecordData): readonly string[] {
  switch (type) {
    case TYPE.a:
      return [addressOf(data, 4)]
    case TYPE.aaaa:
      return [addressOf(data, 16)]
    case TYPE.cname:
    case TYPE.dname:
    case TYPE.ns:
    case TYPE.ptr:
      return [nameAt(message, data.at).name]
    case TYPE.mx:
      data.skip(2)
      return [nameAt(message, data.at).name]
    case TYPE.srv:
      data.skip(6)
      return [nameAt(message, data.at).name]
    case TYPE.svcb:
    case TYPE.https:
      return hintsOf(message, data)
    default:
      return []
  }
}

function addressOf(data: Reader, length: 4 | 16): string {
  const bytes = data.bytes(length)
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return formatIp({ family: length === 4 ? 4 : 6, value })
}

const IPV4_HINT = 4
const IPV6_HINT = 6

/** Addresses that a client may use without asking for them (RFC 9460 section 7.3), and the other name of an alias. */
function hintsOf(message: Uint8Array, data: Reader): readonly string[] {
  const priority = data.u16be()
  const { name, next } = nameAt(message, data.at)
  data.skip(next - data.at)
  const targets = priority === 0 ? [name] : []
  while (data.left > 0) {
    const key = data.u16be()
    const value = data.sub(data.u16be())
    const length = key === IPV4_HINT ? 4 : key === IPV6_HINT ? 16 : undefined
    while (length !== undefined && value.left > 0) targets.push(addressOf(value, length))
  }
  return targets
}
