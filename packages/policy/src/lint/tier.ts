import { NAME_LABEL } from '@sekisho/core'
import type { ClusterNetworkPolicy, PolicyRule, PortSpec } from '../documents/document.ts'
import { and, holds } from '../import/cube.ts'
import type { LocatedPolicy } from '../manifests/manifests.ts'
import { cubeOf, holdsAll, portCovers, ruleCovers, subjectCube } from './cover.ts'
import type { Check, LintContext } from './finding.ts'
import { labelText, type PlacedRule, peersOf, remark, remarkOnPolicy, rulesOf, selected } from './rules.ts'

interface Tiered extends LocatedPolicy {
  readonly policy: ClusterNetworkPolicy
}

/** Policies of administrators in the order in which each tier asks them. */
function tiered({ manifests }: LintContext): readonly Tiered[] {
  const found = manifests.policies.filter(
    (each): each is Tiered => each.policy.kind === 'ClusterNetworkPolicy',
  )
  return found.toSorted(
    ({ policy: a }, { policy: b }) =>
      a.priority - b.priority || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  )
}

/** Whether all workloads of one policy are asked by the other before it, in the same tier and mode. */
function isBefore({ policy: first }: Tiered, { policy: then }: Tiered): boolean {
  if (first.tier !== then.tier || first.mode !== then.mode) return false
  const [outer, inner] = [subjectCube(first), subjectCube(then)]
  return outer !== undefined && inner !== undefined && holdsAll(outer, inner)
}

/** Rules that the workloads of a policy are asked before and with its own, in order. */
function rulesUpTo(policies: readonly Tiered[], located: Tiered): readonly PlacedRule[] {
  const before = policies.slice(0, policies.indexOf(located)).filter(each => isBefore(each, located))
  return [...before, located].flatMap(rulesOf)
}

/** Inside a policy of Sekisho's own the first match counts too, where it has Deny rules. */
function* shadowedInside(located: LocatedPolicy): Generator<readonly [PlacedRule, PlacedRule]> {
  const rules = rulesOf(located)
  for (const rule of rules) {
    const first = rules.find(
      each =>
        each.direction === rule.direction &&
        each.index < rule.index &&
        each.rule.action !== rule.rule.action &&
        ruleCovers(each.rule, rule.rule, located.policy.namespace),
    )
    if (first) yield [rule, first]
  }
}

function* shadowedInTier(
  policies: readonly Tiered[],
  located: Tiered,
): Generator<readonly [PlacedRule, PlacedRule]> {
  const rules = rulesUpTo(policies, located)
  for (const [at, rule] of rules.entries()) {
    if (rule.policy !== located.policy) continue
    const first = rules
      .slice(0, at)
      .find(each => each.direction === rule.direction && ruleCovers(each.rule, rule.rule, ''))
    if (first) yield [rule, first]
  }
}

/** As it is written. */
const actionOf = ({ rule, policy }: PlacedRule): string =>
  rule.action === 'Allow' && policy.kind === 'ClusterNetworkPolicy' ? 'Accept' : rule.action

export const ruleShadowed: Check = {
  severity: 'warning',
  title: 'A rule never decides: one that is asked before it matches all that it does',
  help: 'Where the first match counts, a rule behind a wider one is dead text: what it was to deny passes, or what it was to allow is denied.',
  *run(context) {
    const policies = tiered(context)
    const inside = context.manifests.policies.filter(({ policy }) => policy.kind !== 'ClusterNetworkPolicy')
    const pairs = [
      ...policies.flatMap(each => [...shadowedInTier(policies, each)]),
      ...inside.flatMap(each => [...shadowedInside(each)]),
    ]
    for (const [rule, first] of pairs) {
      const where = first.policy === rule.policy ? '' : ` of ${first.policy.name}`
      yield remark(
        rule,
        `${first.direction}[${first.index}]${where} matches all that this rule does, is asked before it and says ${actionOf(first)}`,
        'move the narrower rule before the wider one, or remove it',
      )
    }
  },
}

export const priorityShared: Check = {
  severity: 'warning',
  title: 'Two policies of one tier and priority are about the same workloads',
  help: 'The API leaves open which of them is asked first: Sekisho goes by their names, another implementation may not.',
  *run(context) {
    const policies = tiered(context)
    for (const [at, located] of policies.entries()) {
      const { policy } = located
      const other = policies.slice(0, at).find(({ policy: before }) => {
        const [a, b] = [subjectCube(before), subjectCube(policy)]
        const directions = Object.keys(before.sections).some(key => Object.hasOwn(policy.sections, key))
        return (
          before.tier === policy.tier &&
          before.priority === policy.priority &&
          directions &&
          a &&
          b &&
          and(a, b)
        )
      })
      if (!other) continue
      yield remarkOnPolicy(located, ['spec', 'priority'], {
        message: `priority ${policy.priority} of the ${policy.tier} tier is that of ${other.policy.name} too`,
        fix: 'give one of them another priority',
      })
    }
  },
}

