import type { Direction } from '@sekisho/core'
import type { ConsideredPolicy, FlowQuery } from '../decision.ts'
import type { BoundPolicy } from '../model/bound.ts'
import { factsOf, ingressFromOwnNode } from '../model/decide.ts'
import type { FlowEnds } from '../model/ends.ts'
import type { Entry } from '../model/entry.ts'
import { matchRule, missing, type Question } from '../model/evaluators.ts'
import type { ModelIndex } from '../model/model-index.ts'
import { EMPTY_PROFILE } from '../model/profile.ts'

/** Of the policies that do not select a workload, only so many of its namespace are named. */
const BYSTANDERS = 50

/** What one policy alone has to say: its first matching rule. */
function considerOne({ document, sections }: BoundPolicy, question: Question): ConsideredPolicy {
  const { direction } = question
  const base = { policy: document.id, mode: document.mode, direction }
  const section = sections[direction]
  if (!section) return { ...base, outcome: 'other-direction' }
  const held = section.rules.map(rule => [rule, matchRule(rule, question)] as const)
  const [rule, knowledge] = held.find(([, match]) => match !== 'no') ?? []
  if (!rule) {
    const over = section.expired.find(one => matchRule(one, question) === 'yes')
    return over ? { ...base, outcome: 'expired', rule: over.id } : { ...base, outcome: 'no-rule-matched' }
  }
  if (knowledge === 'unknown')
    return { ...base, outcome: 'needs-facts', rule: rule.id, needs: missing(rule, question) }
  const { verdict } = rule.answer
  return { ...base, outcome: 'matched', rule: rule.id, ...(rule.action !== 'pass' && { verdict }) }
}

/** Policies of the workload's namespace that a person may have expected here. */
function bystanders(
  index: ModelIndex,
  question: Question,
  asked: ReadonlySet<string>,
): readonly ConsideredPolicy[] {
  const namespace = question.subject.entry?.workload.namespace
  return [...index.policies.values()]
    .filter(policy => policy.namespace === namespace && !asked.has(policy.id))
    .slice(0, BYSTANDERS)
    .map(({ id, mode }) => ({ policy: id, mode, direction: question.direction, outcome: 'does-not-select' }))
}

/** Policies that would be asked if the workload were protected. */
function switchedOff({ identity }: Entry, direction: Direction): readonly ConsideredPolicy[] {
  if (identity.isProtected) return []
  const policies = [...identity.selections].flatMap(({ subjectOf }) => [...subjectOf])
  return policies
    .filter(({ sections }) => sections[direction])
    .map(({ document: { id, mode } }) => ({ policy: id, mode, direction, outcome: 'switched-off' as const }))
    .toSorted((a, b) => (a.policy < b.policy ? -1 : 1))
}

function considerSide(index: ModelIndex, question: Question): readonly ConsideredPolicy[] {
  const { entry } = question.subject
  // To itself or from its own node: no policy is asked.
  if (!entry || entry === question.peer.entry || question.fromOwnNode) return []
  const policies = index.policiesOf(entry)
  const considered = [
    ...policies.map(policy => considerOne(policy, question)),
    ...switchedOff(entry, question.direction),
  ]
  const asked = new Set(considered.map(({ policy }) => policy))
  return [...considered, ...bystanders(index, question, asked)]
}

/** Every policy that was looked at, and what it had to say. */
export function consider(index: ModelIndex, query: FlowQuery, ends: FlowEnds): readonly ConsideredPolicy[] {
  const { source, destination } = ends
  const ask = (direction: Direction): Question => ({
    direction,
    subject: direction === 'egress' ? source : destination,
    peer: direction === 'egress' ? destination : source,
    protocol: query.protocol,
    port: query.port,
    facts: factsOf(query),
    nodes: index.nodeAddresses,
    fromOwnNode: direction === 'ingress' && ingressFromOwnNode(index, ends),
    profile: EMPTY_PROFILE,
  })
  return [...considerSide(index, ask('egress')), ...considerSide(index, ask('ingress'))]
}
