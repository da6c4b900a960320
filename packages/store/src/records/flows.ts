import {
  type EpochMs,
  type FilterTerm,
  OUTCOMES,
  type Outcome,
  type PolicyId,
  parseRuleId,
  type WorkloadId,
} from '@sekisho/core'
import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../database.ts'
import { numericCursor, type Page, pageOf, type Window } from '../page.ts'
import type { EdgeTotals, FlowRecord, FlowsRequest, FruitlessAttempts } from './api.ts'
import { counts, EDGE_COLUMNS, EdgeReader } from './edge-row.ts'
import { filterCondition } from './filter.ts'

export const MINUTE = 60_000
/**
 * Up to so many (minute, edge) are looked up one by one; beyond, the window is read in order. An index by edge would
 * serve the first case too, but every batch would then write a page for every edge instead of a page per minute.
 */
const LOOKUPS = 200_000
/** How long a scan may take from its first to its last attempt to be told from slow ordinary traffic. */
const SCAN_MINUTES = 5
/** A refused connection brings back one RST (40 bytes, 60 for IPv6); one that was accepted brings more. */
const REFUSAL_BYTES = 60

export const flowId = (minute: number, edge: number): string => `${minute}.${edge}`

const minutes = ({ since, until }: Window) => ({
  first: Math.floor(since / MINUTE),
  last: Math.ceil(until / MINUTE) - 1,
})

/** Reads flow records; writing them is `ingest`. */
export class Flows {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  page({ cursor, limit, window, filter = [] }: FlowsRequest): Page<FlowRecord> {
    const { first, last } = minutes(window)
    let query = this.#records()
      .where('f.minute', '>=', first)
      .where('f.minute', '<=', last)
      .orderBy('f.minute', 'desc')
      .orderBy('f.edge', 'desc')
      .limit(limit + 1)
    if (filter.length > 0) query = query.where(this.#chosen(sql`f.minute`, sql`f.edge`, { window, filter }))
    if (cursor !== undefined) {
      const [minute = 0, edge = 0] = numericCursor(cursor, 2)
      query = query.where(sql<boolean>`(f.minute, f.edge) < (${minute}, ${edge})`)
    }
    const reader = new EdgeReader(this.#database)
    return pageOf(this.#database.all(query), limit, {
      item: row => ({ id: flowId(row.minute, row.id), ...reader.edge(row), ...counts(row) }),
      key: row => flowId(row.minute, row.id),
    })
  }

  byId(ids: readonly string[]): readonly FlowRecord[] {
    const reader = new EdgeReader(this.#database)
    return ids.flatMap(id => {
      const [minute = 0, edge = 0] = numericCursor(id, 2)
      const query = this.#records().where('f.minute', '=', minute).where('f.edge', '=', edge)
      return this.#database.all(query).map(row => ({ id, ...reader.edge(row), ...counts(row) }))
    })
  }

  *edges(window: Window, filter: readonly FilterTerm[] = []): IterableIterator<EdgeTotals> {
    const query = this.#totals(window, filter)
      .select(['f.connections', 'f.packets', 'f.bytesToDestination', 'f.bytesToSource', 'f.first', 'f.last'])
      .select(EDGE_COLUMNS)
    const reader = new EdgeReader(this.#database)
    for (const row of this.#database.stream(query)) yield { ...reader.edge(row), ...counts(row) }
  }

  totals(window: Window, filter: readonly FilterTerm[] = []): Readonly<Record<Outcome, number>> {
    const query = this.#totals(window, filter)
      .select(({ fn }) => ['e.outcome', fn.sum<number>('f.connections').as('connections')])
      .groupBy('e.outcome')
    const found = new Map(this.#database.all(query).map(row => [row.outcome, row.connections]))
    const of = (outcome: Outcome) => [outcome, found.get(outcome) ?? 0] as const
    // fromEntries loses the keys' type; they are exactly OUTCOMES.
    return Object.fromEntries(OUTCOMES.map(of)) as Record<Outcome, number>
  }

  byPolicy(window: Window): ReadonlyMap<PolicyId, { denied: number; audited: number }> {
    const query = this.#totals(window)
      .select(({ fn }) => [
        'e.decided_by as by',
        'e.outcome',
        fn.sum<number>('f.connections').as('connections'),
      ])
      .where('e.outcome', '<>', 'allowed')
      .where('e.decided_by', '<>', '')
      .groupBy(['e.decided_by', 'e.outcome'])
    const policies = new Map<PolicyId, { denied: number; audited: number }>()
    for (const { by, outcome, connections } of this.#database.all(query)) {
      const policy = parseRuleId(by)?.policy
      if (policy === undefined) continue
      const sum = policies.get(policy) ?? { denied: 0, audited: 0 }
      sum[outcome === 'denied' ? 'denied' : 'audited'] += connections
      policies.set(policy, sum)
    }
    return policies
  }

  /** @param least a source is reported when it tried at least so many ports, or so many addresses. */
  fruitless(window: Window, least: { ports: number; addresses: number }): readonly FruitlessAttempts[] {
    const ports = sql<number>`count(DISTINCT e.port)`
    const addresses = sql<number>`count(DISTINCT d.ip)`
    const query = this.#totals(window)
      .innerJoin('ends as s', 's.id', 'e.source')
      .innerJoin('ends as d', 'd.id', 'e.destination')
      .select(({ fn }) => [
        's.key as source',
        fn.max('s.workload').as('workload'),
        ports.as('ports'),
        addresses.as('addresses'),
        fn.sum<number>('f.connections').as('connections'),
        fn.min('f.first').as('first'),
        fn.max('f.last').as('last'),
      ])
      .where('f.connections', '>', 0)
      .where(eb =>
        eb.or([
          eb('e.outcome', '=', 'denied'),
          eb('f.bytesToSource', '<=', sql<number>`${REFUSAL_BYTES} * f.connections`),
        ]),
      )
      .groupBy(['s.key', sql`f.firstMinute / ${sql.lit(SCAN_MINUTES)}`])
      .having(eb => eb.or([eb(ports, '>=', least.ports), eb(addresses, '>=', least.addresses)]))
    return this.#database.all(query).map(({ workload, first, last, ...row }) => ({
      ...row,
      ...(workload !== '' && { workload: workload as WorkloadId }),
      first: first as EpochMs,
      last: last as EpochMs,
    }))
  }

  oldest(): EpochMs | undefined {
    const query = this.#database.build.selectFrom('flows').select('minute').orderBy('minute').limit(1)
    const row = this.#database.first(query)
    return row && ((row.minute * MINUTE) as EpochMs)
  }

  newest(window: Window): EpochMs | undefined {
    const { first, last } = minutes(window)
    const query = this.#database.build
      .selectFrom('flows')
      .select('minute')
      .where('minute', '>=', first)
      .where('minute', '<=', last)
      .orderBy('minute', 'desc')
      .limit(1)
    const row = this.#database.first(query)
    return row && ((row.minute * MINUTE) as EpochMs)
  }

  #records() {
    return this.#database.build
      .selectFrom('flows as f')
      .innerJoin('edges as e', 'e.id', 'f.edge')
      .select(['f.minute', 'e.id', 'f.connections', 'f.packets', 'f.first', 'f.last'])
      .select(['f.bytes_to_destination as bytesToDestination', 'f.bytes_to_source as bytesToSource'])
      .select(EDGE_COLUMNS)
  }

