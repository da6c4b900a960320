import { type DnsRecord, type Message, TYPE } from '../protocols/dns/message.ts'
import { isWithin } from './names.ts'

const ALIASES: ReadonlySet<number> = new Set([TYPE.cname, TYPE.dname, TYPE.https, TYPE.svcb])
const PSEUDO: ReadonlySet<number> = new Set([TYPE.opt, 249, 250])

/**
 * The owner of the first record that the question does not lead to. In the answer that is whatever is not the asked name
 * or one of its aliases; in the authority section, zones that are not above those names, and what is not in such a zone;
 * in the additional section, names to which no record led. A cache that believed such records was poisoned by them.
 */
export function foreignOwner(message: Message): string | undefined {
  const [question] = message.asked
  if (!question) return undefined
  const names = namesOf(question.name, message.records)
  const leads = (name: string): boolean => names.has(name)
  const inAnswer = message.records.find(record => !leads(record.name) && !isAboveAlias(record, names))
  if (inAnswer) return inAnswer.name
  const zones = message.authority.map(({ name }) => name).filter(zone => isAbove(zone, names))
  const inAuthority = message.authority.find(({ name }) => !zones.some(zone => isWithin(name, zone)))
  if (inAuthority) return inAuthority.name
  const all = [...message.records, ...message.authority, ...message.additional]
  const led = new Set(all.flatMap(({ targets }) => targets))
  const isMeant = ({ name, type }: DnsRecord): boolean => PSEUDO.has(type) || leads(name) || led.has(name)
  return message.additional.find(record => !isMeant(record))?.name
}

/** The asked name and its aliases, in whatever order they stand. */
function namesOf(asked: string, records: readonly DnsRecord[]): ReadonlySet<string> {
  const names = new Set([asked])
  // A set is walked to what is added on the way; every name is added once.
  for (const name of names) {
    for (const record of records) {
      const isOwn = record.name === name || (record.type === TYPE.dname && isWithin(name, record.name))
      if (isOwn && ALIASES.has(record.type)) for (const target of record.targets) names.add(target)
    }
  }
  return names
}

/** DNAME stands at a domain above the name (RFC 6672), and so does its signature. */
function isAboveAlias({ name, type }: DnsRecord, names: ReadonlySet<string>): boolean {
  return (type === TYPE.dname || type === 46) && isAbove(name, names)
}

const isAbove = (zone: string, names: ReadonlySet<string>): boolean =>
  names.values().some(name => isWithin(name, zone))
