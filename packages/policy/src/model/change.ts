import type { EpochMs, Namespace, NodeName, PolicyId, Workload, WorkloadId } from '@sekisho/core'
import type { PolicyDocument } from '../documents/document.ts'
import type { Identity } from './entry.ts'

export interface Changes<T, Id> {
  readonly set?: readonly T[]
  readonly removed?: readonly Id[]
}

/** A node and its own addresses, canonical texts; those of workloads that share its network are added by the model. */
export interface NodeChange {
  readonly name: NodeName
  readonly addresses: readonly string[]
}

/** What is new, changed or gone. Removals are done first, so that one change can replace a thing by another. */
export interface ModelChange {
  readonly namespaces?: Changes<Namespace, string>
  readonly workloads?: Changes<Workload, WorkloadId>
  readonly policies?: Changes<PolicyDocument, PolicyId>
  readonly nodes?: Changes<NodeChange, NodeName>
  /**
   * The time, by which rules with an end expire. Until it is told, exceptions that end do not count: an Allow rule with
   * `validUntil` matches nothing, a Deny rule stays.
   */
  readonly now?: EpochMs
}

/** What a change touched: what was compiled from it must be looked at again, and nothing else. */
export interface ModelDelta {
  /** Itself, its addresses or the selections it is in changed; also those that are gone. */
  readonly workloads: ReadonlySet<WorkloadId>
  /** Judged by other policies than before, or by one that changed; who joined or left one is in `workloads`. */
  readonly identities: ReadonlySet<Identity>
  readonly policies: ReadonlySet<PolicyId>
  readonly nodes: ReadonlySet<NodeName>
}

/** One delta for several changes, in any order: a compiler reads the model as it is now. */
export const mergeDeltas = (deltas: readonly ModelDelta[]): ModelDelta => ({
  workloads: new Set(deltas.flatMap(delta => [...delta.workloads])),
  identities: new Set(deltas.flatMap(delta => [...delta.identities])),
  policies: new Set(deltas.flatMap(delta => [...delta.policies])),
  nodes: new Set(deltas.flatMap(delta => [...delta.nodes])),
})

export class Touched implements ModelDelta {
  readonly workloads = new Set<WorkloadId>()
  readonly identities = new Set<Identity>()
  readonly policies = new Set<PolicyId>()
  readonly nodes = new Set<NodeName>()
}
