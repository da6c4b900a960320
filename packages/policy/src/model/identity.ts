import type { LabelSelector, Labels, SelectorRequirement, Workload } from '@sekisho/core'
import type { ExternalsPeer, HostsPeer, PodsPeer } from '../documents/document.ts'

/**
 * What a workload is, as labels, so that one index selects by labels, service account and kind. No label key begins
 * with "@", and these always overlay the workload's own: a label cannot claim to be them.
 */
const KIND = '@kind'
const SERVICE_ACCOUNT = '@service-account'

export const identityLabels = ({ labels, kind, serviceAccount = '' }: Workload): Labels => ({
  ...labels,
  [KIND]: kind,
  [SERVICE_ACCOUNT]: serviceAccount,
})

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
      const { podSelector, serviceAccounts, workloadKinds } = peer
      return withFacts(podSelector, [
        ...among(KIND, workloadKinds),
        ...among(SERVICE_ACCOUNT, serviceAccounts),
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
