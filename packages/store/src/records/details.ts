import { type Flow, type FlowDetail, LIMITS } from '@sekisho/core'
import type { Database } from '../database.ts'

const MOST = LIMITS.detailsPerFlow.value

/** A record of a minute is of many windows; a client that varies what it says may not make it longer than that of one. */
const ADD = `INSERT INTO details SELECT ?1, ?2, ?3, ?4
  WHERE (SELECT count(*) FROM details WHERE minute = ?1 AND edge = ?2) < ${MOST}
  ON CONFLICT DO NOTHING`
const READ = 'SELECT detail, value FROM details WHERE minute = ? AND edge = ? ORDER BY detail, value'

/** Call inside the transaction that adds the record. */
export function addDetails(database: Database, minute: number, [edge, flow]: readonly [number, Flow]): void {
  if (!flow.details) return
  const insert = database.prepare(ADD)
  for (const { detail, value } of flow.details) insert.run(minute, edge, detail, value)
}

/** Of one record, to be spread into it. */
export function detailsOf(
  database: Database,
  minute: number,
  edge: number,
): { readonly details?: readonly FlowDetail[] } {
  const rows = database.prepare(READ).all(minute, edge)
  if (rows.length === 0) return {}
  // Only `addDetails` writes the table.
  return { details: rows.map(({ detail, value }) => ({ detail, value }) as unknown as FlowDetail) }
}
