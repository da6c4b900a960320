import { LIMITS, Malformed } from '@sekisho/core'
import { type BoldReader, guarded } from '../../guarded.ts'
import { Inbox } from '../../inbox.ts'
import { MORE, NO, type Opening, type Protocol, type Recognition, type Side } from '../../protocol.ts'
import { detail, type Reading } from '../../reading.ts'
import { answerReadings } from './answer.ts'
import { HEADER_BYTES, type Message, parseMessage, type Question } from './message.ts'
import { dnsRecognition } from './recognise.ts'
import { operationName, typeName } from './words.ts'

/*
 * DNS (RFC 1035): one message in a datagram; over TCP each behind its length(16) (section 4.2.2).
 */
const LENGTH_BYTES = 2
const SIDES = ['client', 'server'] as const

function recognise(opening: Opening): Recognition {
  const answers = SIDES.filter(side => opening[side].length > 0).map(side => {
    const bytes = opening[side]
    return opening.transport === 'TCP' ? overTcp(bytes) : dnsRecognition(bytes)
  })
  if (answers.length === 0) return MORE
  return answers.find(({ kind }) => kind === 'no') ?? answers.find(({ kind }) => kind !== 'more') ?? MORE
}

function overTcp(bytes: Uint8Array): Recognition {
  const [high, low] = bytes
  if (high === undefined || low === undefined) return MORE
  const length = (high << 8) | low
  if (length < HEADER_BYTES) return NO
  // A long message needs not be there whole: its header and question tell.
  const whole = bytes.length >= LENGTH_BYTES + length
  if (!whole && bytes.length < LIMITS.openingBytes.value && length < LIMITS.openingBytes.value)
    return bytes.length < LENGTH_BYTES + HEADER_BYTES || mayBecome(bytes) ? MORE : NO
  return dnsRecognition(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length))
}

/** The reserved bit and a first question are all that the beginning of a message shows. */
function mayBecome(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return (view.getUint16(4) & 0x0040) === 0 && view.getUint16(6) <= 1
}

class DnsReader implements BoldReader {
  /** Questions that may be answered, by who asked them; the oldest one is forgotten first. */
  readonly #asked = new Set<string>()
  readonly #inboxes: Readonly<Record<Side, Inbox>> | undefined

  constructor(transport: Opening['transport']) {
    const inbox = (): Inbox => new Inbox(LIMITS.inspectBytes.value + LENGTH_BYTES)
    if (transport === 'TCP') this.#inboxes = { client: inbox(), server: inbox() }
  }

  read(side: Side, bytes: Uint8Array, found: Reading[]): void {
    const inbox = this.#inboxes?.[side]
    if (!inbox) {
      this.#message(side, parseMessage(bytes), found)
      return
    }
    inbox.push(bytes)
    for (let message = next(inbox); message; message = next(inbox))
      this.#message(side, parseMessage(message), found)
    inbox.keep()
  }

  #message(side: Side, message: Message, found: Reading[]): void {
    if (message.isAnswer) this.#answer(side, message, found)
    else this.#question(side, message, found)
  }

  #question(side: Side, message: Message, found: Reading[]): void {
    const [question, ...others] = message.asked
    // RFC 9619: one question. Servers answered the first one, the last one, or none.
    if (!question || others.length > 0) throw new Malformed('not one question', HEADER_BYTES)
    this.#remember(keyOf(side, message.id, question))
    if (message.operation !== 0) found.push(detail('command', operationName(message.operation)))
    found.push({
      kind: 'request',
      request: { kind: 'dns', name: question.name, type: typeName(question.type) },
    })
  }

  #remember(key: string): void {
    this.#asked.delete(key)
    this.#asked.add(key)
    if (this.#asked.size <= LIMITS.dnsQuestions.value) return
    for (const oldest of this.#asked) {
      this.#asked.delete(oldest)
      return
    }
  }

  /** A question may be answered more than once: it is asked again when the first answer is late. */
  #answer(side: Side, message: Message, found: Reading[]): void {
    const asker = side === 'client' ? 'server' : 'client'
    const [question] = message.asked
    if (!this.#wasAsked(asker, message.id, question)) throw new Malformed('answer to no question', 0)
    found.push(...answerReadings(message, question))
  }

  /** Errors and later parts of zone transfers need not repeat the question (RFC 5936 section 2.2). */
  #wasAsked(asker: Side, id: number, question: Question | undefined): boolean {
    if (question) return this.#asked.has(keyOf(asker, id, question))
    const prefix = `${asker} ${id} `
    return this.#asked.values().some(key => key.startsWith(prefix))
  }
}

const keyOf = (asker: Side, id: number, question: Question): string =>
  `${asker} ${id} ${question.type} ${question.class} ${question.name}`

function next(inbox: Inbox): Uint8Array | undefined {
  const head = inbox.peek(LENGTH_BYTES)
  if (!head) return undefined
  const length = ((head[0] ?? 0) << 8) | (head[1] ?? 0)
  return inbox.take(LENGTH_BYTES + length)?.subarray(LENGTH_BYTES)
}

export const dns: Protocol = {
  application: 'dns',
  transports: ['TCP', 'UDP'],
  recognise,
  open: transport => guarded(new DnsReader(transport)),
}
