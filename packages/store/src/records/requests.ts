import { type CountedRequest, type Flow, LIMITS } from '@sekisho/core'
import type { Database } from '../database.ts'

const MOST = Number.MAX_SAFE_INTEGER
/** A record of a minute is of many windows; a client that varies its names may not make it longer than this. */
const KINDS = 4 * LIMITS.requestsPerFlow.value
const OTHERS = ''

const ADD = `INSERT INTO requests SELECT ?1, ?2,
    iif((SELECT count(*) FROM requests WHERE minute = ?1 AND edge = ?2) < ${KINDS}
      OR EXISTS (SELECT 1 FROM requests WHERE minute = ?1 AND edge = ?2 AND name = ?3), ?3, '${OTHERS}'), ?4
  WHERE true
  ON CONFLICT DO UPDATE SET count = min(count + excluded.count, ${MOST})`
const READ =
  'SELECT name, count FROM requests WHERE minute = ? AND edge = ? ORDER BY count DESC, name LIMIT ?'

/** Call inside the transaction that adds the record. */
export function addRequests(database: Database, minute: number, [edge, flow]: readonly [number, Flow]): void {
  if (!flow.requests) return
  const insert = database.prepare(ADD)
  for (const { name, count } of flow.requests) insert.run(minute, edge, name, count)
}

const sum = (requests: readonly CountedRequest[]): number =>
  requests.reduce((total, { count }) => Math.min(total + count, MOST), 0)

/** Of one record, to be spread into it: those asked most often, and the others as one without a name. */
export function requestsOf(
  database: Database,
  minute: number,
  edge: number,
): { readonly requests?: readonly CountedRequest[] } {
  const rows = database.prepare(READ).all(minute, edge, KINDS + 1)
  if (rows.length === 0) return {}
  const all = rows.map(({ name, count }) => ({ name: String(name), count: Number(count) }))
  const named = all.filter(({ name }) => name !== OTHERS).slice(0, LIMITS.requestsPerFlow.value - 1)
  const others = all.filter(each => !named.includes(each))
  return { requests: [...named, ...(others.length > 0 ? [{ name: OTHERS, count: sum(others) }] : [])] }
}
