import {
  type Direction,
  hasPorts,
  type PolicyId,
  parsePolicyId,
  parseRuleId,
  type RuleId,
} from '@sekisho/core'
import type { FlowQuery, SideDecision } from '../decision.ts'
import type { Dictionary, ReasonFacts } from './dictionary.ts'
import { en } from './en.ts'
import type { ExplainedEnd, Explanation } from './explanation.ts'
import { ja } from './ja.ts'

const DICTIONARIES = { en, ja } as const satisfies Record<string, Dictionary>
export type ExplainLanguage = keyof typeof DICTIONARIES

function endText(words: Dictionary, end: ExplainedEnd): string {
  switch (end.kind) {
    case 'workload':
      return words.ends.workload(end)
    case 'node':
      return words.ends.node(end)
    case 'outside':
      return words.ends.outside(end)
  }
}

const serviceText = ({ protocol, port }: FlowQuery): string =>
  hasPorts(protocol) || protocol.startsWith('ICMP') ? `${protocol} ${port}` : protocol

function policyText(words: Dictionary, id: PolicyId): string {
  const name = parsePolicyId(id)
  if (!name) return id
  return words.policy(name.kind, name.namespace === '' ? name.name : `${name.namespace}/${name.name}`)
}

/** Rules are counted from 1 where people read. */
function byText(words: Dictionary, by: RuleId | undefined): string {
  const rule = by === undefined ? undefined : parseRuleId(by)
  if (!rule) return by ?? ''
  const policy = policyText(words, rule.policy)
  return rule.index === undefined
    ? policy
    : words.rule(policy, words.directions[rule.direction], rule.index + 1)
}

function factsOf(
  words: Dictionary,
  explanation: Explanation,
  side: Pick<SideDecision, 'by'> & { direction: Direction },
): ReasonFacts {
  const end = side.direction === 'egress' ? explanation.source : explanation.destination
  return {
    subject: endText(words, end),
    by: byText(words, side.by),
    direction: words.directions[side.direction],
  }
}

/** Of a denied flow also what the other side says: both must allow. */
function otherSide(words: Dictionary, explanation: Explanation): readonly string[] {
  if (explanation.verdict === 'allow') return []
  const direction = explanation.direction === 'egress' ? 'ingress' : 'egress'
  const other = explanation[direction]
  if (other.by === undefined) return []
  const facts = factsOf(words, explanation, { ...other, direction })
  return [words.otherSide[other.verdict === 'allow' ? 'allow' : 'deny'](facts)]
}

/** What the answer depends on, and what no longer counts. */
function reservations(words: Dictionary, explanation: Explanation): readonly string[] {
  const { query, inspect, considered } = explanation
  const { application } = query.facts ?? {}
  const expired = considered.filter(({ outcome }) => outcome === 'expired')
  return [
    ...(application === undefined ? [] : [words.spoken(application)]),
    ...(inspect ? [words.inspect(inspect.needs.map(need => words.needs[need]))] : []),
    ...(['egress', 'ingress'] as const)
      .filter(side => considered.some(each => each.outcome === 'switched-off' && each.direction === side))
      .map(direction => words.switchedOff(factsOf(words, explanation, { direction }).subject)),
    ...expired.map(({ rule }) => words.expired(byText(words, rule))),
  ]
}

/** The explanation as sentences, the verdict first. */
export function explainSentences(explanation: Explanation, language: ExplainLanguage): string[] {
  const words = DICTIONARIES[language]
  const conversation = {
    source: endText(words, explanation.source),
    destination: endText(words, explanation.destination),
    service: serviceText(explanation.query),
  }
  const { by, direction = 'ingress', outcome, onDeny } = explanation
  const decider = factsOf(words, explanation, by === undefined ? { direction } : { by, direction })
  const sentences = [
    words.outcomes[outcome](conversation),
    words.reasons[explanation.why](decider),
    ...(outcome === 'denied' && onDeny ? [words.endings[onDeny]] : []),
    ...otherSide(words, explanation),
    ...reservations(words, explanation),
    ...(explanation.change?.edits ?? []).map(({ policy, edit }) =>
      words.edits[edit](policyText(words, policy)),
    ),
  ]
  return sentences.map(words.finish)
}
