import { type Direction, type LabelSelector, LIMITS, type PolicyId, type Workload } from '@sekisho/core'
import type { Peer, PodsPeer, PolicyRule } from '../documents/document.ts'
import type { Path } from '../documents/spot.ts'
import type { LocatedPolicy } from '../manifests/manifests.ts'
import { DIRECTIONS } from '../model/entry.ts'
import { compileWorkloadSet } from '../prove/ends.ts'
import type { LintContext, Remark } from './finding.ts'

/** One rule where it stands. */
export interface PlacedRule extends LocatedPolicy {
  readonly direction: Direction
  readonly index: number
  readonly rule: PolicyRule
  /** The rule after it in the same section. */
  readonly next: PolicyRule | undefined
}

export interface PlacedPeer extends PlacedRule {
  readonly peer: Peer
  readonly at: number
  readonly nextPeer: Peer | undefined
}

/** A label selector without any requirement selects everything. */
export const isEmpty = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean =>
  Object.keys(matchLabels).length === 0 && matchExpressions.length === 0

export const rulesOf = (located: LocatedPolicy): readonly PlacedRule[] =>
  DIRECTIONS.flatMap(direction => {
    const rules = located.policy.sections[direction]?.rules ?? []
    return rules.map((rule, index) => ({ ...located, direction, index, rule, next: rules[index + 1] }))
  })

/** Allow rules of every policy: what denies is never too wide for a zero-trust cluster. */
export const allowRules = ({ manifests }: LintContext): readonly PlacedRule[] =>
  manifests.policies.flatMap(rulesOf).filter(({ rule }) => rule.action === 'Allow')

export const peersOf = (placed: PlacedRule): readonly PlacedPeer[] =>
  (placed.rule.peers ?? []).map((peer, at, peers) => ({ ...placed, peer, at, nextPeer: peers[at + 1] }))

export const allowPeers = (context: LintContext): readonly PlacedPeer[] =>
  allowRules(context).flatMap(peersOf)

/** Where a peer is written: addresses and names of a ClusterNetworkPolicy are lists inside one peer. */
function peerPath({ located, direction, index, at }: PlacedPeer): Path {
  const side = direction === 'ingress' ? 'from' : 'to'
  const items = located.root.at('spec').at(direction).at(index).at(side)
  let before = 0
  for (const [item, spot] of items.list(LIMITS.peersPerRule.value).entries()) {
    const field = ['networks', 'domainNames'].find(key => !spot.at(key).absent)
    const count = field === undefined ? 1 : spot.at(field).list(LIMITS.peersPerRule.value).length
    if (at < before + count) return [side, item, ...(field === undefined ? [] : [field, at - before])]
    before += count
  }
  return [side, at]
}

/** A remark about a rule, or about one of its peers. */
export function remark(placed: PlacedRule | PlacedPeer, message: string, fix: string): Remark {
  const { direction, index, located, policy } = placed
  const path = ['spec', direction, index, ...('at' in placed ? peerPath(placed) : [])]
  return { place: located.place(path), policy: policy.id, message, fix }
}

export const remarkOnPolicy = (
  { located, policy }: LocatedPolicy,
  path: readonly string[],
  { message, fix }: Pick<Remark, 'message' | 'fix'>,
): Remark & { readonly policy: PolicyId } => ({ place: located.place(path), policy: policy.id, message, fix })

/** Workloads a pods peer or subject of a policy in `namespace` selects. */
export function selected(context: LintContext, peer: PodsPeer, namespace: string): readonly Workload[] {
  const scope = peer.namespaceSelector
    ? { namespaceSelector: peer.namespaceSelector }
    : namespace === ''
      ? {}
      : { namespace }
  const matches = compileWorkloadSet({ kind: 'workloads', podSelector: peer.podSelector, ...scope })
  return context.workloads.filter(workload =>
    matches(workload, context.model.namespaces.get(workload.namespace)),
  )
}

/** As people write labels: `app=web, tier in (a, b)`. */
export const labelText = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string =>
  [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values }) =>
      `${key} ${operator} ${(values ?? []).join(', ')}`.trim(),
    ),
  ].join(', ')
