import {
  type Direction,
  type EpochMs,
  type IpRange,
  type LabelSelector,
  mergeRanges,
  type RuleId,
  ruleId,
  subtractRanges,
} from '@sekisho/core'
import type { SideDecision } from '../decision.ts'
import type {
  Entity,
  ExternalsPeer,
  HostsPeer,
  OnDeny,
  OnFailure,
  Peer,
  PodsPeer,
  PolicyDocument,
  PolicyRule,
  PolicySection,
  PortSpec,
} from '../documents/document.ts'
import { compileNames } from '../documents/fqdn.ts'
import type { PortMatch } from '../table.ts'
import type { Block } from './blocks.ts'
import { type Condition, compileCondition } from './condition.ts'
import { ENTITY_PEERS, type Place } from './entities.ts'
import { INSIDE, identitySelector } from './identity.ts'
import { mergePorts, type NamedPortSpec } from './ports.ts'
import type { ScopeSpec, Selection } from './selections.ts'

/** A policy whose selectors are bound to the model's selections: nothing is parsed or compiled when it is asked. */
export interface BoundPolicy {
  readonly document: PolicyDocument
  readonly subject: Selection
  readonly sections: Readonly<Partial<Record<Direction, BoundSection>>>
  /** Every selection and block it uses, once for each use. */
  readonly selections: readonly Selection[]
  readonly blocks: readonly Block[]
  /** Another for each. */
  readonly serial: number
}

export interface BoundSection {
  readonly policy: PolicyDocument
  readonly rules: readonly BoundRule[]
  /** Whose time is over: nothing asks them. */
  readonly expired: readonly BoundRule[]
  readonly denies: boolean
  /** The answer to what no rule allows; absent where the section does not isolate. */
  readonly isolation?: SideDecision
}

export interface BoundRule {
  readonly id: RuleId
  readonly action: 'allow' | 'deny' | 'pass'
  /** What is answered where it decides; of a rule that passes, nothing asks for it. */
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
  /** What must be known of the conversation besides its ends and port. */
  readonly condition?: Condition
  /** Whether it may match or not by facts of the conversation: a condition, or names of the destination. */
  readonly needsFacts: boolean
  readonly onFailure: OnFailure
  /** How it ends where the rule's question fails closed. */
  readonly onDeny: OnDeny
}

export interface BoundPeers {
  readonly selections: readonly Selection[]
  /** Union of the blocks, each less its own exceptions; sorted and disjoint. */
  readonly ranges: readonly IpRange[]
  /** The same, where there are any. */
  readonly block?: Block
  readonly places: readonly Place[]
  /** Every workload of the installation, where a place needs it. */
  readonly inside?: Selection
  /** The name that was asked for. */
  readonly names?: (name: string) => boolean
  /** The same as written, and who may say where they lead; absent where nothing is compiled from it. */
  readonly byName?: { readonly patterns: readonly string[]; readonly resolvers: BoundPeers }
}

/** Where selections and blocks come from. */
export interface Bind {
  selection(scope: ScopeSpec, selector: LabelSelector): Selection
  block(ranges: readonly IpRange[]): Block
}

/** Any namespace for a cluster-scoped policy, its own for the others, unless a selector says which. */
function scopeOf(policy: PolicyDocument, peer: PodsPeer | HostsPeer | ExternalsPeer): ScopeSpec {
  if (peer.kind === 'hosts') return { kind: 'hosts' }
  if (peer.kind === 'externals') return EVERYWHERE
  if (peer.namespaceSelector) return { kind: 'selected', selector: peer.namespaceSelector }
  return policy.namespace === '' ? EVERYWHERE : { kind: 'own', namespace: policy.namespace }
}

const EVERYWHERE: ScopeSpec = { kind: 'selected', selector: {} }

const isPlace = (entity: Entity): entity is Place => !Object.hasOwn(ENTITY_PEERS, entity)

/** Entities as the peers they stand for, as far as peers can say it. */
const plain = (peer: Peer): readonly Peer[] =>
  peer.kind === 'entity' && !isPlace(peer.entity) ? ENTITY_PEERS[peer.entity] : [peer]

/** Which peers there are of each kind, and what is made of them. */
class PeersBinding {
  readonly selections = new Set<Selection>()
  readonly ranges: IpRange[] = []
  readonly places = new Set<Place>()
  readonly names: string[] = []

  add(peer: Peer, policy: PolicyDocument, bind: Bind): void {
    switch (peer.kind) {
      case 'pods':
      case 'hosts':
      case 'externals':
        this.selections.add(bind.selection(scopeOf(policy, peer), identitySelector(peer)))
        break
      case 'block':
        this.ranges.push(...subtractRanges(peer.cidr, peer.except))
        break
      case 'fqdn':
        this.names.push(peer.pattern)
        break
      case 'entity':
        if (isPlace(peer.entity)) this.places.add(peer.entity)
        break
      case 'unknown':
        // `failClosed` has taken these rules' peers away.
        break
    }
  }
}