export const denyMatchesNothing: Check = {
  severity: 'warning',
  title: 'A Deny rule matches no workload of these files',
  help: 'A rule that denies nobody protects nothing, and nobody sees it: a typing mistake in a selector, or a label that was never set.',
  *run(context) {
    if (context.workloads.length === 0) return
    for (const placed of context.manifests.policies.flatMap(rulesOf)) {
      const { rule, policy } = placed
      const peers = peersOf(placed).map(({ peer }) => peer)
      if (rule.action !== 'Deny' || peers.length === 0) continue
      if (peers.some(peer => peer.kind !== 'pods' || selected(context, peer, policy.namespace).length > 0))
        continue
      const texts = peers.map(peer => (peer.kind === 'pods' ? labelsOf(peer) : ''))
      yield remark(
        placed,
        `no workload has ${texts.join(' or ')}`,
        'correct the selectors, or remove the rule',
      )
    }
  },
}
const labelsOf = ({ podSelector, namespaceSelector = {} }: Parameters<typeof cubeOf>[0]): string =>
  [labelText(podSelector), labelText(namespaceSelector)].filter(Boolean).join(' in namespaces with ')

const DNS_PORT: PortSpec = { kind: 'range', protocol: 'UDP', first: 53, last: 53 }
const DNS_PODS = {
  pod: { 'k8s-app': 'kube-dns' },
  namespace: { [NAME_LABEL]: 'kube-system' },
}

/** Whether a rule is about the cluster's own DNS, as its pods are labelled everywhere. */
function isAboutDns({ peers = [], ports, action }: PolicyRule): boolean {
  if (ports && !ports.some(port => portCovers(port, DNS_PORT))) return false
  return peers.some(peer => {
    if (peer.kind === 'block') return peer.cidr.prefix === 0
    if (peer.kind === 'unknown') return action !== 'Allow'
    const cube = peer.kind === 'pods' ? cubeOf(peer, '') : undefined
    return cube !== undefined && holds(cube, DNS_PODS)
  })
}

export const tierDeniesDns: Check = {
  severity: 'warning',
  title: 'A policy of administrators denies DNS',
  help: 'Without DNS no name resolves: every connection by name fails, whatever the policies of namespaces allow.',
  *run(context) {
    const policies = tiered(context)
    for (const located of policies) {
      const egress = rulesUpTo(policies, located).filter(({ direction }) => direction === 'egress')
      const first = egress.find(({ rule }) => isAboutDns(rule))
      if (first?.policy !== located.policy || first.rule.action !== 'Deny') continue
      yield remark(
        first,
        `egress to the pods with k8s-app=kube-dns of kube-system on UDP port 53 is denied in the ${located.policy.tier} tier`,
        'accept or pass UDP and TCP port 53 to them in a rule before this one',
      )
    }
  },
}

/** Whether a tier denies a direction to everything that its rules can name: pods for ingress, all addresses for egress. */
export function tierDenies(
  context: LintContext,
  direction: PlacedRule['direction'],
  namespace: string,
): boolean {
  const space = context.model.namespaces.get(namespace)
  const enforced = tiered(context).filter(({ policy }) => policy.mode === 'Enforce')
  return enforced.some(located => {
    const cube = subjectCube(located.policy)
    const labels = { pod: {}, namespace: { ...space?.labels } }
    const isAll = cube && [...cube.keys()].every(key => key.startsWith('namespace ')) && holds(cube, labels)
    const denied = rulesOf(located).filter(
      ({ rule, direction: of }) => of === direction && rule.action === 'Deny' && !rule.ports,
    )
    const families = denied.flatMap(({ rule }) => (rule.peers ?? []).flatMap(wholeFamily))
    const pods = denied.some(({ rule }) => rule.peers?.some(peer => peer.kind === 'pods' && isEveryPod(peer)))
    return isAll === true && (direction === 'egress' ? new Set(families).size === 2 : pods)
  })
}
const wholeFamily = (peer: NonNullable<PolicyRule['peers']>[number]): readonly (4 | 6)[] =>
  peer.kind === 'block' && peer.cidr.prefix === 0 ? [peer.cidr.family] : []
const isEveryPod = (peer: Parameters<typeof cubeOf>[0]): boolean => cubeOf(peer, '')?.size === 0
