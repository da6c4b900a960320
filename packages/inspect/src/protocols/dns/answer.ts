import { canonicalIp } from '@sekisho/core'
import { detail, type NameAddress, type Reading } from '../../reading.ts'
import { type DnsRecord, type Message, type Question, TYPE } from './message.ts'
import { codeName } from './words.ts'

/** An alias that leads to an alias and so on; resolvers give up earlier. */
const ALIASES = 16
const SHOWN_CHARACTERS = 256
const INTERNET = 1

/** What an answer says: addresses of the asked name, what a flow record shows of it, and its code. */
export function answerReadings(message: Message, question: Question | undefined): readonly Reading[] {
  const names = question && message.code === 0 ? addressesOf(question, message.records) : []
  const shown = shownOf(message.records)
  return [
    ...(names.length > 0 ? [{ kind: 'names', names } as const] : []),
    ...(shown === '' ? [] : [detail('dns-answer', shown)]),
    detail('status', codeName(message.code)),
  ]
}

const ADDRESSES: ReadonlySet<number> = new Set([TYPE.a, TYPE.aaaa])
const HINTS: ReadonlySet<number> = new Set([TYPE.https, TYPE.svcb])

/**
 * The addresses to which the asked name leads, over its aliases. Records of other names do not count, whatever section
 * they are in: a server could answer for a name that is not its own.
 */
export function addressesOf(question: Question, records: readonly DnsRecord[]): readonly NameAddress[] {
  const asksForAddress =
    question.type === TYPE.any || ADDRESSES.has(question.type) || HINTS.has(question.type)
  if (!asksForAddress || question.class !== INTERNET) return []
  const found: NameAddress[] = []
  let owner: string | undefined = question.name
  let ttl = Number.POSITIVE_INFINITY
  for (let hop = 0; owner !== undefined && hop <= ALIASES; hop++) {
    const own: readonly DnsRecord[] = records.filter(({ name }) => name === owner)
    for (const record of own) {
      if (!ADDRESSES.has(record.type) && !HINTS.has(record.type)) continue
      for (const ip of record.targets.filter(isAddress))
        found.push({ name: question.name, ip, ttl: Math.min(ttl, record.ttl) })
    }
    const alias: DnsRecord | undefined = own.find(({ type, targets }) => leadsOn(type, targets))
    ttl = Math.min(ttl, alias?.ttl ?? ttl)
    owner = alias?.targets.find(target => !isAddress(target))
  }
  return found
}

const isAddress = (target: string): boolean => canonicalIp(target) !== undefined
const leadsOn = (type: number, targets: readonly string[]): boolean =>
  type === TYPE.cname || (HINTS.has(type) && targets.some(target => !isAddress(target)))

function shownOf(records: readonly DnsRecord[]): string {
  let shown = ''
  for (const target of records.flatMap(({ targets }) => targets)) {
    if (shown.length + target.length >= SHOWN_CHARACTERS) break
    shown += shown === '' ? target : ` ${target}`
  }
  return shown
}
