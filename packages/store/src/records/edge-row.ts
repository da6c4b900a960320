import type { Direction, EpochMs, Outcome, Protocol, Reason, RuleId, WorkloadId } from '@sekisho/core'
import type { Database } from '../database.ts'
import type { Tables } from '../tables.ts'
import type { Counts, RecordedEdge, RecordedEnd } from './api.ts'

export interface EdgeRow {
  readonly source: number
  readonly destination: number
  readonly protocol: string
  readonly port: number
  readonly application: string
  readonly outcome: string
  readonly direction: string
  readonly by: string
  readonly why: string
}
type EndRow = Omit<Tables['ends'], 'id'>
export interface CountsRow {
  readonly connections: number
  readonly packets: number
  readonly bytesToDestination: number
  readonly bytesToSource: number
  readonly first: number
  readonly last: number
}

export const EDGE_COLUMNS = [
  'e.source',
  'e.destination',
  'e.protocol',
  'e.port',
  'e.application',
  'e.outcome',
  'e.direction',
  'e.decided_by as by',
  'e.why',
] as const

/** Ends kept while one query is read; beyond it they are read again, so a stream's memory stays bounded. */
const KEPT_ENDS = 100_000

/**
 * Turns the rows of one query into records. The column types of SQLite end here: ingest wrote each value from the
 * type it is given back as.
 */
export class EdgeReader {
  readonly #database: Database
  readonly #ends = new Map<number, RecordedEnd>()

  constructor(database: Database) {
    this.#database = database
  }

  edge(row: EdgeRow): RecordedEdge {
    return {
      source: this.#end(row.source),
      destination: this.#end(row.destination),
      protocol: row.protocol as Protocol,
      port: row.port,
      outcome: row.outcome as Outcome,
      why: row.why as Reason,
      ...(row.application !== '' && { application: row.application }),
      ...(row.direction !== '' && { direction: row.direction as Direction }),
      ...(row.by !== '' && { by: row.by as RuleId }),
    }
  }

  #end(id: number): RecordedEnd {
    const known = this.#ends.get(id)
    if (known) return known
    if (this.#ends.size >= KEPT_ENDS) this.#ends.clear()
    const end = this.#read(id)
    this.#ends.set(id, end)
    return end
  }

  #read(id: number): RecordedEnd {
    // The columns' types are those of the table; a statement prepared once, for it runs for every end of a map.
    const row = this.#database.prepare('SELECT * FROM ends WHERE id = ?').get(id) as EndRow | undefined
    if (!row) throw new Error(`edge end ${id} is missing: the database is damaged`)
    const { key, namespace, name, ip, version } = row
    const end = { key, namespace, name, ip, ownerKind: row.owner_kind }
    if (row.workload === '') return { kind: 'external', ...end }
    const workload = row.workload as WorkloadId
    return { kind: 'workload', ...end, workload, ...(version !== 0 && { version }) }
  }
}

export const counts = (row: CountsRow): Counts => ({
  connections: row.connections,
  packets: row.packets,
  bytesToDestination: row.bytesToDestination,
  bytesToSource: row.bytesToSource,
  first: row.first as EpochMs,
  last: row.last as EpochMs,
})
