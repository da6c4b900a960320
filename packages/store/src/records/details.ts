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

/** Names of all edges that are held while a window is read; more belong to one whose records nobody could read. */
const HOSTS_MAX = 1_000_000
const HOSTS = `SELECT DISTINCT edge, value FROM details WHERE detail = 'host' AND minute >= ? AND minute < ?
  ORDER BY edge, value LIMIT ${HOSTS_MAX}`

/** Names that clients asked for, by edge; of each at most `LIMITS.detailsPerFlow`, the first by their letters. */
export function hostsOf(
  database: Database,
  { from, to }: { readonly from: number; readonly to: number },
): ReadonlyMap<number, readonly string[]> {
  const hosts = new Map<number, string[]>()
  for (const { edge, value } of database.prepare(HOSTS).iterate(from, to)) {
    const known = hosts.get(Number(edge))
    if (!known) hosts.set(Number(edge), [String(value)])
    else if (known.length < MOST) known.push(String(value))
  }
  return hosts
}
