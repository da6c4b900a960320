import type { Database } from './database.ts'

export const counter = (database: Database, name: 'revision' | 'revisionFloor'): number =>
  database.first(database.build.selectFrom('counters').select('value').where('name', '=', name))?.value ?? 0

/** @returns the next revision of everything agents are told; call it inside the transaction that changes it. */
export function nextRevision(database: Database): number {
  database.prepare(`UPDATE counters SET value = value + 1 WHERE name = 'revision'`).run()
  return counter(database, 'revision')
}
