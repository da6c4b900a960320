import {
  type Direction,
  type IpRange,
  type LabelSelector,
  mergeRanges,
  type RuleId,
  ruleId,
  subtractRanges,
} from '@sekisho/core'
import type { SideDecision } from '../decision.ts'
import type { Peer, PolicyDocument, PolicyRule, PolicySection, PortSpec } from '../documents/document.ts'
import type { PortMatch } from '../table.ts'
import { mergePorts, type NamedPortSpec } from './ports.ts'
import type { ScopeSpec, Selection } from './selections.ts'

/** A policy whose selectors are bound to the model's selections: nothing is parsed or compiled when it is asked. */
export interface BoundPolicy {
  readonly document: PolicyDocument
  readonly subject: Selection
  readonly sections: Readonly<Partial<Record<Direction, BoundSection>>>
  /** Every selection it uses, once for each use. */
  readonly selections: readonly Selection[]
}

export interface BoundSection {
  readonly policy: PolicyDocument
  readonly rules: readonly BoundRule[]
  readonly denies: boolean
  /** The answer to what no rule allows; absent where the section does not isolate. */
  readonly isolation?: SideDecision
}

export interface BoundRule {
  readonly id: RuleId
  readonly action: 'allow' | 'deny' | 'pass'
  /** Of a rule that passes, nothing ever asks for it. */
  readonly answer: SideDecision
  /** Absent means every peer. */
  readonly peers?: BoundPeers
  /** As written; absent means every port. */
  readonly specs?: readonly PortSpec[]
  /** The numeric ones, merged; empty where the rule has only named ports. */
  readonly ports?: readonly PortMatch[]
  readonly named: readonly NamedPortSpec[]
  /** Egress: the selections whose workloads' named ports count. Blocks have none; any peer means any workload. */
  readonly namedOn: readonly Selection[]
}

export interface BoundPeers {
  readonly selections: readonly Selection[]
  /** Union of the blocks, each less its own exceptions; sorted and disjoint. */
  readonly ranges: readonly IpRange[]
}

export type Bind = (scope: ScopeSpec, selector: LabelSelector) => Selection

/** Any namespace for a cluster-scoped policy, its own for the others, unless a selector says which. */
function scopeOf(policy: PolicyDocument, namespaceSelector: LabelSelector | undefined): ScopeSpec {
  if (namespaceSelector) return { kind: 'selected', selector: namespaceSelector }
  return policy.namespace === ''
    ? { kind: 'selected', selector: {} }
    : { kind: 'own', namespace: policy.namespace }
}

function bindPeers(peers: readonly Peer[], policy: PolicyDocument, bind: Bind): BoundPeers {
  const selections = peers.flatMap(peer =>
    peer.kind === 'pods' ? [bind(scopeOf(policy, peer.namespaceSelector), peer.podSelector)] : [],
  )
  const ranges = peers.flatMap(peer => (peer.kind === 'block' ? subtractRanges(peer.cidr, peer.except) : []))
  return { selections: [...new Set(selections)], ranges: mergeRanges(ranges) }
}

const ALLOW = { verdict: 'allow', why: 'rule-allow' } as const
const DENY = { verdict: 'deny', why: 'rule-deny' } as const

/** A policy being bound: what its rules share. */
interface Binding {
  readonly policy: PolicyDocument
  readonly direction: Direction
  readonly bind: Bind
}

const EVERYTHING: ScopeSpec = { kind: 'selected', selector: {} }

const ACTIONS = { Allow: 'allow', Deny: 'deny', Pass: 'pass' } as const

/** A rule with a peer of a newer API fails closed: nothing is accepted, everything else is denied (v1alpha2). */
function failClosed(rule: PolicyRule): PolicyRule {
  if (!rule.peers?.some(peer => peer.kind === 'unknown')) return rule
  return rule.action === 'Allow' ? { action: 'Allow', peers: [] } : { action: 'Deny' }
}

function bindRule(written: PolicyRule, index: number, { policy, direction, bind }: Binding): BoundRule {
  const rule = failClosed(written)
  const id = ruleId(policy.id, direction, index)
  const peers = rule.peers && bindPeers(rule.peers, policy, bind)
  const named = (rule.ports ?? []).filter(port => port.kind === 'named')
  const resolvesOnPeer = direction === 'egress' && named.length > 0
  return {
    id,
    action: ACTIONS[rule.action],
    answer: Object.freeze({ ...(rule.action === 'Allow' ? ALLOW : DENY), by: id }),
    ...(peers && { peers }),
    ...(rule.ports && { specs: rule.ports, ports: mergePorts(rule.ports) }),
    named,
    namedOn: resolvesOnPeer ? (peers?.selections ?? [bind(EVERYTHING, {})]) : [],
  }
}

function bindSection(section: PolicySection, binding: Binding): BoundSection {
  const { policy, direction } = binding
  const rules = section.rules.map((rule, index) => bindRule(rule, index, binding))
  const by = ruleId(policy.id, direction)
  return {
    policy,
    rules,
    denies: rules.some(rule => rule.action === 'deny'),
    ...(section.isolates && { isolation: Object.freeze({ verdict: 'deny', by, why: 'isolated' }) }),
  }
}

function bindSubject(policy: PolicyDocument, bind: Bind): Selection {
  const { subject } = policy
  if (subject.kind !== 'pods') return bind(EVERYTHING, subject.selector)
  return bind(scopeOf(policy, subject.namespaceSelector), subject.podSelector)
}

export function bindPolicy(policy: PolicyDocument, acquire: Bind): BoundPolicy {
  const selections: Selection[] = []
  const bind: Bind = (scope, selector) => {
    const selection = acquire(scope, selector)
    selections.push(selection)
    return selection
  }
  const subject = bindSubject(policy, bind)
  const { ingress, egress } = policy.sections
  const sections = {
    ...(ingress && { ingress: bindSection(ingress, { policy, direction: 'ingress', bind }) }),
    ...(egress && { egress: bindSection(egress, { policy, direction: 'egress', bind }) }),
  }
  return { document: policy, subject, sections, selections }
}
