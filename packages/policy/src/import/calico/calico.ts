import type { Direction } from '@sekisho/core'
import type { NetworkPolicy, Peer } from '../../documents/document.ts'
import { readDocument } from '../../documents/validate.ts'
import { and, EVERYTHING, fromSelector, inNamespaces } from '../cube.ts'
import type { Draft, Foreign, Product, Translated } from '../foreign.ts'
import type { OrderedPeer, OrderedRule } from '../ordered/rule.ts'
import { type OrderedPolicy, translateOrdered } from '../ordered/tiers.ts'
import {
  BUILT_IN,
  type CalicoText,
  NETWORK_POLICY_ORDER,
  readCalicoPolicy,
  readMissing,
  readNetworkSet,
  readTier,
} from './policy.ts'

const POLICIES = ['NetworkPolicy', 'GlobalNetworkPolicy', 'StagedNetworkPolicy', 'StagedGlobalNetworkPolicy']
const KUBERNETES = 'networking.k8s.io/v1'

function podsOf(peer: Peer, namespace: string): readonly OrderedPeer[] {
  if (peer.kind === 'block') return [peer]
  if (peer.kind !== 'pods') return []
  const pods = fromSelector(peer.podSelector, 'pod')
  const spaces = peer.namespaceSelector
    ? fromSelector(peer.namespaceSelector, 'namespace')
    : inNamespaces(namespace)
  const cube = pods && spaces && and(pods, spaces)
  return cube ? [{ kind: 'pods', cube }] : []
}

/** A NetworkPolicy beside Calico's own policies: in the default tier, at its place among them. */
function ordered(policy: NetworkPolicy, foreign: Foreign): OrderedPolicy | undefined {
  const tier = BUILT_IN.find(({ name }) => name === 'default')
  const subject = and(
    inNamespaces(policy.namespace),
    (policy.subject.kind === 'pods' && fromSelector(policy.subject.podSelector, 'pod')) || EVERYTHING,
  )
  const section = (direction: Direction): readonly OrderedRule[] | undefined =>
    policy.sections[direction]?.rules.flatMap(({ peers, ports }) => {
      const read = peers?.flatMap(peer => podsOf(peer, policy.namespace))
      return read?.length === 0
        ? []
        : [{ action: 'Allow' as const, ...(read && { peers: read }), ...(ports && { ports }) }]
    })
  const [ingress, egress] = [section('ingress'), section('egress')]
  return (
    tier &&
    subject && {
      kind: policy.kind,
      namespace: policy.namespace,
      name: policy.name,
      tier,
      order: NETWORK_POLICY_ORDER,
      subject: [subject],
      sections: { ...(ingress && { ingress }), ...(egress && { egress }) },
      mode: policy.mode,
      asIs: foreign.root.value as Draft, // an object: it was read as a policy
    }
  )
}

function readNetworkPolicy(foreign: Foreign): OrderedPolicy | undefined {
  const document = readDocument(foreign.root)
  return document?.kind === 'NetworkPolicy' ? ordered(document, foreign) : undefined
}

/** A staged NetworkPolicy is the NetworkPolicy in Audit: what it would do is reported and not done. */
function unstage({ root }: Foreign): Draft {
  const spec = root.at('spec')
  root.at('metadata').object()
  if (spec.object() && !['Set', undefined].includes(spec.at('stagedAction').value as string | undefined))
    spec.at('stagedAction').refuse('only Set describes a policy; the others take one away')
  const { stagedAction: _, ...rest } = (spec.value ?? {}) as Draft // read as NetworkPolicy afterwards
  const metadata = (root.at('metadata').value ?? {}) as Draft // checked above
  const annotations = { ...(metadata.annotations as Draft | undefined), 'sekisho.dev/mode': 'Audit' }
  return { apiVersion: KUBERNETES, kind: 'NetworkPolicy', metadata: { ...metadata, annotations }, spec: rest }
}

function read(foreign: Foreign, text: CalicoText): OrderedPolicy | undefined {
  const isKubernetes = foreign.root.at('apiVersion').value === KUBERNETES
  return isKubernetes ? readNetworkPolicy(foreign) : readCalicoPolicy(foreign, foreign.kind, text)
}

/**
 * Calico v3: tiers, policies in order, network sets; NetworkPolicies of the same text take part where Calico has them.
 * Semantics: docs.tigera.io, "Policy tiers" and the reference of each kind.
 */
export const calico: Product = {
  translate(foreigns) {
    const of = (...kinds: readonly string[]) => foreigns.filter(({ kind }) => kinds.includes(kind))
    const text: CalicoText = {
      tiers: [...of('Tier').flatMap(readTier), ...BUILT_IN],
      sets: [
        ...of('NetworkSet').flatMap(set => readNetworkSet(set, 'NetworkSet')),
        ...of('GlobalNetworkSet').flatMap(set => readNetworkSet(set, 'GlobalNetworkSet')),
      ],
    }
    const known = [...POLICIES, 'Tier', 'NetworkSet', 'GlobalNetworkSet', 'StagedKubernetesNetworkPolicy']
    for (const { kind, root } of foreigns)
      if (!known.includes(kind)) root.at('kind').refuse(`${kind} of Calico has no translation`)
    const policies = of(...POLICIES).flatMap(foreign => {
      const policy = read(foreign, text)
      return policy && foreign.findings.length === 0 ? [[policy, foreign] as const] : []
    })
    const origin = new Map(policies)
    const translated = new Set(origin.values())
    const others = of(...POLICIES).filter(foreign => !translated.has(foreign))
    const missing = others.flatMap(foreign => readMissing(foreign) ?? [])
    const { drafts, refused } = translateOrdered([...origin.keys(), ...missing])
    for (const { policy, reason } of refused) origin.get(policy)?.root.at('spec').refuse(reason)
    return [
      ...drafts.flatMap(({ draft, policy }): Translated[] => {
        const from = origin.get(policy)
        return from ? [{ draft, from }] : []
      }),
      ...of('StagedKubernetesNetworkPolicy').map(from => ({ draft: unstage(from), from })),
    ]
  },
}
