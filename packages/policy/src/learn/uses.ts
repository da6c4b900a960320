import type { EpochMs, RuleId } from '@sekisho/core'
import type { FlowQuery, SideDecision } from '../decision.ts'
import { type Asked, audits, decideEnds, questionsOf } from '../model/decide.ts'
import { type FlowEnds, findEnds } from '../model/ends.ts'
import { DIRECTIONS } from '../model/entry.ts'
import { matchRule, type Question } from '../model/evaluators.ts'
import type { Model } from '../model/model.ts'
import { answerOf } from '../model/profile.ts'

/** A recorded flow, of which it is asked which rules it needed. */
export interface UsingFlow {
  readonly query: FlowQuery
  readonly connections: number
  readonly last: EpochMs
  /** The rule that decided when it was seen: one of the two sides, by the policies of that time. */
  readonly by?: RuleId
}

/** What came to one rule. */
export interface Uses {
  readonly connections: number
  readonly last: EpochMs
}

export type UsesByRule = Map<RuleId, Uses>

/** Rules that had a part in what was seen, and those of which records do not tell. */
export interface SeenUses {
  readonly sure: UsesByRule
  readonly perhaps: UsesByRule
}

function count(uses: UsesByRule, rule: RuleId, { connections, last }: Uses): void {
  const held = uses.get(rule)
  uses.set(rule, {
    connections: connections + (held?.connections ?? 0),
    // The larger of two times is a time.
    last: Math.max(last, held?.last ?? last) as EpochMs,
  })
}

/** Nobody asks a policy then. */
const isAsked = ({ why }: SideDecision): boolean => why !== 'self' && why !== 'own-node'

/** Every rule that an answer goes through, also one that only leaves its stage: without any of them it may be another. */
function trace(question: Question, seen: SeenUses, flow: UsingFlow): void {
  for (const stage of question.profile.stages) {
    const at = stage.rules.findIndex(rule => matchRule(rule, question) === 'yes')
    const rule = stage.rules[at]
    const before = at < 0 ? stage.rules : stage.rules.slice(0, at)
    const open = before.filter(one => matchRule(one, question) === 'unknown')
    for (const { id } of open) count(seen.perhaps, id, flow)
    if (rule) count(seen.sure, rule.id, flow)
    if (open.length === 0 && answerOf(stage, rule)) return
  }
}

/**
 * Of what is denied only the sides that deny it: what the other would allow, nobody used, unless what records do not
 * keep lets it pass. What passes uses the rules of both sides, also of one that no agent enforces yet.
 */
function add(model: Model, asked: Asked, flow: UsingFlow, seen: SeenUses): void {
  const decision = decideEnds(model.index, { ...asked, acting: true })
  const questions = questionsOf(model.index, asked)
  for (const direction of DIRECTIONS) {
    const side = decision[direction]
    if (!isAsked(side)) continue
    if (side.verdict === decision.verdict) trace(questions[direction], seen, flow)
    else if (decision.inspect) trace(questions[direction], { ...seen, sure: seen.perhaps }, flow)
  }
}

/**
 * Which rules recorded flows need. What is recorded names one rule of one side and none of a policy in Audit that would
 * allow, so each flow is judged again by all of them.
 */
export function usesOf(
  model: Model,
  flows: Iterable<UsingFlow>,
  isSame: (flow: UsingFlow) => boolean,
): SeenUses {
  const seen: SeenUses = { sure: new Map(), perhaps: new Map() }
  for (const flow of flows) {
    const { query, by } = flow
    const ends: FlowEnds = findEnds(model.index, query)
    const judged: SeenUses = { sure: new Map(), perhaps: new Map() }
    add(model, { query, ends, policies: 'enforce' }, flow, judged)
    if (audits(model.index, ends)) add(model, { query, ends, policies: 'audit' }, flow, judged)
    // A rule that both sets ask was used once.
    const sure = new Set([...judged.sure.keys(), ...(by !== undefined && isSame(flow) ? [by] : [])])
    for (const rule of sure) count(seen.sure, rule, flow)
    for (const rule of judged.perhaps.keys()) if (!sure.has(rule)) count(seen.perhaps, rule, flow)
  }
  return seen
}
