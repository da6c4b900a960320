import type {
  EpochMs,
  Labels,
  Mode,
  Outcome,
  Protocol,
  Reason,
  RuleId,
  Workload,
  WorkloadKind,
} from '@sekisho/core'
import type { PolicyDocument } from '../documents/document.ts'

/** Workloads with one owner, seen as one. */
export interface LearnGroup {
  readonly namespace: string
  readonly owner: { readonly kind: string; readonly name: string }
  /** Labels that all its workloads have, with equal values. */
  readonly labels: Labels
  /** Keys of other labels, that only some of its workloads have or that differ between them. */
  readonly varying?: readonly string[]
  readonly kind: WorkloadKind
  /** Its workloads share their node's addresses, so that labels cannot select them. */
  readonly hostNetwork?: boolean
}

/** The group of a workload alone. */
export const groupOf = ({ namespace, owner, labels, kind, hostNetwork }: Workload): LearnGroup => ({
  namespace,
  owner,
  labels,
  kind,
  hostNetwork,
})

/** One end of a flow; without a group it is outside and only its address is known. */
export interface LearnEnd {
  readonly group?: LearnGroup
  readonly ip: string
}

/** What was seen of one edge; the more records, the better the evidence. */
export interface LearnFlow {
  readonly source: LearnEnd
  readonly destination: LearnEnd
  readonly protocol: Protocol
  readonly port: number
  readonly connections: number
  readonly first: EpochMs
  readonly last: EpochMs
  readonly outcome: Outcome
  /** Why it passed, where that is known: what comes from a workload's own node needs no rule. */
  readonly why?: Reason
  /** What was really spoken, where that is known. */
  readonly application?: string
  /** Bytes that came back; tells a scan's empty answers from a conversation. */
  readonly bytesToSource?: number
}

export interface LearnOptions {
  readonly kind?: 'NetworkPolicy' | 'SecurityPolicy'
  /** Mode of the proposed policies; Audit unless given. */
  readonly mode?: Mode
  /** Propose only for groups of these namespaces; flows of others are still evidence. */
  readonly namespaces?: readonly string[]
  /** Groups that exist but may not have been seen; selectors are chosen so as not to select them by accident. */
  readonly groups?: readonly LearnGroup[]
  /** A code where the caller knows that a flow is not to be learned, for example from a finding. */
  readonly suspicious?: (flow: LearnFlow) => string | undefined
  /** Above so many public addresses on one port the rule is opened to all public ones, with a note. */
  readonly outsideAddresses?: number
  /** Flows that are learned from; `LIMITS.learnedEdges` unless given. What comes after is not read, and said so. */
  readonly most?: number
}

/** Why a flow was not learned; the caller's own codes beside these. */
export const EXCLUSIONS = ['port-scan', 'metadata-probe', 'denied', 'not-expressible'] as const
export type Exclusion = (typeof EXCLUSIONS)[number]

/** What a person should know before applying; `code` names the sentence in the dictionaries. */
export const LEARN_NOTES = [
  'dns-proposed', // no DNS was seen, yet without it nothing works: allowed on suspicion
  'dns-tcp-added', // large answers are asked for again over TCP (RFC 7766)
  'open-to-internet', // too many public addresses to name; private ones and metadata stay closed
  'address-for-workload', // the peer cannot be selected by labels; its address may change
  'groups-merged', // groups with equal labels cannot be told apart
  'no-labels', // nothing selects the group: no policy for it
  'shares-node-network', // it is its node to every policy: no policy for it
  'flows-limited', // there was more to learn from than is held in memory: what was left over may be missing
  'excluded-limited', // more was left out than is listed
] as const
export type LearnNoteCode = (typeof LEARN_NOTES)[number]

export interface LearnNote {
  readonly code: LearnNoteCode
  readonly details: Readonly<Record<string, string | number>>
}

/** Why a rule is there. */
export interface LearnedRule {
  readonly rule: RuleId
  /** `namespace/owner` of workloads, blocks of addresses. */
  readonly peers: readonly string[]
  /** As in `TCP 5432`. */
  readonly ports: readonly string[]
  /** What was really spoken there, sorted; absent where nothing was recognised. */
  readonly applications?: readonly string[]
  readonly connections: number
  readonly first: EpochMs
  readonly last: EpochMs
  readonly confidence: 'low' | 'medium' | 'high'
  readonly notes: readonly LearnNote[]
}

export interface LearnedPolicy {
  readonly document: PolicyDocument
  readonly yaml: string
  readonly rules: readonly LearnedRule[]
}

export interface ExcludedFlow {
  readonly flow: LearnFlow
  readonly source: string
  readonly destination: string
  readonly protocol: Protocol
  readonly port: number
  readonly connections: number
  readonly code: string
}

export interface LearnResult {
  readonly policies: readonly LearnedPolicy[]
  /** All policies as one text. */
  readonly yaml: string
  readonly excluded: readonly ExcludedFlow[]
  readonly notes: readonly LearnNote[]
}

export const groupKey = ({ namespace, owner }: LearnGroup): string =>
  `${namespace}/${owner.kind}/${owner.name}`
/** As people and the map name it. */
export const groupName = ({ namespace, owner }: LearnGroup): string => `${namespace}/${owner.name}`

/** The group policies can select; what shares its node's network is only an address to them. */
export const selectableGroup = ({ group }: LearnEnd): LearnGroup | undefined =>
  group && !group.hostNetwork && group.kind !== 'host' ? group : undefined

export const endName = (end: LearnEnd): string => (end.group ? groupName(end.group) : end.ip)
