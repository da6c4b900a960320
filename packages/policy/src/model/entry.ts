import type { Direction, Ip, Labels, Namespace, Workload } from '@sekisho/core'
import type { Profile } from './profile.ts'
import type { Scope, Selection } from './selections.ts'

/** A namespace as the model sees it: also those that only a workload names. */
export interface NamespaceEntry {
  namespace: Namespace
  /** Named by a source; otherwise it lasts as long as its workloads. */
  known: boolean
  readonly workloads: Set<Entry>
  /** Scopes that hold this namespace. */
  readonly scopes: Set<Scope>
}

/** A workload and what the model derives from it. The object stays the same while the workload lives. */
export interface Entry {
  workload: Workload
  namespace: NamespaceEntry
  /** What selectors see, see `identityLabels`. */
  labels: Labels
  /** Parsed once; those of them that it owns are in the model's address index. */
  ips: ReadonlyMap<string, Ip>
  /** Selections it is in. Empty for what no selector may select. */
  readonly selections: Set<Selection>
  /** What judges it, per policy set and direction; made when first asked for. */
  readonly profiles: Record<PolicySet, Partial<Record<Direction, Profile>>>
}

/** Policies in Enforce, or those in Enforce and Audit together. */
export type PolicySet = 'enforce' | 'audit'
export const POLICY_SETS = ['enforce', 'audit'] as const satisfies readonly PolicySet[]
export const DIRECTIONS = ['ingress', 'egress'] as const satisfies readonly Direction[]

/** Shares its node's addresses, so that no address tells it from the node: it is the node. */
export const isNode = (workload: Workload): boolean => workload.hostNetwork || workload.kind === 'host'

/**
 * Selectors select it. A finished workload stays what it was, so that a question or a recorded flow that names it is
 * still answered as it was in force; it owns no address, so that no packet is taken for it.
 */
export const isSelectable = (workload: Workload): boolean => !isNode(workload)

/** Its own policies can act: none do on an external machine, and a host's own traffic is not judged. */
export const isActed = ({ kind }: Workload): boolean => kind !== 'external' && kind !== 'host'
