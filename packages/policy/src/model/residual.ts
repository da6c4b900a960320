import { type ApplicationName, type Protocol, parseRuleId } from '@sekisho/core'
import type { Decision, FlowQuery, SideDecision } from '../decision.ts'
import type { OnDeny, OnFailure, PolicyRule } from '../documents/document.ts'
import { compileNames } from '../documents/fqdn.ts'
import type { L7Match } from '../documents/l7.ts'
import type { FlowFacts, Inspect } from '../facts.ts'
import { NodeAddresses } from './addresses.ts'
import type { BoundRule } from './bound.ts'
import { compileCondition } from './condition.ts'
import { audits, combine, factsOf, questionsOf } from './decide.ts'
import { findEnds } from './ends.ts'
import { End, type PolicySet } from './entry.ts'
import { answer, matchesEnds, matchRule, mergeInspect, type Question } from './evaluators.ts'
import type { Model } from './model.ts'
import { EMPTY_PROFILE, type StageKind } from './profile.ts'

/**
 * What policies still ask of a conversation whose ends and port are settled: plain data, for a thread that has no model.
 * Rules that cannot be about it are left out.
 */
export interface Residual {
  readonly protocol: Protocol
  readonly enforce: ResidualSides
  /** Present where policies in Audit have something to say that those in Enforce have not. */
  readonly audit?: ResidualSides
}
export interface ResidualSides {
  readonly egress: ResidualSide
  readonly ingress: ResidualSide
}
export type ResidualSide =
  | { readonly kind: 'settled'; readonly answer: SideDecision }
  | { readonly kind: 'open'; readonly stages: readonly ResidualStage[] }
export interface ResidualStage {
  readonly kind: StageKind
  readonly closing?: SideDecision
  readonly rules: readonly ResidualRule[]
}
export interface ResidualRule {
  readonly id: BoundRule['id']
  readonly action: BoundRule['action']
  readonly answer: SideDecision
  readonly onFailure: OnFailure
  readonly onDeny: OnDeny
  /** Patterns of names, one of which must have led to the destination. */
  readonly names?: readonly string[]
  readonly applications?: readonly ApplicationName[]
  readonly l7?: readonly L7Match[]
}

/** What is answered once something is known. */
export interface ResidualAnswer {
  /** What policies in Enforce do. */
  readonly enforced: Decision
  /** What they would do together with those in Audit. */
  readonly audited: Decision
  /** Present while either may still change. */
  readonly inspect?: Inspect
}

export function residual(model: Model, query: FlowQuery): Residual {
  const ends = findEnds(model.index, query)
  const sides = (policies: PolicySet): ResidualSides => {
    const { egress, ingress } = questionsOf(model.index, { query, ends, policies, acting: true })
    return { egress: residualSide(model, egress), ingress: residualSide(model, ingress) }
  }
  const { protocol } = query
  const enforce = sides('enforce')
  return audits(model.index, ends) ? { protocol, enforce, audit: sides('audit') } : { protocol, enforce }
}

function residualSide(model: Model, question: Question): ResidualSide {
  const settled = answer(question)
  const { stages: asked } = question.profile
  const mayMatch = asked.some(({ rules }) => rules.some(rule => matchRule(rule, question) === 'unknown'))
  // What was answered before any policy was asked stays: a workload's traffic to itself, or from its own node.
  if (!mayMatch || settled.why === 'self' || settled.why === 'own-node')
    return { kind: 'settled', answer: settled }
  const stages = asked.map(({ kind, closing, rules }) => ({
    kind,
    ...(closing && { closing }),
    rules: rules
      .filter(rule => matchRule(rule, question) !== 'no')
      .map(rule => residualRule(written(model, rule.id), rule, question)),
  }))
  return { kind: 'open', stages: stages.filter(({ rules, closing }) => rules.length > 0 || closing) }
}

function residualRule(source: PolicyRule, rule: BoundRule, question: Question): ResidualRule {
  const { applications, l7, peers = [] } = source
  const { id, action, answer: given, onFailure, onDeny } = rule
  const needsName = matchesEnds(rule, question) === 'unknown'
  return {
    id,
    action,
    answer: given,
    onFailure,
    onDeny,
    ...(needsName && { names: peers.flatMap(peer => (peer.kind === 'fqdn' ? [peer.pattern] : [])) }),
    ...(applications && { applications }),
    ...(l7 && { l7 }),
  }
}

function written(model: Model, id: BoundRule['id']): PolicyRule {
  const name = parseRuleId(id)
  const section = name && model.policies.get(name.policy)?.sections[name.direction]
  const rule = name?.index === undefined ? undefined : section?.rules[name.index]
  if (!rule) throw new TypeError(`no such rule: ${id}`)
  return rule
}

const OUTSIDE = new End(undefined, '')
const NOBODY = new NodeAddresses()

/** Binds the rules again, without peers and ports, which are settled; the engine itself then answers. */
function bindSide(side: ResidualSide, direction: Question['direction']): (facts: FlowFacts) => SideDecision {
  if (side.kind === 'settled') return () => side.answer
  const stages = side.stages.map(stage => ({ ...stage, rules: stage.rules.map(bindRule) }))
  const question = {
    direction,
    // Only an outside address may be known by names, and only where it is does a rule still ask for them.
    subject: OUTSIDE,
    peer: OUTSIDE,
    protocol: 'TCP',
    port: 0,
    fromOwnNode: false,
    nodes: NOBODY,
    profile: { ...EMPTY_PROFILE, stages },
  } as const
  return facts => answer({ ...question, facts })
}

function bindRule({ names, applications, l7, ...rule }: ResidualRule): BoundRule {
  const action = rule.action === 'allow' ? 'Allow' : 'Deny'
  const condition = compileCondition({ action, ...(applications && { applications }), ...(l7 && { l7 }) })
  return {
    ...rule,
    named: [],
    namedOn: [],
    needsFacts: condition !== undefined || names !== undefined,
    ...(condition && { condition }),
    ...(names && { peers: { selections: [], ranges: [], places: [], names: compileNames(names) } }),
  }
}

/** Asks what is left: the same answers as the model gives, for any facts. */
export function askResidual({ protocol, enforce, audit }: Residual): (facts: FlowFacts) => ResidualAnswer {
  const bind = (sides: ResidualSides) => {
    const [egress, ingress] = [bindSide(sides.egress, 'egress'), bindSide(sides.ingress, 'ingress')]
    return (facts: FlowFacts) => combine(egress(facts), ingress(facts))
  }
  const enforced = bind(enforce)
  const audited = audit ? bind(audit) : undefined
  return said => {
    const facts = factsOf({ protocol, facts: said })
    const acts = enforced(facts)
    const reports = audited?.(facts) ?? acts
    const inspect = mergeInspect(acts.inspect, reports.inspect)
    return { enforced: acts, audited: reports, ...(inspect && { inspect }) }
  }
}
