import type { LabelSelector, Labels, SelectorRequirement, Workload } from '@sekisho/core'
import type { ExternalsPeer, HostsPeer, PodsPeer } from '../documents/document.ts'
import { type Identity, isSelectable, type NamespaceEntry } from './entry.ts'

/**
 * What a workload is, as labels, so that one index selects by labels, service account and kind. No label key begins
 * with "@", and these always overlay the workload's own: a label cannot claim to be them.
 */
const KIND = '@kind'
const SERVICE_ACCOUNT = '@service-account'
const NAME = '@name'

/** @param isNamed some policy is about workloads of its name; else its name would tell it from those that are alike. */
export const identityLabels = (
  { labels, kind, name, serviceAccount = '' }: Workload,
  isNamed: boolean,
): Labels => ({
  ...labels,
  [KIND]: kind,
  [SERVICE_ACCOUNT]: serviceAccount,
  ...(isNamed && { [NAME]: name }),
})

const kindOf = (workload: Workload): Identity['kind'] =>
  isSelectable(workload) ? 'workload' : workload.kind === 'host' ? 'host' : 'node-network'

type Seen = Pick<Identity, 'kind' | 'isProtected' | 'labels' | 'ports'>

/** JSON, because labels may hold anything: with a plain separator one could be written to look like two others. */
const identityKey = ({ kind, isProtected, labels, ports }: Seen): string =>
  JSON.stringify([
    kind,
    isProtected,
    ports.map(({ name, protocol, port }) => [name, protocol, port]),
    ...Object.keys(labels)
      .toSorted()
      .map(key => [key, labels[key]]),
  ])

/** The identity of a workload in its namespace, and whether it is new there. */
export function identityIn(
  namespace: NamespaceEntry,
  workload: Workload,
  isNamed: boolean,
): readonly [Identity, isNew: boolean] {
  const labels = identityLabels(workload, isNamed)
  const kind = kindOf(workload)
  const seen: Seen = { kind, isProtected: workload.protection !== 'off', labels, ports: workload.ports }
  const key = identityKey(seen)
  const held = namespace.identities.get(key)
  if (held) return [held, false]
  const made: Identity = {
    key,
    namespace,
    ...seen,
    members: new Set(),
    selections: new Set(),
    kin: undefined,
  }
  namespace.identities.set(key, made)
  return [made, true]
}

const among = (key: string, values: readonly string[] | undefined): readonly SelectorRequirement[] =>
  values ? [{ key, operator: 'In', values }] : []

function withFacts(selector: LabelSelector, facts: readonly SelectorRequirement[]): LabelSelector {
  return facts.length === 0
    ? selector
    : { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...facts] }
}

/** The selector of a subject or peer over identity labels. */
export function identitySelector(peer: PodsPeer | HostsPeer | ExternalsPeer): LabelSelector {
  switch (peer.kind) {
    case 'pods': {
      const { podSelector, serviceAccounts, workloadKinds, workloadNames } = peer
      return withFacts(podSelector, [
        ...among(KIND, workloadKinds),
        ...among(SERVICE_ACCOUNT, serviceAccounts),
        ...among(NAME, workloadNames),
      ])
    }
    case 'hosts':
      return peer.selector
    case 'externals':
      return withFacts(peer.selector, among(KIND, ['external']))
  }
}

/** Workloads that are part of the installation, and not machines that it only knows. */
export const INSIDE: LabelSelector = {
  matchExpressions: [{ key: KIND, operator: 'NotIn', values: ['external'] }],
}
