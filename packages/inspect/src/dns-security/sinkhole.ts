import { Malformed, MOST_SINKHOLES } from '@sekisho/core'
import { HEADER_BYTES, type Message, parseMessage, TYPE } from '../protocols/dns/message.ts'
import { nameAt } from '../protocols/dns/name.ts'

/*
 * An answer in the resolver's place (RFC 1035 section 4.1). The question is repeated byte by byte: clients that mix upper
 * and lower case check that. What is denied comes with an SOA record, by which it is kept (RFC 2308 section 5); who
 * asks with EDNS is answered so (RFC 6891 section 6.1.1), with the reason "Blocked" (RFC 8914 section 4.16).
 */
export interface Sinkhole {
  readonly kind: 'nxdomain' | 'addresses'
  /** In the wire's form: 4 or 16 bytes each. A question for another type is answered with no record. */
  readonly addresses: readonly Uint8Array[]
  /** Seconds for which clients keep the answer. */
  readonly ttl: number
}

const INTERNET = 1
const ANY_CLASS = 255
const QUESTION_AT = 0xc000 | HEADER_BYTES
const FLAG = { answer: 0x8000, recursionWanted: 0x0100, recursionAvailable: 0x0080, checkingDisabled: 0x0010 }
const NXDOMAIN = 3
const UDP_BYTES = 1_232
const DNSSEC_OK = 0x8000
const ERROR_OPTION = 15
const BLOCKED = 15
/** `localhost.` and `nobody.invalid.`: they serve nothing. */
const PRIMARY = [9, ...ascii('localhost'), 0]
const MAILBOX = [6, ...ascii('nobody'), 7, ...ascii('invalid'), 0]

/** @returns the answer, or undefined where the bytes are no question that a client asks: it is dropped then. */
export function sinkholeAnswer(query: Uint8Array, sinkhole: Sinkhole): Uint8Array | undefined {
  const message = questionIn(query)
  const [question] = message?.asked ?? []
  if (!message || !question) return undefined
  const answers = isEdnsUnknown(message) ? [] : answersTo(question.type, sinkhole)
  const isDenied = answers.length === 0
  const authority = isDenied ? [soa(sinkhole.ttl)] : []
  const additional = ednsOf(message)
  const copied = message.flags & (FLAG.recursionWanted | FLAG.checkingDisabled)
  const code = sinkhole.kind === 'nxdomain' && !isEdnsUnknown(message) ? NXDOMAIN : 0
  return Uint8Array.from([
    ...u16(message.id),
    ...u16(FLAG.answer | FLAG.recursionAvailable | copied | code),
    ...[1, answers.length, authority.length, additional.length].flatMap(u16),
    ...query.subarray(HEADER_BYTES, nameAt(query, HEADER_BYTES).next + 4),
    ...[...answers, ...authority, ...additional].flat(),
  ])
}

/** One question of the Internet's class, and nothing that would ask for more than an answer. */
function questionIn(bytes: Uint8Array): Message | undefined {
  const message = attempt(() => parseMessage(bytes))
  if (!message || message.isAnswer || message.operation !== 0 || message.asked.length !== 1) return undefined
  const isInternet = message.asked.every(each => each.class === INTERNET || each.class === ANY_CLASS)
  return isInternet ? message : undefined
}

function attempt(parse: () => Message): Message | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

function answersTo(type: number, { kind, addresses, ttl }: Sinkhole): readonly (readonly number[])[] {
  if (kind === 'nxdomain') return []
  return addresses.slice(0, MOST_SINKHOLES).flatMap(address => {
    const own = address.length === 4 ? TYPE.a : TYPE.aaaa
    return type === own || type === TYPE.any ? [record(own, ttl, [...address])] : []
  })
}

/** Of the asked name. */
const record = (type: number, ttl: number, data: readonly number[]): readonly number[] => [
  ...u16(QUESTION_AT),
  ...u16(type),
  ...u16(INTERNET),
  ...u32(ttl),
  ...u16(data.length),
  ...data,
]

/** Its last number is for how long nobody asks again. */
const soa = (ttl: number): readonly number[] =>
  record(TYPE.soa, ttl, [...PRIMARY, ...MAILBOX, ...[1, 3_600, 600, 86_400, ttl].flatMap(u32)])

/** TTL of an OPT record: extended code(8) version(8) DO(1) zero(15). */
const optOf = (message: Message) => message.additional.find(({ type }) => type === TYPE.opt)
const versionOf = (ttl: number): number => (ttl >>> 16) & 0xff
const isEdnsUnknown = (message: Message): boolean => versionOf(optOf(message)?.ttl ?? 0) > 0

function ednsOf(message: Message): readonly (readonly number[])[] {
  const opt = optOf(message)
  if (!opt) return []
  // BADVERS, 16, has its upper bits here.
  const extended = isEdnsUnknown(message) ? 1 << 24 : 0
  const error = [...u16(ERROR_OPTION), ...u16(2), ...u16(BLOCKED)]
  const ttl = extended | (opt.ttl & DNSSEC_OK)
  return [[0, ...u16(TYPE.opt), ...u16(UDP_BYTES), ...u32(ttl), ...u16(error.length), ...error]]
}

function ascii(text: string): readonly number[] {
  return Array.from(text, letter => letter.charCodeAt(0))
}
const u16 = (value: number): readonly number[] => [(value >>> 8) & 0xff, value & 0xff]
const u32 = (value: number): readonly number[] => [...u16(value >>> 16), ...u16(value & 0xffff)]
