import { type Direction, inRanges, type NamedPort, type Protocol } from '@sekisho/core'
import type { SideDecision } from '../decision.ts'
import { type AnsweredDeny, ON_DENY } from '../documents/document.ts'
import type { FlowFacts, Inspect, Need } from '../facts.ts'
import type { NodeAddresses } from './addresses.ts'
import { answered, type BoundPeers, type BoundRule } from './bound.ts'
import { both, type Knowledge } from './condition.ts'
import type { Place } from './entities.ts'
import type { End, Entry } from './entry.ts'
import { matchesPorts } from './ports.ts'
import { answerOf, type Profile, type Stage } from './profile.ts'
import { matchesNames, SAYING, saidName } from './said-name.ts'
import type { Selection } from './selections.ts'

/** One direction of a question: what the policies of the subject say about its peer. */
export interface Question {
  readonly direction: Direction
  readonly subject: End
  readonly peer: End
  readonly protocol: Protocol
  readonly port: number
  readonly facts: FlowFacts
  /** The peer is the subject's own node. */
  readonly fromOwnNode: boolean
  readonly nodes: NodeAddresses
  readonly profile: Profile
}

/** An answer, or undefined to ask the next evaluator. */
export type Evaluator = (question: Question) => SideDecision | undefined

export const SELF: SideDecision = Object.freeze({ verdict: 'allow', why: 'self' })
export const OWN_NODE: SideDecision = Object.freeze({ verdict: 'allow', why: 'own-node' })
export const NOT_SELECTED: SideDecision = Object.freeze({ verdict: 'allow', why: 'not-selected' })

function listens(ports: readonly NamedPort[], rule: BoundRule, { protocol, port }: Question): boolean {
  for (const named of ports) {
    if (named.port !== port || named.protocol !== protocol) continue
    if (rule.named.some(spec => spec.name === named.name && spec.protocol === protocol)) return true
  }
  return false
}

function selects(selections: readonly Selection[], entry: Entry | undefined): boolean {
  if (!entry) return false
  for (const { members } of selections) if (members.has(entry.identity)) return true
  return false
}

/** Not part of the installation: no workload's address but an external machine's, and no node's. */
const isWorld = ({ peer, nodes }: Question): boolean =>
  (!peer.entry || peer.entry.workload.kind === 'external') &&
  peer.text !== undefined &&
  !nodes.hasAny(peer.text)

const PLACES = {
  host: ({ subject, peer, nodes }) =>
    subject.entry !== undefined &&
    peer.text !== undefined &&
    nodes.has(subject.entry.workload.node, peer.text),
  cluster: question => question.peer.text !== undefined && !isWorld(question),
  world: isWorld,
} as const satisfies Record<Place, (question: Question) => boolean>

function matchesPeer(peers: BoundPeers | undefined, question: Question): boolean {
  const { peer } = question
  return (
    !peers ||
    selects(peers.selections, peer.entry) ||
    (peer.host !== undefined && selects(peers.selections, peer.host)) ||
    (peer.ip !== undefined && inRanges(peers.ranges, peer.ip)) ||
    (peers.places.length > 0 && peers.places.some(place => PLACES[place](question)))
  )
}

/** A name that leads inside does not count: whoever owns a name may point it anywhere. */
function matchesPeerNames(rule: BoundRule, question: Question): Knowledge {
  const names = rule.peers?.names
  return names && isWorld(question) ? matchesNames(rule, names, question.facts) : 'no'
}

/**
 * A named port is looked up on the destination: the subject of an ingress rule, the peer of an egress rule.
 * On egress it therefore needs a workload that the rule's selectors select; a block has no named ports.
 */
function matchesNamed(rule: BoundRule, question: Question): boolean {
  if (rule.named.length === 0) return false
  const { direction, subject, peer } = question
  if (direction === 'ingress') {
    return listens(subject.entry?.workload.ports ?? [], rule, question) && matchesPeer(rule.peers, question)
  }
  if (!peer.entry || !selects(rule.namedOn, peer.entry)) return false
  return listens(peer.entry.workload.ports, rule, question)
}

/** Whether a rule is about these ends and this port; where names decide, as far as they are known. */
export function matchesEnds(rule: BoundRule, question: Question): Knowledge {
  if (!rule.ports || matchesPorts(rule.ports, question.protocol, question.port)) {
    if (matchesPeer(rule.peers, question)) return 'yes'
    return matchesNamed(rule, question) ? 'yes' : matchesPeerNames(rule, question)
  }
  return matchesNamed(rule, question) ? 'yes' : 'no'
}

/** Whether a rule is about this question, as far as the facts at hand say. */
export function matchRule(rule: BoundRule, question: Question): Knowledge {
  const ends = matchesEnds(rule, question)
  return rule.condition && ends !== 'no' ? both(ends, rule.condition.holds(question.facts)) : ends
}

/** Which names led there; where that is known, by which of them the client asks. */
const namesNeed = (facts: FlowFacts): readonly Need[] =>
  facts.names === undefined ? ['name'] : saidName(facts).kind === 'open' ? SAYING : []

