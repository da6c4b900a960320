import type {
  AgentEvent,
  Batch,
  CountedRequest,
  Direction,
  EpochMs,
  FilterTerm,
  FlowDetail,
  Namespace,
  NodeName,
  Outcome,
  PolicyId,
  Protocol,
  Reason,
  RuleId,
  Workload,
  WorkloadId,
} from '@sekisho/core'
import type { Page, PageRequest, Window } from '../page.ts'

/** One end of a recorded flow, as it was when the flow was seen; still readable when the workload is gone. */
export interface RecordedEnd {
  /** `namespace/owner` of a workload, the address of an outside end: what flows and the map are grouped by. */
  readonly key: string
  readonly kind: 'workload' | 'external'
  readonly namespace: string
  /** The owner's name, or the address. */
  readonly name: string
  readonly ownerKind: string
  readonly ip: string
  readonly workload?: WorkloadId
  /** Names the inventory entry with its labels at that time; absent when the node never reported the workload. */
  readonly version?: number
}

/** What is aggregated: every part takes part in the identity of an edge. */
export interface RecordedEdge {
  readonly source: RecordedEnd
  readonly destination: RecordedEnd
  readonly protocol: Protocol
  readonly port: number
  readonly application?: string
  readonly outcome: Outcome
  readonly direction?: Direction
  readonly by?: RuleId
  readonly why: Reason
}

export interface Counts {
  readonly connections: number
  readonly packets: number
  readonly bytesToDestination: number
  readonly bytesToSource: number
  readonly first: EpochMs
  readonly last: EpochMs
}

/** One edge during one minute. */
export interface FlowRecord extends RecordedEdge, Counts {
  /** Stable while the minute grows: a later record with the same id replaces an earlier one. */
  readonly id: string
  /** Requests that were judged and met this outcome, the most frequent first, bounded; absent where there were none. */
  readonly requests?: readonly CountedRequest[]
  /** In order of kind and value; absent where none was said. */
  readonly details?: readonly FlowDetail[]
}

/** One edge during a whole window. */
export interface EdgeTotals extends RecordedEdge, Counts {
  /** Names by which clients asked for a destination outside, where they were asked for. */
  readonly hosts?: readonly string[]
}

export interface FlowsRequest extends PageRequest {
  readonly window: Window
  readonly filter?: readonly FilterTerm[]
}

export interface EventRecord extends AgentEvent {
  readonly id: number
  readonly node?: NodeName
}

export interface WorkloadRecord {
  readonly version: number
  readonly workload: Workload
  readonly since: EpochMs
  /** When it was replaced by a newer version or went away; undefined for the current one. */
  readonly until: EpochMs | undefined
}

export interface WorkloadsRequest extends PageRequest {
  readonly namespace?: string | undefined
  /** Part of the name, the owner or an address. */
  readonly text?: string | undefined
}

/** Attempts of one source within a few minutes that led nowhere: what a scan looks like in flow records. */
export interface FruitlessAttempts {
  /** `RecordedEnd.key` of the source. */
  readonly source: string
  readonly workload?: WorkloadId
  readonly ports: number
  readonly addresses: number
  readonly connections: number
  readonly first: EpochMs
  readonly last: EpochMs
}

export interface IngestResult {
  /** False: this batch was stored before and nothing was counted twice. Both are acknowledged. */
  readonly stored: boolean
  /** Ids of the newest flow records it touched (at most 200), for the live tail. */
  readonly newest: readonly string[]
  /** Ids of the events it added. */
  readonly events: readonly number[]
  /** Workloads or namespaces changed: `state.revision()` has grown. */
  readonly inventoryChanged: boolean
}

/** What a cluster's API knows of workloads and namespaces. */
export interface InventoryChange {
  readonly set: readonly Workload[]
  readonly removed: readonly WorkloadId[]
  /** All of them; absent when they did not change. */
  readonly namespaces?: readonly Namespace[]
}

export interface Records {
  /**
   * Stores a batch exactly once, in one transaction that is on disk when this returns.
   * Batches of one node and epoch must come in the order of their sequence; gaps are fine.
   */
  ingest(batch: Batch): IngestResult
  /**
   * Workloads and namespaces of a cluster, whose API is asked instead of its nodes. One transaction.
   * @returns whether anything changed: `state.revision()` has grown.
   */
  mirror(change: InventoryChange): boolean
  /** An event of the server itself (no node). */
  addEvent(event: AgentEvent): number

  /** Newest first. */
  flows(request: FlowsRequest): Page<FlowRecord>
  flowsById(ids: readonly string[]): readonly FlowRecord[]
  /**
   * Every edge of the window with its totals, as a stream in bounded memory: for the map, learn and simulate
   * (a decision depends on the edge, not on the minute). Consume it before writing to the store.
   */
  edges(window: Window, filter?: readonly FilterTerm[]): IterableIterator<EdgeTotals>
  /** The same with the names of destinations outside. */
  namedEdges(window: Window): IterableIterator<EdgeTotals>
  /** Connections by outcome. */
  totals(window: Window, filter?: readonly FilterTerm[]): Readonly<Record<Outcome, number>>
  /** Denied and audited connections by the policy that decided. */
  byPolicy(window: Window): ReadonlyMap<PolicyId, { readonly denied: number; readonly audited: number }>
  /**
   * Sources whose attempts led nowhere (denied, refused or unanswered) on at least so many ports, or at so many
   * addresses, within five minutes; one entry per source and such stretch.
   */
  fruitless(
    window: Window,
    least: { readonly ports: number; readonly addresses: number },
  ): readonly FruitlessAttempts[]
  /** Start of the oldest minute on record. */
  oldest(): EpochMs | undefined
  /** Start of the newest minute on record inside a window. */
  newest(window: Window): EpochMs | undefined

  events(request: PageRequest & { readonly window: Window; readonly code?: string }): Page<EventRecord>
  eventsById(ids: readonly number[]): readonly EventRecord[]

  /** Current workloads, by id. */
  workloads(request: WorkloadsRequest): Page<WorkloadRecord>
  /** The current version, or the last one of a workload that is gone. */
  workload(id: WorkloadId): WorkloadRecord | undefined
  workloadVersion(version: number): WorkloadRecord | undefined
  workloadAt(id: WorkloadId, at: EpochMs): WorkloadRecord | undefined
  /** All current workloads and namespaces. */
  inventory(): { readonly workloads: readonly Workload[]; readonly namespaces: readonly Namespace[] }
  /** The labels a namespace has, or had when it was last reported. */
  lastNamespaces(): readonly Namespace[]
}