function bindPeers(peers: readonly Peer[], policy: PolicyDocument, bind: Bind): BoundPeers {
  const bound = new PeersBinding()
  for (const peer of peers.flatMap(plain)) bound.add(peer, policy, bind)
  const ranges = mergeRanges(bound.ranges)
  return {
    selections: [...bound.selections],
    ranges,
    ...(ranges.length > 0 && { block: bind.block(ranges) }),
    places: [...bound.places],
    ...((bound.places.has('cluster') || bound.places.has('world')) && {
      inside: bind.selection(EVERYWHERE, INSIDE),
    }),
    ...(bound.names.length > 0 && {
      names: compileNames(bound.names),
      byName: { patterns: bound.names, resolvers: bindPeers(ENTITY_PEERS.dns, policy, bind) },
    }),
  }
}

const ALLOW = { verdict: 'allow', why: 'rule-allow' } as const
const DENY = { verdict: 'deny', why: 'rule-deny' } as const

/** What is silent says nothing about it, so that most answers are as small as they were. */
export const answered = (onDeny: OnDeny): Pick<SideDecision, 'onDeny'> =>
  onDeny === 'drop' ? {} : { onDeny }

/** A policy being bound: what its rules share. */
interface Binding {
  readonly policy: PolicyDocument
  readonly direction: Direction
  readonly bind: Bind
  readonly now: EpochMs | undefined
}

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
  const condition = compileCondition(rule)
  const onDeny = rule.onDeny ?? policy.onDeny
  const resolvesOnPeer = direction === 'egress' && named.length > 0
  return {
    id,
    action: ACTIONS[rule.action],
    answer: Object.freeze({
      ...(rule.action === 'Allow' ? ALLOW : { ...DENY, ...answered(onDeny) }),
      by: id,
    }),
    ...(peers && { peers }),
    ...(rule.ports && { specs: rule.ports, ports: mergePorts(rule.ports) }),
    named,
    ...(condition && { condition }),
    needsFacts: condition !== undefined || peers?.names !== undefined,
    onFailure: policy.onFailure,
    onDeny,
    namedOn: resolvesOnPeer ? (peers?.selections ?? [bind.selection(EVERYWHERE, {})]) : [],
  }
}

/** Without a time, a rule that ends counts where it denies and nowhere else: nothing opens by accident. */
export const isExpired = ({ action, validUntil }: PolicyRule, now: EpochMs | undefined): boolean =>
  validUntil !== undefined && (now === undefined ? action !== 'Deny' : validUntil <= now)

function bindSection(section: PolicySection, binding: Binding): BoundSection {
  const { policy, direction, now } = binding
  const bound = section.rules.map((rule, index) => ({
    rule: bindRule(rule, index, binding),
    expired: isExpired(rule, now),
  }))
  const rules = bound.flatMap(({ rule, expired }) => (expired ? [] : [rule]))
  const by = ruleId(policy.id, direction)
  return {
    policy,
    rules,
    expired: bound.flatMap(({ rule, expired }) => (expired ? [rule] : [])),
    denies: rules.some(rule => rule.action === 'deny'),
    ...(section.isolates && {
      isolation: Object.freeze({ verdict: 'deny', by, why: 'isolated', ...answered(policy.onDeny) }),
    }),
  }
}

/** Says what a policy has taken, so that it can be given back. */
class Taking implements Bind {
  readonly selections: Selection[] = []
  readonly blocks: Block[] = []
  readonly #from: Bind

  constructor(from: Bind) {
    this.#from = from
  }

  selection(scope: ScopeSpec, selector: LabelSelector): Selection {
    const selection = this.#from.selection(scope, selector)
    this.selections.push(selection)
    return selection
  }

  block(ranges: readonly IpRange[]): Block {
    const block = this.#from.block(ranges)
    this.blocks.push(block)
    return block
  }
}

export interface Bound {
  readonly policy: PolicyDocument
  readonly now: EpochMs | undefined
  readonly serial: number
}

export function bindPolicy({ policy, now, serial }: Bound, from: Bind): BoundPolicy {
  const bind = new Taking(from)
  const subject = bind.selection(scopeOf(policy, policy.subject), identitySelector(policy.subject))
  const { ingress, egress } = policy.sections
  const sections = {
    ...(ingress && { ingress: bindSection(ingress, { policy, direction: 'ingress', bind, now }) }),
    ...(egress && { egress: bindSection(egress, { policy, direction: 'egress', bind, now }) }),
  }
  return { document: policy, subject, sections, selections: bind.selections, blocks: bind.blocks, serial }
}
