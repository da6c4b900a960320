import {
  canonicalIp,
  type EpochMs,
  type Namespace,
  type PolicyId,
  type Workload,
  type WorkloadId,
} from '@sekisho/core'
import type { Decision, FlowQuery, Judgement } from '../decision.ts'
import type { PolicyDocument } from '../documents/document.ts'
import type { ModelChange, ModelDelta } from './change.ts'
import type { PolicySet } from './entry.ts'
import { ModelIndex } from './model-index.ts'
import { decideQuickly, judgeQuickly } from './quick.ts'

/** A policy that selects a workload, and the directions it is about. */
export interface SelectingPolicy {
  readonly policy: PolicyDocument
  readonly ingress: boolean
  readonly egress: boolean
}

/** Workloads, namespaces and policies, and the answer to any flow between them. */
export interface Model {
  readonly workloads: ReadonlyMap<WorkloadId, Workload>
  readonly namespaces: ReadonlyMap<string, Namespace>
  readonly policies: ReadonlyMap<PolicyId, PolicyDocument>
  update(change: ModelChange): ModelDelta
  /** The reference: what the policies of a set say about a flow. It knows no modes. */
  decide(query: FlowQuery, policies?: PolicySet): Decision
  /** What happens to a flow: policies in Enforce act, those in Audit report, where there is an agent to do so. */
  judge(query: FlowQuery): Judgement
  /** When the time must be told again (`ModelChange.now`), because a rule expires then. */
  nextExpiry(): EpochMs | undefined
  /** The running or terminating owner of an address; what shares its node's network owns none. */
  workloadAt(ip: string): Workload | undefined
  /** Policies of every mode that select a workload, in the order in which they are asked. */
  selecting(workload: WorkloadId): readonly SelectingPolicy[]
  /** The other way round: the workloads that a policy of any mode selects. */
  selected(policy: PolicyId): readonly Workload[]
  /** What compilers and explanations in this package read. */
  readonly index: ModelIndex
}

export class PolicyModel implements Model {
  readonly index = new ModelIndex()
  readonly workloads = this.index.workloads
  readonly namespaces = this.index.namespaces
  readonly policies = this.index.policies
  update(change: ModelChange): ModelDelta {
    return this.index.update(change)
  }

  decide(query: FlowQuery, policies: PolicySet = 'enforce'): Decision {
    return decideQuickly(this.index, query, policies)
  }

  judge(query: FlowQuery): Judgement {
    return judgeQuickly(this.index, query)
  }

  nextExpiry(): EpochMs | undefined {
    return this.index.nextExpiry()
  }

  workloadAt(ip: string): Workload | undefined {
    const text = canonicalIp(ip)
    return text === undefined ? undefined : this.index.addresses.owner(text)?.workload
  }

  selected(policy: PolicyId): readonly Workload[] {
    return Array.from(this.index.bound(policy)?.subject.members ?? [], ({ isProtected, members }) =>
      isProtected ? Array.from(members, ({ workload }) => workload) : [],
    ).flat()
  }

  selecting(workload: WorkloadId): readonly SelectingPolicy[] {
    const entry = this.index.entry(workload)
    return (entry ? this.index.policiesOf(entry) : []).map(({ document, sections }) => ({
      policy: document,
      ingress: sections.ingress !== undefined,
      egress: sections.egress !== undefined,
    }))
  }
}

/** A model without workloads, namespaces or policies: it allows everything. */
export const createModel = (): Model => new PolicyModel()