  /** One row per edge of the window: its sums as `f`, what it is as `e`. */
  #totals(window: Window, filter: readonly FilterTerm[] = []) {
    const { first, last } = minutes(window)
    let sums = this.#database.build
      .selectFrom('flows')
      .select(({ fn }) => [
        'edge',
        fn.sum<number>('connections').as('connections'),
        fn.sum<number>('packets').as('packets'),
        fn.sum<number>('bytes_to_destination').as('bytesToDestination'),
        fn.sum<number>('bytes_to_source').as('bytesToSource'),
        fn.min('first').as('first'),
        fn.max('last').as('last'),
        fn.min('minute').as('firstMinute'),
      ])
      .where('minute', '>=', first)
      .where('minute', '<=', last)
      .groupBy('edge')
    if (filter.length > 0) sums = sums.where(this.#chosen(sql`minute`, sql`edge`, { window, filter }))
    return this.#database.build.selectFrom(sums.as('f')).innerJoin('edges as e', 'e.id', 'f.edge')
  }

  #matching(filter: readonly FilterTerm[]) {
    return this.#database.build
      .selectFrom('edges as e')
      .innerJoin('ends as s', 's.id', 'e.source')
      .innerJoin('ends as d', 'd.id', 'e.destination')
      .select('e.id')
      .where(eb => filterCondition(eb, filter))
  }

  /** That a flow's edge matches, asked in the way that touches fewer rows. */
  #chosen(
    minute: RawBuilder<unknown>,
    edge: RawBuilder<unknown>,
    { window, filter }: { readonly window: Window; readonly filter: readonly FilterTerm[] },
  ) {
    const matching = this.#matching(filter)
    const { first, last } = this.#recorded(window)
    const most = Math.floor(LOOKUPS / Math.max(1, last - first + 1))
    if (this.#database.all(matching.limit(most + 1)).length > most)
      return sql<boolean>`${edge} IN ${matching}`
    return sql<boolean>`(${minute}, ${edge}) IN (
      WITH RECURSIVE span (minute) AS (SELECT ${first} UNION ALL SELECT minute + 1 FROM span WHERE minute < ${last})
      SELECT span.minute, chosen.id FROM span, ${matching} AS chosen)`
  }

  /** The part of a window that has records. */
  #recorded(window: Window): { readonly first: number; readonly last: number } {
    const { first, last } = minutes(window)
    const oldest = (this.oldest() ?? 0) / MINUTE
    return { first: Math.max(first, oldest), last: Math.min(last, (this.newest(window) ?? 0) / MINUTE) }
  }
}