/** What a rule asks for that is not known. */
export function missing({ peers, condition }: BoundRule, { facts }: Question): readonly Need[] {
  const needs: readonly Need[] = [...(peers?.names ? namesNeed(facts) : []), ...(condition?.needs ?? [])]
  return [...new Set(needs)].filter(need => {
    if (need === 'name') return facts.names === undefined
    return need === 'application' ? facts.application === undefined : facts.request === undefined
  })
}

/** A workload's traffic to itself never leaves it: no policy is asked. */
const self: Evaluator = ({ subject, peer }) =>
  subject.entry !== undefined && subject.entry === peer.entry ? SELF : undefined

/** Health probes come from the workload's own node and must always reach it (NetworkPolicySpec.ingress). */
const ownNode: Evaluator = ({ fromOwnNode }) => (fromOwnNode ? OWN_NODE : undefined)

/** The rule of a stage that matches, and those before it of which it is not known whether they do. */
interface Scan {
  readonly rule: BoundRule | undefined
  readonly open: readonly BoundRule[]
}

function scan(stage: Stage, question: Question): Scan {
  const open: BoundRule[] = []
  for (const rule of stage.rules) {
    const match = matchRule(rule, question)
    if (match === 'yes') return { rule, open }
    if (match === 'unknown') open.push(rule)
  }
  return { rule: undefined, open }
}

export function mergeInspect(a: Inspect | undefined, b: Inspect | undefined): Inspect | undefined {
  if (!a || !b) return a ?? b
  const needs = [...new Set([...a.needs, ...b.needs])].toSorted()
  const onDeny = quieter(a.onDeny, b.onDeny)
  return { needs, onFailure: a.onFailure === 'closed' ? 'closed' : b.onFailure, ...(onDeny && { onDeny }) }
}

/** Of two policies that ask, the one that tells less is heeded; absent is silence. */
function quieter(a: AnsweredDeny | undefined, b: AnsweredDeny | undefined): AnsweredDeny | undefined {
  return a && b && (ON_DENY.indexOf(a) < ON_DENY.indexOf(b) ? a : b)
}

/** An open rule of a stage, and what would be answered instead if it matched. */
interface Alternative {
  readonly rule: BoundRule
  readonly instead: SideDecision
}

/**
 * The verdict without the rules that are open, and what they need where one of them would answer otherwise. They stand
 * before whatever gave the verdict, so each alone may change it; of two that must come together, the second is asked
 * for when the first is known.
 */
function provisional(base: SideDecision, open: readonly Alternative[], question: Question): SideDecision {
  let { inspect } = base
  for (const { rule, instead } of open) {
    if (instead.verdict === base.verdict && !instead.inspect) continue
    const needs = missing(rule, question).toSorted()
    inspect = mergeInspect(
      mergeInspect(inspect, { needs, onFailure: rule.onFailure, ...answered(rule.onDeny) }),
      instead.inspect,
    )
  }
  return inspect ? { ...base, inspect } : base
}

/** The first rule of a stage that matches, as far as the facts say. */
function firstOf(stage: Stage, question: Question): BoundRule | undefined {
  for (const rule of stage.rules) if (matchRule(rule, question) !== 'no') return rule
  return undefined
}

const isOpen = (rule: BoundRule, question: Question): boolean =>
  rule.needsFacts && matchRule(rule, question) === 'unknown'

/** Stage by stage; in each the first rule that matches, then what closes it. */
function answerFrom(at: number, question: Question): SideDecision {
  const { stages } = question.profile
  for (let index = at; index < stages.length; index++) {
    const stage = stages[index]
    if (!stage) break
    const rule = firstOf(stage, question)
    if (rule && isOpen(rule, question)) return answerOpen(stage, index + 1, question)
    const here = answerOf(stage, rule)
    if (here) return here
  }
  return NOT_SELECTED
}

/** The same where facts are missing: of a stage in which some rule may match, and of those after it. */
function answerOpen(stage: Stage, next: number, question: Question): SideDecision {
  const { rule, open } = scan(stage, question)
  const after = answerFrom(next, question)
  const alternatives = open.map(one => ({ rule: one, instead: answerOf(stage, one) ?? after }))
  return provisional(answerOf(stage, rule) ?? after, alternatives, question)
}

/** The meaning of a profile, read stage by stage. */
const stages: Evaluator = question => answerFrom(0, question)

/** The engine: asked in this order, the first answer counts. */
const EVALUATORS: readonly Evaluator[] = [self, ownNode, stages]

/** The one place where nothing having answered is given a meaning. */
export function answer(question: Question): SideDecision {
  for (const evaluate of EVALUATORS) {
    const given = evaluate(question)
    if (given) return given.why === 'isolated' ? nearly(given, question) : given
  }
  return NOT_SELECTED
}

/** A denial tells if nothing but the name that the client says kept a rule from allowing it. */
function nearly(given: SideDecision, question: Question): SideDecision {
  const { facts, profile } = question
  if (!facts.names?.length || saidName(facts).kind !== 'said') return given
  const { request: _, ...unsaid } = facts
  const before = { ...question, facts: { ...unsaid, application: 'unknown' } as const }
  const isNear = (rule: BoundRule) =>
    rule.action === 'allow' && matchesEnds(rule, question) === 'no' && matchesEnds(rule, before) === 'yes'
  return profile.stages.some(({ rules }) => rules.some(isNear)) ? { ...given, why: 'name-mismatch' } : given
}
