import { type Direction, type Ip, inRanges, type NamedPort, type Protocol } from '@sekisho/core'
import type { SideDecision } from '../decision.ts'
import type { BoundPeers, BoundRule } from './bound.ts'
import type { Entry } from './entry.ts'
import { matchesPorts } from './ports.ts'
import { effectOf, type Profile, type Stage } from './profile.ts'
import type { Selection } from './selections.ts'

/** One end of a question, looked up: the workload that is meant, and the address that is used. */
export interface End {
  readonly entry: Entry | undefined
  readonly text: string | undefined
  readonly ip: Ip | undefined
}

/** One direction of a question: what the policies of the subject say about its peer. */
export interface Question {
  readonly direction: Direction
  readonly subject: End
  readonly peer: End
  readonly protocol: Protocol
  readonly port: number
  /** The peer is the subject's own node. */
  readonly fromOwnNode: boolean
  readonly profile: Profile
}

/** An answer, or undefined to ask the next evaluator. */
export type Evaluator = (question: Question) => SideDecision | undefined

const SELF: SideDecision = Object.freeze({ verdict: 'allow', why: 'self' })
const OWN_NODE: SideDecision = Object.freeze({ verdict: 'allow', why: 'own-node' })
const NOT_SELECTED: SideDecision = Object.freeze({ verdict: 'allow', why: 'not-selected' })

const listens = (ports: readonly NamedPort[], rule: BoundRule, { protocol, port }: Question): boolean =>
  ports.some(
    named =>
      named.port === port &&
      named.protocol === protocol &&
      rule.named.some(spec => spec.name === named.name && spec.protocol === protocol),
  )

function selects(selections: readonly Selection[], entry: Entry | undefined): boolean {
  if (!entry) return false
  for (const selection of selections) if (selection.members.has(entry)) return true
  return false
}

const matchesPeer = (peers: BoundPeers | undefined, peer: End): boolean =>
  !peers ||
  selects(peers.selections, peer.entry) ||
  (peer.ip !== undefined && inRanges(peers.ranges, peer.ip))

/**
 * A named port is looked up on the destination: the subject of an ingress rule, the peer of an egress rule.
 * On egress it therefore needs a workload that the rule's selectors select; a block has no named ports.
 */
function matchesNamed(rule: BoundRule, question: Question): boolean {
  if (rule.named.length === 0) return false
  const { direction, subject, peer } = question
  if (direction === 'ingress') {
    return listens(subject.entry?.workload.ports ?? [], rule, question) && matchesPeer(rule.peers, peer)
  }
  if (!peer.entry || !selects(rule.namedOn, peer.entry)) return false
  return listens(peer.entry.workload.ports, rule, question)
}

/** Whether a rule is about this question. */
export const matchesRule = (rule: BoundRule, question: Question): boolean =>
  ((!rule.ports || matchesPorts(rule.ports, question.protocol, question.port)) &&
    matchesPeer(rule.peers, question.peer)) ||
  matchesNamed(rule, question)

function firstMatch(stage: Stage, question: Question): BoundRule | undefined {
  for (const rule of stage.rules) if (matchesRule(rule, question)) return rule
  return undefined
}

/** A workload's traffic to itself never leaves it: no policy is asked. */
const self: Evaluator = ({ subject, peer }) =>
  subject.entry !== undefined && subject.entry === peer.entry ? SELF : undefined

/** Health probes come from the workload's own node and must always reach it (NetworkPolicySpec.ingress). */
const ownNode: Evaluator = ({ fromOwnNode }) => (fromOwnNode ? OWN_NODE : undefined)

/** Stage by stage; in each the first rule that matches, then what closes it. */
const stages: Evaluator = question => {
  for (const stage of question.profile.stages) {
    const rule = firstMatch(stage, question)
    if (rule && effectOf(stage, rule) !== 'next') return rule.answer
    if (!rule && stage.closing) return stage.closing
  }
  return undefined
}

/** The engine: asked in this order, the first answer counts. */
export const EVALUATORS: readonly Evaluator[] = [self, ownNode, stages]

/** The one place where nothing having answered is given a meaning. */
export function answer(question: Question): SideDecision {
  for (const evaluate of EVALUATORS) {
    const given = evaluate(question)
    if (given) return given
  }
  return NOT_SELECTED
}
