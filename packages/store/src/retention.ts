import type { Clock, EpochMs } from '@sekisho/core'
import type { Retention, RetentionLimits, RetentionStep, StoreSize } from './api.ts'
import type { Database } from './database.ts'
import { MINUTE } from './records/flows.ts'
import type { Rollups } from './records/rollups.ts'

/** Rows of one step. Nothing else of this process runs meanwhile, so it bounds how long a batch or a person waits. */
const ROWS = 10_000
/** Pages given back in one step. */
const PAGES = 2_000
const HOUR = 3_600_000

const KEYS = {
  flows: 'minute, edge',
  requests: 'minute, edge, name',
  details: 'minute, edge, detail, value',
} as const

type Counted = Pick<RetentionStep, 'flows' | 'requests' | 'details' | 'rollups' | 'events' | 'inventory'>

/** Old records go first, oldest minute first; then the edges, ends and workloads that only they spoke of. */
class OldestFirst implements Retention {
  readonly #database: Database
  readonly #clock: Clock
  readonly #rollups: Rollups

  constructor(database: Database, clock: Clock, rollups: Rollups) {
    this.#database = database
    this.#clock = clock
    this.#rollups = rollups
  }

  step({ maxAgeMs, maxBytes }: RetentionLimits): RetentionStep {
    const started = this.#clock.monotonic()
    const bySize = this.#bytes() > maxBytes ? this.#cutoffForSize() : 0
    const cutoff = Math.max(this.#clock.now() - maxAgeMs, bySize)
    const counted = this.#database.transaction(() => this.#delete(cutoff))
    const deleted = Object.values(counted).reduce((sum, rows) => sum + rows, 0)
    if (deleted > 0) this.#database.forget()
    const freedBytes = this.#giveBack()
    const done = deleted === 0 && freedBytes === 0
    return { ...counted, freedBytes, ms: this.#clock.monotonic() - started, done }
  }

  size(): StoreSize {
    const oldest = this.#oldestMinute()
    return {
      bytes: this.#bytes(),
      oldest: oldest === undefined ? undefined : ((oldest * MINUTE) as EpochMs),
    }
  }

  #bytes(): number {
    const used = this.#database.pragma('page_count') - this.#database.pragma('freelist_count')
    return used * this.#database.pragma('page_size')
  }

  #oldestMinute(): number | undefined {
    const row = this.#database.prepare('SELECT min(minute) AS minute FROM flows').get()
    return typeof row?.minute === 'number' ? row.minute : undefined
  }

  /** Everything up to the end of the oldest hour on record: size is brought down hour by hour. */
  #cutoffForSize(): number {
    const event = this.#database.prepare('SELECT min(at) AS at FROM events').get()?.at
    const flow = (this.#oldestMinute() ?? Number.POSITIVE_INFINITY) * MINUTE
    const oldest = Math.min(flow, typeof event === 'number' ? event : Number.POSITIVE_INFINITY)
    return Number.isFinite(oldest) ? (Math.floor(oldest / HOUR) + 1) * HOUR : 0
  }

  /** Sums first: from then on nobody reads one whose minutes go. */
  #delete(cutoff: number): Counted {
    const rollups = this.#rollups.retire(Math.floor(cutoff / MINUTE), ROWS)
    const minute = Math.floor(cutoff / MINUTE)
    // Parts go before their records: without one, nobody would find them to delete.
    const [requests, details] = [this.#before('requests', minute), this.#before('details', minute)]
    const isAlone = requests < ROWS && details < ROWS
    const flows = isAlone ? this.#before('flows', minute) : 0
    const events = this.#change(
      'DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? ORDER BY at LIMIT ?)',
      cutoff,
      ROWS,
    )
    const isRest = isAlone && flows < ROWS
    return { flows, requests, details, rollups, events, inventory: isRest ? this.#unreferenced(cutoff) : 0 }
  }

  #before(table: keyof typeof KEYS, minute: number): number {
    const key = KEYS[table]
    return this.#change(
      `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE minute < ? ORDER BY ${key} LIMIT ?)`,
      minute,
      ROWS,
    )
  }

  /** `seen` is never before the hour of a row's last flow, so nothing that a kept flow points to goes. */
  #unreferenced(cutoff: number): number {
    const oldest = (this.#oldestMinute() ?? Math.floor(cutoff / MINUTE)) * MINUTE
    const before = Math.min(Math.floor(oldest / HOUR), Math.floor(cutoff / HOUR))
    const by = (table: 'edges' | 'ends') =>
      this.#change(
        `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE seen < ? LIMIT ?)`,
        before,
        ROWS,
      )
    return by('edges') + by('ends') + this.#versionsBefore(before * HOUR)
  }

  /** Deltas across a deleted version would not tell that its workload went: the floor makes them snapshots. */
  #versionsBefore(time: number): number {
    const old = `SELECT id FROM workload_versions AS v WHERE until < ?
      AND NOT EXISTS (SELECT 1 FROM ends WHERE ends.version = v.id) LIMIT ?`
    this.#change(
      `UPDATE counters SET value = max(value, coalesce(
        (SELECT max(revision) FROM workload_versions WHERE id IN (${old})), 0)) WHERE name = 'revisionFloor'`,
      time,
      ROWS,
    )
    return this.#change(`DELETE FROM workload_versions WHERE id IN (${old})`, time, ROWS)
  }

  #giveBack(): number {
    const before = this.#database.pragma('page_count')
    if (this.#database.pragma('freelist_count') === 0) return 0
    this.#database.vacuum(PAGES)
    return (before - this.#database.pragma('page_count')) * this.#database.pragma('page_size')
  }

  #change(sql: string, bound: number, limit: number): number {
    return Number(this.#database.prepare(sql).run(bound, limit).changes)
  }
}

export const openRetention = (database: Database, clock: Clock, rollups: Rollups): Retention =>
  new OldestFirst(database, clock, rollups)
