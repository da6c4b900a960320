import type { RuleId } from '@sekisho/core'
import type { Decision, FlowQuery } from '../decision.ts'
import type { PortPiece } from './cuts.ts'

/** A concrete flow that answers the question, and all others that the same rules answer alike. */
export interface Witness {
  readonly query: FlowQuery
  readonly decision: Decision
  readonly source: WitnessEnd
  readonly destination: WitnessEnd
  /** Every port of this piece is decided alike; `query.port` is its first. */
  readonly ports: PortPiece
}

/** What an end stands for: so many workload addresses, or a range of addresses outside. */
export interface WitnessEnd {
  /** `namespace/name` of a workload, else an address. */
  readonly name: string
  /** Addresses of workloads, itself among them, that no rule tells apart from it; 1 for nodes and the outside. */
  readonly alike: number
  /** First and last address, both inside, of the outside range it stands for. */
  readonly range?: readonly [first: string, last: string]
}

/** How much a proof looked at: pieces are all flows, cut by every rule. */
export interface Coverage {
  /** Pairs of ends that no rule tells apart from other pairs. */
  readonly pairs: number
  /** Pairs by ports: each was decided by the engine, standing for all its flows. */
  readonly pieces: number
  /** Nothing of the question is left out. If not, the bound was reached: that nothing was found proves nothing. */
  readonly complete: boolean
}

/**
 * Whether a flow surely has the verdict. Where rules ask for a name, an application or a request, it can have it: then
 * nothing that depends on such facts is ever stated as proved, and `decision.inspect` of the witness says which.
 */
export type Certainty = 'sure' | 'can'

export interface ReachProof {
  readonly kind: 'reach'
  /** The verdict that was looked for. */
  readonly verdict: 'allow' | 'deny'
  readonly found: false | Certainty
  readonly witnesses: readonly Witness[]
  readonly covered: Coverage
}

/** A flow on which two policy sets disagree. `decision` of the witness is the one before. */
export interface Difference extends Witness {
  readonly after: Decision
  /** `can` where either asks for facts (`inspect`) and is written otherwise. */
  readonly certainty: Certainty
}

export interface DifferenceProof {
  readonly kind: 'difference'
  /** No flow of the question was found that is judged otherwise, or that may be. */
  readonly equivalent: boolean
  readonly differences: readonly Difference[]
  readonly covered: Coverage
}

/** Why a rule could be removed without changing any verdict of the present workloads and every address. */
export interface UnneededRule {
  readonly rule: RuleId
  /**
   * `unselected`: its policy selects no workload. `unmatched`: no flow has such a peer or port, or its time is over. `shadowed`: flows match,
   * but other rules answer first: it never decides. `redundant`: it decides, but without it others decide the same.
   */
  readonly kind: 'unselected' | 'unmatched' | 'shadowed' | 'redundant'
  /** The rules that decide instead, of the same direction. */
  readonly covers: readonly RuleId[]
  /** A flow that the rule matches, and what decides it now; none exists where it is unselected or unmatched. */
  readonly witness?: Witness
}

export interface UnneededProof {
  readonly kind: 'unneeded'
  readonly rules: readonly UnneededRule[]
  readonly covered: Coverage
}

/** A reset denies too: it only says so. */
export const passes = ({ verdict }: Decision): boolean => verdict === 'allow'

/** Facts that are not known could turn the verdict. */
export const depends = ({ inspect }: Decision): boolean => inspect !== undefined
