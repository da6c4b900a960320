import { createHash } from 'node:crypto'
import type { Clock, EpochMs } from '@sekisho/core'
import type { AuditEntry, AuditLog, AuditNote, AuditVerification } from './api.ts'
import { canonicalJson } from './canonical.ts'
import type { Database } from './database.ts'
import { numericCursor, pageOf } from './page.ts'
import type { Tables } from './tables.ts'

/** What the first entry follows. */
const GENESIS = '0'.repeat(64)

const chained = (previous: string, entry: Omit<AuditEntry, 'hash'>): string =>
  createHash('sha256').update(previous).update(canonicalJson(entry)).digest('hex')

const content = (row: Tables['audit']): Omit<AuditEntry, 'hash'> => ({
  id: row.id,
  at: row.at as EpochMs,
  actor: row.actor,
  action: row.action,
  target: row.target,
  result: row.result,
  from: row.origin,
  details: row.details,
})
const entryOf = (row: Tables['audit']): AuditEntry => ({ ...content(row), hash: row.hash })

/** Who did what. Every entry's hash covers all before it, so an edit anywhere shows from there on. */
class AuditTable implements AuditLog {
  readonly #database: Database
  readonly #clock: Clock

  constructor(database: Database, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  append({ actor, action, target, result, from, details }: AuditNote): AuditEntry {
    return this.#database.transaction(() => {
      const last = this.#database.first(this.#entries().orderBy('id', 'desc').limit(1))
      const note = { actor, action, target, result, from, details }
      const entry = { id: (last?.id ?? 0) + 1, at: this.#clock.now(), ...note }
      const hash = chained(last?.hash ?? GENESIS, entry)
      const { from: origin, ...row } = entry
      this.#database.run(this.#database.build.insertInto('audit').values({ ...row, origin, hash }))
      return { ...entry, hash }
    })
  }

  page({ cursor, limit }: Parameters<AuditLog['page']>[0]) {
    let query = this.#entries()
      .orderBy('id', 'desc')
      .limit(limit + 1)
    if (cursor !== undefined) query = query.where('id', '<', numericCursor(cursor, 1)[0] ?? 0)
    return pageOf(this.#database.all(query), limit, { item: entryOf, key: row => String(row.id) })
  }

  verify(): AuditVerification {
    let head = GENESIS
    let entries = 0
    for (const row of this.#database.stream(this.#entries().orderBy('id'))) {
      if (row.id !== entries + 1) return { intact: false, entry: entries + 1, reason: 'missing' }
      if (row.hash !== chained(head, content(row))) return { intact: false, entry: row.id, reason: 'changed' }
      head = row.hash
      entries = row.id
    }
    return { intact: true, entries, head }
  }

  #entries() {
    return this.#database.build.selectFrom('audit').selectAll()
  }
}

export const openAudit = (database: Database, clock: Clock): AuditLog => new AuditTable(database, clock)
