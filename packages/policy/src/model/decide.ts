import { applicationOfProtocol, type Direction, isConversed } from '@sekisho/core'
import type { Decision, FlowQuery, SideDecision } from '../decision.ts'
import type { FlowFacts, Inspect } from '../facts.ts'
import type { FlowEnds } from './ends.ts'
import { type End, type Entry, isActed, type PolicySet } from './entry.ts'
import { answer, mergeInspect, type Question } from './evaluators.ts'
import type { ModelIndex } from './model-index.ts'

/** The side that decided: the one that denies, else the one that has something to say. */
export function combine(egress: SideDecision, ingress: SideDecision): Decision {
  const byEgress =
    egress.verdict !== 'allow' || (ingress.verdict === 'allow' && ingress.why === 'not-selected')
  const decision = decidedBy(byEgress ? 'egress' : 'ingress', egress, ingress)
  const inspect = egress.inspect || ingress.inspect ? inspectBoth(egress, ingress) : undefined
  return inspect ? { ...decision, inspect } : decision
}

/** What two sides say that have no questions. */
export function decidedBy(direction: Direction, egress: SideDecision, ingress: SideDecision): Decision {
  const { verdict, by, why, onDeny } = direction === 'egress' ? egress : ingress
  if (by === undefined) return { verdict, why, egress, ingress }
  return onDeny === undefined
    ? { verdict, by, why, direction, egress, ingress }
    : { verdict, by, why, direction, onDeny, egress, ingress }
}

/** One side that denies for good settles it; else both sides' open questions count. */
function inspectBoth(egress: SideDecision, ingress: SideDecision): Inspect | undefined {
  const settled = [egress, ingress].some(side => side.verdict !== 'allow' && !side.inspect)
  return settled ? undefined : mergeInspect(egress.inspect, ingress.inspect)
}

export interface Asked {
  readonly query: FlowQuery
  readonly ends: FlowEnds
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

/** What is known of a flow: what nobody reads says no more than its protocol does. */
export function factsOf({ protocol, facts = NO_FACTS }: Pick<FlowQuery, 'protocol' | 'facts'>): FlowFacts {
  if (isConversed(protocol)) return facts
  const { names } = facts
  return { application: applicationOfProtocol(protocol) ?? 'unknown', ...(names && { names }) }
}

/** The two questions that a flow asks: of the source's egress and of the destination's ingress. */
export function questionsOf(index: ModelIndex, asked: Asked): Readonly<Record<Direction, Question>> {
  const { query, ends, policies, acting = false } = asked
  const { source, destination } = ends
  const { protocol, port } = query
  const facts = factsOf(query)
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

export const ingressFromOwnNode = (index: ModelIndex, { source, destination }: FlowEnds): boolean =>
  destination.entry !== undefined &&
  source.text !== undefined &&
  index.nodeAddresses.hasAny(source.text) &&
  index.nodeAddresses.has(destination.entry.workload.node, source.text)

/** Whether policies in Audit have anything to say that those in Enforce have not. */
export const audits = (index: ModelIndex, { source, destination }: FlowEnds): boolean =>
  index.profile(source.entry, 'egress', 'audit') !== index.profile(source.entry, 'egress', 'enforce') ||
  index.profile(destination.entry, 'ingress', 'audit') !==
    index.profile(destination.entry, 'ingress', 'enforce')
