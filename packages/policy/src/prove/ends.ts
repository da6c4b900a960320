import {
  compileSelector,
  type IpRange,
  type LabelSelector,
  type Namespace,
  type Workload,
} from '@sekisho/core'

/** A set of ends of flows. What shares its node's network is its node, as everywhere. */
export type EndSet =
  /** Workloads, nodes and the outside. */
  | { readonly kind: 'anything' }
  /** Addresses that belong to no workload and no node. */
  | { readonly kind: 'outside' }
  | { readonly kind: 'nodes' }
  | WorkloadSet
  /** Whatever has an address in these ranges: outside, node or workload. */
  | { readonly kind: 'addresses'; readonly ranges: readonly IpRange[] }

/** All conditions must hold; without any it is every workload. */
export interface WorkloadSet {
  readonly kind: 'workloads'
  readonly namespace?: string
  readonly namespaceSelector?: LabelSelector
  readonly podSelector?: LabelSelector
  /** The name of the workload or of its owner. */
  readonly name?: string
}

/** Zero to four conditions as one predicate. */
export function compileWorkloadSet(
  set: WorkloadSet,
): (workload: Workload, namespace: Namespace | undefined) => boolean {
  const inNamespace = compileSelector(set.namespaceSelector ?? {})
  const selected = compileSelector(set.podSelector ?? {})
  return (workload, namespace) =>
    (set.namespace === undefined || set.namespace === workload.namespace) &&
    (set.name === undefined || set.name === workload.name || set.name === workload.owner.name) &&
    inNamespace(namespace?.labels ?? {}) &&
    selected(workload.labels)
}
