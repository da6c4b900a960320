import type { Direction, NodeName, Outcome, PolicyId, Reason, RuleId, Verdict } from '@sekisho/core'
import type { ConsideredPolicy, FlowQuery, SideDecision } from '../decision.ts'
import type { AnsweredDeny, PolicyDocument } from '../documents/document.ts'
import type { Inspect } from '../facts.ts'

/** One end of the question as people name it. */
export type ExplainedEnd =
  | { readonly kind: 'workload'; readonly namespace: string; readonly name: string; readonly ip?: string }
  | { readonly kind: 'node'; readonly node: NodeName; readonly ip?: string }
  | { readonly kind: 'outside'; readonly ip?: string }

/** What has to be done to a policy so that it no longer denies. */
export type Edit = 'new-policy' | 'allow-before-deny' | 'deny-removed' | 'policy-removed'

/** The least that turns a deny into an allow, tried on a model of its own. */
export interface ExplainedChange {
  /** New or changed documents, in the mode that makes them count. */
  readonly documents: readonly PolicyDocument[]
  readonly removed: readonly PolicyId[]
  readonly edits: readonly { readonly policy: PolicyId; readonly edit: Edit }[]
  /** The documents as one text; empty where policies only have to go. */
  readonly yaml: string
}

/** Why a flow is judged as it is. Typed: sentences are made from it in each language. */
export interface Explanation {
  readonly query: FlowQuery
  readonly source: ExplainedEnd
  readonly destination: ExplainedEnd
  readonly outcome: Outcome
  /** Of the deciding decision: the one of the policies in Audit too where the outcome is `audited`. */
  readonly verdict: Verdict
  readonly direction?: Direction
  readonly by?: RuleId
  readonly why: Reason
  readonly onDeny?: AnsweredDeny
  /** Present where the verdict depends on facts that are not known. */
  readonly inspect?: Inspect
  readonly egress: SideDecision
  readonly ingress: SideDecision
  /** Egress of the source, then ingress of the destination; in each the order in which policies are asked. */
  readonly considered: readonly ConsideredPolicy[]
  /** Absent where it passes, and where no policy can allow it. */
  readonly change?: ExplainedChange
}
