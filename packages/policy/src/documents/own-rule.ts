import {
  APPLICATIONS,
  type ApplicationName,
  carriersOf,
  carries,
  type Direction,
  type EpochMs,
  isCustomApplication,
  LIMITS,
} from '@sekisho/core'
import { ON_DENY, type OnDeny, type PolicyRule } from './document.ts'
import type { L7Match } from './l7.ts'
import { readL7 } from './l7-reader.ts'
import { readList, readOwnPeer } from './own-peer.ts'
import { type RuleDialect, readRule } from './rules.ts'
import { didYouMean, type Spot } from './spot.ts'

const DIALECT: RuleDialect = {
  protocols: ['TCP', 'UDP', 'SCTP', 'ICMP', 'ICMPv6'],
  actions: ['Allow', 'Deny', 'Pass'],
  fields: ['name', 'action', 'applications', 'l7', 'onDeny', 'validUntil', 'ticket'],
  peer: readOwnPeer,
}

/** RFC 3339 with its zone: a time without one would end at another moment on each machine. */
const TIME = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i

function readTime(spot: Spot): EpochMs | undefined {
  const text = spot.text()
  if (text === undefined) return undefined
  const [, year = 0, month = 0, day = 0] = TIME.exec(text)?.map(Number) ?? []
  const at = Date.parse(text)
  // Date.parse rolls the 31st of a short month over into the next.
  const exists = new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day
  if (TIME.test(text) && Number.isFinite(at) && exists) return at as EpochMs
  spot.refuse('must be a time as in "2027-03-31T18:00:00Z"')
  return undefined
}

function readTicket(spot: Spot): string | undefined {
  const ticket = spot.absent ? undefined : spot.text()
  if (ticket !== undefined && (ticket === '' || ticket.length > 200))
    spot.refuse('must be 1 to 200 characters')
  return ticket
}

function readApplication(spot: Spot): ApplicationName | undefined {
  const name = spot.text()
  const builtIn = APPLICATIONS.find(each => each === name)
  if (builtIn || name === undefined) return builtIn
  const reason = `is neither built in nor defined by an Application${didYouMean(name, APPLICATIONS)}`
  if (isCustomApplication(name)) {
    spot.refuseUnlessDefined(name, reason)
    return name
  }
  spot.refuse(reason)
  return undefined
}

/** An Allow rule denies nothing: what it leaves out is denied by the policy, or by no one. */
function readOnDeny(spot: Spot, action: PolicyRule['action']): OnDeny | undefined {
  if (spot.absent) return undefined
  if (action !== 'Deny') spot.refuse('is for Deny rules; what no rule allows ends as spec.onDeny says')
  return spot.oneOf(ON_DENY)
}

/** An exception that waits for what is said would have to open first: a Pass rule is decided by ends and port. */
function refuseOpenPass(spot: Spot, { action, peers = [] }: PolicyRule): void {
  if (action !== 'Pass') return
  for (const field of ['applications', 'l7'])
    if (!spot.at(field).absent) spot.at(field).refuse('is not for Pass rules; they are about ends and ports')
  if (peers.some(({ kind }) => kind === 'fqdn'))
    spot.at('to').refuse('a Pass rule is about ends and ports, and not about names')
}

/** Such a rule would wait for requests that never come, and match nothing. */
function refuseSilent(spot: Spot, applications: readonly string[], l7: readonly L7Match[]): void {
  const kinds = [...new Set(l7.map(({ kind }) => kind))]
  const silent = applications.filter(application => !kinds.some(kind => carries(application, kind)))
  if (silent.length === 0) return
  const read = kinds.map(kind => `${kind} in ${carriersOf(kind).join(', ')}`)
  spot.refuse(`no request of l7 is read in ${silent.join(', ')}: ${read.join('; ')}`)
}

/** A rule of Sekisho's own kinds: what a NetworkPolicy's has, and what only Sekisho knows. */
export function readOwnRule(spot: Spot, direction: Direction): PolicyRule {
  const rule = readRule(spot, direction, DIALECT)
  refuseOpenPass(spot, rule)
  const applications = readList(spot.at('applications'), LIMITS.wordsPerList.value, readApplication)
  const l7 = readL7(spot.at('l7'))
  if (applications && l7) refuseSilent(spot.at('applications'), applications, l7)
  const onDeny = readOnDeny(spot.at('onDeny'), rule.action)
  const validUntil = spot.at('validUntil').absent ? undefined : readTime(spot.at('validUntil'))
  const ticket = readTicket(spot.at('ticket'))
  return {
    ...rule,
    ...(applications && { applications }),
    ...(l7 && { l7 }),
    ...(onDeny && { onDeny }),
    ...(validUntil !== undefined && { validUntil }),
    ...(ticket !== undefined && { ticket }),
  }
}
