import type { Clock, Flow } from '@sekisho/core'
import type { RollupStep } from '../api.ts'
import type { Database } from '../database.ts'
import { ADD_COUNTS, SUM_COUNTS } from './counts.ts'
import { ceilTo, floorTo, type Rolled } from './cover.ts'
import { MINUTE } from './flows.ts'

/** A bucket is summed when it is over and agents have had this long to send what they saw in it. */
const GRACE_MINUTES = 1
const ROLL_MINUTES = `INSERT INTO rollups SELECT ?, ?, edge, ${SUM_COUNTS} FROM flows
  WHERE minute >= ? AND minute < ? GROUP BY edge`
const ROLL_BUCKETS = `INSERT INTO rollups SELECT ?, ?, edge, ${SUM_COUNTS} FROM rollups
  WHERE start >= ? AND start < ? AND span = ? GROUP BY edge`
const FIRST_MINUTE = 'SELECT min(minute) AS start FROM flows WHERE minute >= ? AND minute < ?'
const FIRST_BUCKET = 'SELECT min(start) AS start FROM rollups WHERE start >= ? AND start < ? AND span = ?'
const ADD = `INSERT INTO rollups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET ${ADD_COUNTS}`

/**
 * Keeps the sums of whole buckets. A bucket is summed once, in SQL, when it is over; what comes later for it (a
 * spool of a node that was away) is added by `ingest`. So a batch costs no more than its minutes, and a bucket
 * that `rolled` calls whole equals its minutes after every transaction.
 */
export class Rollups {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Longest span first, as `cover` takes it. */
  rolled(): readonly Rolled[] {
    const rows = this.#database.prepare('SELECT span, since, until FROM rolled ORDER BY span DESC').all()
    return rows.map(({ span, since, until }) => ({
      span: Number(span),
      since: Number(since),
      until: Number(until),
    }))
  }

  /** See `Store.rollups`. */
  step(clock: Clock): RollupStep {
    const started = clock.monotonic()
    const summed = this.#database.transaction(() => {
      let shorter = { span: 1, until: Math.floor(clock.now() / MINUTE) - GRACE_MINUTES }
      for (const rolled of this.rolled().toReversed()) {
        const sums = this.#next(rolled, shorter)
        if (sums !== undefined) return sums
        shorter = { span: rolled.span, until: Math.max(rolled.until, floorTo(rolled.span, shorter.until)) }
      }
      return undefined
    })
    return { rows: summed ?? 0, ms: clock.monotonic() - started, done: summed === undefined }
  }

  /** Sums the next bucket whose parts are whole. @returns rows made; undefined when there is none to sum. */
  #next({ span, until }: Rolled, shorter: { span: number; until: number }): number | undefined {
    const ready = floorTo(span, shorter.until)
    if (until >= ready) return undefined
    const [find, roll] = shorter.span === 1 ? [FIRST_MINUTE, ROLL_MINUTES] : [FIRST_BUCKET, ROLL_BUCKETS]
    const of = shorter.span === 1 ? [] : [shorter.span]
    const first = this.#database.prepare(find).get(until, ready, ...of)?.start
    if (typeof first !== 'number') {
      this.#advance(span, ready)
      return undefined
    }
    const start = floorTo(span, first)
    this.#advance(span, start + span)
    return Number(this.#database.prepare(roll).run(span, start, start, start + span, ...of).changes)
  }

  #advance(span: number, until: number): void {
    this.#database.prepare('UPDATE rolled SET until = ? WHERE span = ?').run(until, span)
  }

  /** Call for each flow record inside the transaction that adds it. @param rolled as it is in this transaction. */
  add(rolled: readonly Rolled[], minute: number, [edge, flow]: readonly [number, Flow]): void {
    for (const { span, since, until } of rolled) {
      // Both are multiples of the span, so a minute is inside when its bucket is.
      if (minute >= until || minute < since) continue
      const { connections, packets, bytesToDestination, bytesToSource, first, last } = flow
      this.#database
        .prepare(ADD)
        .run(
          span,
          floorTo(span, minute),
          edge,
          connections,
          packets,
          bytesToDestination,
          bytesToSource,
          first,
          last,
        )
    }
  }

  /**
   * Minutes before `minute` are deleted: buckets that began before are not whole any more.
   * @returns rows deleted, at most `most` of each span.
   */
  retire(minute: number, most: number): number {
    const raise = this.#database.prepare(
      'UPDATE rolled SET since = max(since, ?1), until = max(until, ?1) WHERE span = ?2',
    )
    const remove = this.#database.prepare(
      `DELETE FROM rollups WHERE (span, start, edge) IN
        (SELECT span, start, edge FROM rollups WHERE span = ? AND start < ? ORDER BY start, edge LIMIT ?)`,
    )
    let deleted = 0
    for (const { span } of this.rolled()) {
      const since = ceilTo(span, minute)
      raise.run(since, span)
      deleted += Number(remove.run(span, since, most).changes)
    }
    return deleted
  }
}
