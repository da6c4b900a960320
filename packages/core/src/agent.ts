import type { Flow } from './flow.ts'
import type { EpochMs, NodeName, WorkloadId } from './ids.ts'
import type { Namespace, Workload } from './workload.ts'

/**
 * What server and agent say to each other. Down: one long NDJSON response of `StateMessage`s.
 * Up: gzipped `Batch`es, each acknowledged only when it is on the server's disk.
 */

/** A policy document as a person wrote it (parsed YAML), validated by the server before it is sent. */
export type PolicyDocumentJson = Readonly<Record<string, unknown>>

/**
 * Where an agent is in what a server tells. Revisions count the changes of one history, that of one run of a server: the
 * same number in another's says nothing, be it another server, an older copy of its database or another build of it.
 */
export interface StatePosition {
  readonly history: string
  readonly revision: number
}

export interface StateSnapshot {
  readonly kind: 'snapshot'
  /** Whose changes `revision` counts, here and in the deltas that follow; who says none is never resumed. */
  readonly history?: string
  /** Server state revision; an agent resumes with the last one it applied. */
  readonly revision: number
  readonly namespaces: readonly Namespace[]
  readonly workloads: readonly Workload[]
  readonly policies: readonly PolicyDocumentJson[]
}

export interface StateDelta {
  readonly kind: 'delta'
  readonly revision: number
  readonly namespaces?: { readonly set?: readonly Namespace[]; readonly removed?: readonly string[] }
  readonly workloads?: { readonly set?: readonly Workload[]; readonly removed?: readonly WorkloadId[] }
  /** `removed` holds policy ids (`Kind/namespace/name`). */
  readonly policies?: { readonly set?: readonly PolicyDocumentJson[]; readonly removed?: readonly string[] }
}

/** Sent every few seconds, so that each side knows the other is there. */
export interface Heartbeat {
  readonly kind: 'heartbeat'
  readonly revision: number
  readonly at: EpochMs
}

export type StateMessage = StateSnapshot | StateDelta | Heartbeat

export const EVENT_SEVERITIES = ['info', 'warning', 'critical'] as const
export type EventSeverity = (typeof EVENT_SEVERITIES)[number]

/** Something that happened. `code` names the sentence in the console's dictionaries; `details` fills it. */
export interface AgentEvent {
  readonly code: string
  readonly severity: EventSeverity
  readonly at: EpochMs
  readonly workload?: WorkloadId
  readonly details: Readonly<Record<string, string | number | boolean>>
}

/** What was not seen or not inspected, by reason: the bypass ledger. Counts since the agent started. */
export type BypassLedger = Readonly<Record<string, number>>

/** What reads conversations on a node. */
export interface InspectionStatus {
  /** Whether its threads listen now; while they do not, packets of policies that fail closed are dropped. */
  readonly isListening: boolean
  readonly threads: number
  /** Times that threads were started again because one had died. */
  readonly restarts: number
  /** Conversations that are followed now. */
  readonly flows: number
  /** Packets that were queued since the start. */
  readonly queued: number
}

export interface AgentStatus {
  readonly node: NodeName
  readonly version: string
  readonly startedAt: EpochMs
  /** The node's own, canonical texts: what comes from them to its workloads always passes. */
  readonly addresses: readonly string[]
  /** Revision of the server's state that is in the kernel now, and the history that it counts. */
  readonly revision: number
  readonly history?: string
  /** Whether the table in the kernel is this agent's; absent of one that is too old to say it. */
  readonly enforcing?: boolean
  /** It was let in as a pod of the cluster: its node goes when the cluster says so. */
  readonly inCluster?: boolean
  readonly workloads: number
  readonly rules: number
  readonly setElements: number
  readonly programs: number
  readonly programErrors: number
  /** Milliseconds from a change's arrival to the kernel's commit. */
  readonly programMs: { readonly p50: number; readonly p99: number }
  readonly ledger: BypassLedger
  /** Absent where nothing is inspected. */
  readonly inspection?: InspectionStatus
  /** What this node cannot do, in words a person can act on. */
  readonly degraded: readonly string[]
}

/**
 * One upload. `sequence` grows by one per batch and agent for ever (it is kept with the spool), so that the
 * server can tell a repeated batch from a new one and store each exactly once.
 */
export interface Batch {
  readonly node: NodeName
  /** Made anew when an agent's spool is empty and its counter lost; sequences count within an epoch. */
  readonly epoch: string
  readonly sequence: number
  readonly flows: readonly Flow[]
  readonly events: readonly AgentEvent[]
  /** All local workloads, when they changed; absent when they did not. */
  readonly workloads?: readonly Workload[]
  readonly namespaces?: readonly Namespace[]
  readonly status?: AgentStatus
}
