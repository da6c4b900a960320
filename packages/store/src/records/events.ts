import type { AgentEvent, EpochMs, EventSeverity, NodeName, WorkloadId } from '@sekisho/core'
import type { Database } from '../database.ts'
import { numericCursor, type Page, type PageRequest, pageOf, type Window } from '../page.ts'
import type { EventRecord } from './api.ts'

/** @param node empty for an event of the server itself. @returns its id. */
export const addEvent = (database: Database, event: AgentEvent, node: string): number =>
  Number(
    database
      .prepare('INSERT INTO events (at, code, severity, node, workload, details) VALUES (?, ?, ?, ?, ?, ?)')
      .run(event.at, event.code, event.severity, node, event.workload ?? '', JSON.stringify(event.details))
      .lastInsertRowid,
  )

interface Row {
  readonly id: number
  readonly at: number
  readonly code: string
  readonly severity: string
  readonly node: string
  readonly workload: string
  readonly details: string
}

/** The column types of SQLite end here: `addEvent` wrote each from the type it is given back as. */
const record = (row: Row): EventRecord => ({
  id: row.id,
  at: row.at as EpochMs,
  code: row.code,
  severity: row.severity as EventSeverity,
  details: JSON.parse(row.details) as AgentEvent['details'],
  ...(row.node !== '' && { node: row.node as NodeName }),
  ...(row.workload !== '' && { workload: row.workload as WorkloadId }),
})

const COLUMNS = ['id', 'at', 'code', 'severity', 'node', 'workload', 'details'] as const

export function eventPage(
  database: Database,
  { cursor, limit, window, code }: PageRequest & { readonly window: Window; readonly code?: string },
): Page<EventRecord> {
  let query = database.build
    .selectFrom('events')
    .select(COLUMNS)
    .where('at', '>=', window.since)
    .where('at', '<', window.until)
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
  if (code !== undefined) query = query.where('code', '=', code)
  if (cursor !== undefined) {
    const [at = 0, id = 0] = numericCursor(cursor, 2)
    query = query.where(eb => eb.or([eb('at', '<', at), eb.and([eb('at', '=', at), eb('id', '<', id)])]))
  }
  return pageOf(database.all(query), limit, { item: record, key: row => `${row.at}.${row.id}` })
}

export function eventsById(database: Database, ids: readonly number[]): readonly EventRecord[] {
  if (ids.length === 0) return []
  const query = database.build
    .selectFrom('events')
    .select(COLUMNS)
    .where('id', 'in', [...ids])
    .orderBy('id')
  return database.all(query).map(record)
}
