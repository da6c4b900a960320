import type {
  Direction,
  Mode,
  Outcome,
  PolicyId,
  Protocol,
  Reason,
  RuleId,
  Verdict,
  WorkloadId,
} from '@sekisho/core'
import type { AnsweredDeny } from './documents/document.ts'
import type { FlowFacts, Inspect, Need } from './facts.ts'

/** A question to the engine: one conversation, named by its ends. */
export interface FlowQuery {
  readonly source: QueryEnd
  readonly destination: QueryEnd
  readonly protocol: Protocol
  /** Destination port after DNAT, or the ICMP type. */
  readonly port: number
  /** What inspection knows so far; nothing when left out. */
  readonly facts?: FlowFacts
}

/** A workload of the model, or an address outside it; `ip` picks one of a workload's addresses (default: the first). */
export interface QueryEnd {
  readonly workload?: WorkloadId
  readonly ip?: string
}

/** What one side's policies say. */
export interface SideDecision {
  readonly verdict: Verdict
  readonly by?: RuleId
  readonly why: Reason
  /** How what is denied ends; absent: silently. */
  readonly onDeny?: AnsweredDeny
  /**
   * Present where facts that are not known yet could change the verdict, which is the one without the rules that ask
   * for them. Ask again when they are known.
   */
  readonly inspect?: Inspect
}

/** Both sides must allow; `by` and `why` are those of the side that decided. */
export interface Decision extends SideDecision {
  readonly direction?: Direction
  readonly egress: SideDecision
  readonly ingress: SideDecision
}

/** The one line where mode is applied: the enforced answer acts, the audited one reports. */
export const outcomeOf = (
  enforced: Pick<Decision, 'verdict'>,
  audited: Pick<Decision, 'verdict'>,
): Outcome => (enforced.verdict !== 'allow' ? 'denied' : audited.verdict !== 'allow' ? 'audited' : 'allowed')

/** What happens to a flow, and the decision that makes it so. */
export interface Judgement {
  readonly outcome: Outcome
  readonly decision: Decision
}

/** One policy that was looked at on the way, in order. */
export interface ConsideredPolicy {
  readonly policy: PolicyId
  readonly mode: Mode
  readonly direction: Direction
  readonly outcome:
    | 'matched'
    | 'no-rule-matched'
    | 'needs-facts'
    | 'expired'
    | 'does-not-select'
    /** It selects the workload, of which protection is switched off. */
    | 'switched-off'
    | 'other-direction'
  readonly rule?: RuleId
  readonly verdict?: Verdict
  /** With `needs-facts`: what its rule asks for and is not known. */
  readonly needs?: readonly Need[]
}
