import { type Direction, type Family, parseIp } from '@sekisho/core'
import type { Decision, FlowQuery, QueryEnd, SideDecision } from '../decision.ts'
import type { FlowFacts, Inspect } from '../facts.ts'
import type { Addresses } from './addresses.ts'
import { type End, type Entry, isActed, type PolicySet } from './entry.ts'
import { answer, mergeInspect, type Question } from './evaluators.ts'
import type { ModelIndex } from './model-index.ts'

/** A flow both of whose ends are looked up. */
export interface Ends {
  readonly source: End
  readonly destination: End
}

/** The address that is asked for, else its first one, or the first of the other end's family. */
function workloadEnd(entry: Entry, text: string | undefined, family: Family | undefined): End {
  if (text !== undefined) return entry.endAt(text) ?? entry.end(text, parseIp(text))
  const { first } = entry
  if (family === undefined || first.ip?.family === family) return first
  return entry.of(family) ?? entry.end(undefined, undefined)
}

const NOWHERE: End = Object.freeze({ entry: undefined, host: undefined, text: undefined, ip: undefined })

/** What owns an address is asked first: it is asked for most, and its addresses are parsed. */
function addressEnd(text: string, index: ModelIndex, owners: readonly Addresses[]): End {
  for (const addresses of owners) {
    const end = addresses.owner(text)?.endAt(text)
    if (end) return end
  }
  const end = index.outside.at(text)
  return end.text === undefined || end.text === text ? end : addressEnd(end.text, index, owners)
}

/**
 * A workload that is named is meant, whatever address it has now. One that is not known any more is an outside
 * address: its address may be another's by now, which must not inherit the question.
 */
export function findEnd(
  index: ModelIndex,
  { workload, ip: text }: QueryEnd,
  family: Family | undefined,
): End {
  const entry = workload === undefined ? undefined : index.entry(workload)
  if (entry) return workloadEnd(entry, text, family)
  if (text === undefined) return NOWHERE
  return addressEnd(text, index, workload === undefined ? index.owners : index.hosts)
}

const familyOf = (text: string | undefined): Family | undefined =>
  text === undefined ? undefined : text.includes(':') ? 6 : 4

export function findEnds(index: ModelIndex, { source, destination }: FlowQuery): Ends {
  const to = findEnd(index, destination, familyOf(source.ip))
  return { source: findEnd(index, source, to.ip?.family), destination: to }
}

/** The side that decided: the one that denies, else the one that has something to say. */
export function combine(egress: SideDecision, ingress: SideDecision): Decision {
  const byEgress =
    egress.verdict !== 'allow' || (ingress.verdict === 'allow' && ingress.why === 'not-selected')
  const { verdict, by, why, onDeny } = byEgress ? egress : ingress
  const inspect = egress.inspect || ingress.inspect ? inspectBoth(egress, ingress) : undefined
  const direction: Direction = byEgress ? 'egress' : 'ingress'
  if (inspect || onDeny) {
    const more = { ...(onDeny && { onDeny }), ...(inspect && { inspect }) }
    return { verdict, ...(by !== undefined && { by, direction }), why, ...more, egress, ingress }
  }
  return by === undefined
    ? { verdict, why, egress, ingress }
    : { verdict, by, why, direction, egress, ingress }
}

/** One side that denies for good settles it; else both sides' open questions count. */
function inspectBoth(egress: SideDecision, ingress: SideDecision): Inspect | undefined {
  const settled = [egress, ingress].some(side => side.verdict !== 'allow' && !side.inspect)
  return settled ? undefined : mergeInspect(egress.inspect, ingress.inspect)
}

export interface Asked {
  readonly query: FlowQuery
  readonly ends: Ends
  readonly policies: PolicySet
  /** Only sides that an agent can act for: none runs on an external machine, and none judges its host's own traffic. */
  readonly acting?: boolean
}

/** The workload or host whose policies are asked. */
function judged({ entry, host }: End, acting: boolean): Entry | undefined {
  const subject = entry ?? host
  return subject && (!acting || isActed(subject.workload)) ? subject : undefined
}

export const NO_FACTS: FlowFacts = Object.freeze({})

/** The two questions that a flow asks: of the source's egress and of the destination's ingress. */
export function questionsOf(index: ModelIndex, asked: Asked): Readonly<Record<Direction, Question>> {
  const { query, ends, policies, acting = false } = asked
  const { source, destination } = ends
  const { protocol, port, facts = NO_FACTS } = query
  const nodes = index.nodeAddresses
  const egress: Question = {
    direction: 'egress',
    subject: source,
    peer: destination,
    protocol,
    port,
    facts,
    nodes,
    fromOwnNode: false,
    profile: index.profile(judged(source, acting), 'egress', policies),
  }
  const ingress: Question = {
    direction: 'ingress',
    subject: destination,
    peer: source,
    protocol,
    port,
    facts,
    nodes,
    fromOwnNode: ingressFromOwnNode(index, ends),
    profile: index.profile(judged(destination, acting), 'ingress', policies),
  }
  return { egress, ingress }
}

/** Both sides must allow. */
export function decideEnds(index: ModelIndex, asked: Asked): Decision {
  const { egress, ingress } = questionsOf(index, asked)
  return combine(answer(egress), answer(ingress))
}

export const ingressFromOwnNode = (index: ModelIndex, { source, destination }: Ends): boolean =>
  destination.entry !== undefined &&
  source.text !== undefined &&
  index.nodeAddresses.hasAny(source.text) &&
  index.nodeAddresses.has(destination.entry.workload.node, source.text)

/** Whether policies in Audit have anything to say that those in Enforce have not. */
export const audits = (index: ModelIndex, { source, destination }: Ends): boolean =>
  index.profile(source.entry, 'egress', 'audit') !== index.profile(source.entry, 'egress', 'enforce') ||
  index.profile(destination.entry, 'ingress', 'audit') !==
    index.profile(destination.entry, 'ingress', 'enforce')
