import type { Direction, EpochMs, Outcome, Protocol, Reason, RuleId, WorkloadId } from '@sekisho/core'
import type { Counts, RecordedEdge, RecordedEnd } from './api.ts'

export interface EdgeRow {
  readonly protocol: string
  readonly port: number
  readonly application: string
  readonly outcome: string
  readonly direction: string
  readonly by: string
  readonly why: string
  readonly sourceVersion: number
  readonly sourceWorkload: string
  readonly sourceIp: string
  readonly sourceKey: string
  readonly sourceNamespace: string
  readonly sourceName: string
  readonly sourceOwner: string
  readonly destinationVersion: number
  readonly destinationWorkload: string
  readonly destinationIp: string
  readonly destinationKey: string
  readonly destinationNamespace: string
  readonly destinationName: string
  readonly destinationOwner: string
}
export interface CountsRow {
  readonly connections: number
  readonly packets: number
  readonly bytesToDestination: number
  readonly bytesToSource: number
  readonly first: number
  readonly last: number
}

export const EDGE_COLUMNS = [
  'e.protocol',
  'e.port',
  'e.application',
  'e.outcome',
  'e.direction',
  'e.decided_by as by',
  'e.why',
  's.version as sourceVersion',
  's.workload as sourceWorkload',
  's.ip as sourceIp',
  's.key as sourceKey',
  's.namespace as sourceNamespace',
  's.name as sourceName',
  's.owner_kind as sourceOwner',
  'd.version as destinationVersion',
  'd.workload as destinationWorkload',
  'd.ip as destinationIp',
  'd.key as destinationKey',
  'd.namespace as destinationNamespace',
  'd.name as destinationName',
  'd.owner_kind as destinationOwner',
] as const

interface EndRow {
  readonly version: number
  readonly workload: string
  readonly ip: string
  readonly key: string
  readonly namespace: string
  readonly name: string
  readonly ownerKind: string
}

function end({ version, workload, ...rest }: EndRow): RecordedEnd {
  if (workload === '') return { kind: 'external', ...rest }
  return {
    kind: 'workload',
    ...rest,
    workload: workload as WorkloadId,
    ...(version !== 0 && { version }),
  }
}

/** The column types of SQLite end here: ingest wrote each from the type it is given back as. */
export const edge = (row: EdgeRow): RecordedEdge => ({
  source: end({
    version: row.sourceVersion,
    workload: row.sourceWorkload,
    ip: row.sourceIp,
    key: row.sourceKey,
    namespace: row.sourceNamespace,
    name: row.sourceName,
    ownerKind: row.sourceOwner,
  }),
  destination: end({
    version: row.destinationVersion,
    workload: row.destinationWorkload,
    ip: row.destinationIp,
    key: row.destinationKey,
    namespace: row.destinationNamespace,
    name: row.destinationName,
    ownerKind: row.destinationOwner,
  }),
  protocol: row.protocol as Protocol,
  port: row.port,
  outcome: row.outcome as Outcome,
  why: row.why as Reason,
  ...(row.application !== '' && { application: row.application }),
  ...(row.direction !== '' && { direction: row.direction as Direction }),
  ...(row.by !== '' && { by: row.by as RuleId }),
})

export const counts = (row: CountsRow): Counts => ({
  connections: row.connections,
  packets: row.packets,
  bytesToDestination: row.bytesToDestination,
  bytesToSource: row.bytesToSource,
  first: row.first as EpochMs,
  last: row.last as EpochMs,
})
