import { Malformed } from '@sekisho/core'
import { certain, likely, NO, type Recognition } from '../../protocol.ts'
import {
  HEADER_BYTES,
  type Header,
  type Message,
  parseHeader,
  parseMessage,
  parseQuestion,
  type Question,
} from './message.ts'
import { typeName } from './words.ts'

/*
 * DNS has no mark of its own, so everything in a message must fit: its reserved bit, counts, a question that is one, and
 * an end where the packet ends. mDNS and the name service of NetBIOS use the same form and are told apart here.
 */
export interface Shape {
  readonly header: Header
  /** Absent in answers that do not repeat it. */
  readonly question?: Question
  /** Absent where the rest of the message is malformed. */
  readonly message?: Message
}

const RESERVED_BIT = 0x0040
const OPERATIONS: ReadonlySet<number> = new Set([0, 2, 4, 5])
const CLASSES: ReadonlySet<number> = new Set([1, 3, 4, 254, 255])
const INTERNET = 1
const MOST_QUESTIONS = 1
const MOST_RECORDS = 200

/** What a datagram is if it is a message of any of these protocols. */
export function shapeOf(bytes: Uint8Array): Shape | undefined {
  const header = attempt(() => parseHeader(bytes))
  if (!header || !isPlausible(header)) return undefined
  const question = header.questions > 0 ? attempt(() => parseQuestion(bytes)) : undefined
  if (header.questions > 0 && !question) return undefined
  const message = attempt(() => parseMessage(bytes))
  if (!question && !message) return undefined
  return { header, ...(question && { question }), ...(message && { message }) }
}

function isPlausible({ flags, operation, isAnswer, code, ...counts }: Header): boolean {
  if (flags & RESERVED_BIT || !OPERATIONS.has(operation) || (!isAnswer && code !== 0)) return false
  const records = counts.answers + counts.authorities + counts.additionals
  return counts.questions + records > 0 && records <= MOST_RECORDS
}

/** Recognising asks whether it fits; only a reader says why not. */
function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

export function dnsRecognition(bytes: Uint8Array): Recognition {
  const shape = bytes.length < HEADER_BYTES ? undefined : shapeOf(bytes)
  if (!shape || isMulticast(shape) || isLinkLocal(shape) || isNetbios(shape)) return NO
  const { header, question, message } = shape
  if (header.questions > MOST_QUESTIONS || (question && !CLASSES.has(question.class))) return NO
  if (!header.isAnswer && header.operation === 0 && header.answers > 0) return NO
  const evidence = question
    ? `question "${question.name.slice(0, 60)}" ${typeName(question.type)}`
    : 'answer without a question'
  return message && question ? certain(evidence) : likely(evidence)
}

const UNICAST_ANSWER_WANTED = 0x8000
const MULTICAST_FLAGS: ReadonlySet<number> = new Set([0, 0x0200, 0x8000, 0x8400, 0x8600])

/** RFC 6762 section 18: no id, hardly a flag, and names below "local" or reverse ones. */
export function isMulticast({ header, question, message }: Shape): boolean {
  if (header.id !== 0 || !MULTICAST_FLAGS.has(header.flags)) return false
  const names = message ? [...message.asked, ...message.records].map(({ name }) => name) : []
  const local = [...names, question?.name ?? ''].some(name => /(?:^|\.)local$/.test(name))
  const wantsUnicast = question !== undefined && (question.class & UNICAST_ANSWER_WANTED) !== 0
  return local || wantsUnicast || (header.isAnswer && header.questions === 0)
}

/**
 * RFC 4795 section 2: one question for a name of one label, and no flag at all. Resolvers ask so for top-level domains
 * only, and they have an OPT record to add.
 */
export function isLinkLocal({ header, question }: Shape): boolean {
  if (!question || header.id === 0 || header.authorities + header.additionals > 0) return false
  const isSingle = question.name !== '' && !question.name.includes('.')
  return isSingle && (header.flags === 0 || header.flags === 0x8000) && question.class === INTERNET
}

const NETBIOS_TYPES: ReadonlySet<number> = new Set([32, 33])

/** RFC 1002 section 4.2: a name of 16 bytes, each written as two letters from A to P. */
export function isNetbios({ question, message }: Shape): boolean {
  const name = question ?? message?.records[0]
  return name !== undefined && NETBIOS_TYPES.has(name.type) && /^[a-p]{32}(?:\.|$)/.test(name.name)
}
