import type { DatabaseSync } from 'node:sqlite'
import { SekishoError } from '@sekisho/core'
import { RECORDS } from './migrations/0001-records.ts'
import { POLICIES } from './migrations/0002-policies.ts'
import { ACCOUNTS } from './migrations/0003-accounts.ts'
import { AUDIT } from './migrations/0004-audit.ts'
import { ROLLUPS } from './migrations/0005-rollups.ts'
import { REQUESTS } from './migrations/0006-requests.ts'
import { DETAILS } from './migrations/0007-details.ts'

/** Forward only. The position is the version; an entry is never changed once it was released, only followed. */
export const MIGRATIONS: readonly string[] = [RECORDS, POLICIES, ACCOUNTS, AUDIT, ROLLUPS, REQUESTS, DETAILS]

/** "SKSH": a database of another program is refused instead of being filled with our tables. */
const APPLICATION_ID = 0x534b_5348

const pragma = (sqlite: DatabaseSync, name: string): number =>
  Number(sqlite.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0)

function refuseForeign(sqlite: DatabaseSync, newest: number): void {
  const version = pragma(sqlite, 'user_version')
  if (version > newest) {
    const detail = `the database has version ${version}, this program knows ${newest}: it was written by a newer Sekisho`
    throw new SekishoError('unavailable', detail)
  }
  const id = pragma(sqlite, 'application_id')
  const empty = sqlite.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined
  if (id !== APPLICATION_ID && !empty) {
    throw new SekishoError('unavailable', 'the database file belongs to another program')
  }
}

/** The version is part of the transaction: killed at any moment, the file has a whole number of steps behind it. */
function step(sqlite: DatabaseSync, migrations: readonly string[]): boolean {
  sqlite.exec('BEGIN IMMEDIATE')
  try {
    refuseForeign(sqlite, migrations.length)
    const version = pragma(sqlite, 'user_version')
    const next = migrations[version]
    if (next !== undefined) {
      sqlite.exec(next)
      sqlite.exec(`PRAGMA user_version = ${version + 1}; PRAGMA application_id = ${APPLICATION_ID}`)
    }
    sqlite.exec('COMMIT')
    return next !== undefined
  } catch (error) {
    if (sqlite.isTransaction) sqlite.exec('ROLLBACK')
    throw error
  }
}

/**
 * Brings the file to the newest version. Safe against another process that does the same at the same time.
 * @throws SekishoError `unavailable` when the file is from a newer Sekisho or not one of ours.
 */
export function migrate(sqlite: DatabaseSync, migrations: readonly string[] = MIGRATIONS): void {
  while (step(sqlite, migrations));
}
