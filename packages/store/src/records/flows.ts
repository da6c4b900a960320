import {
  type EpochMs,
  type FilterTerm,
  OUTCOMES,
  type Outcome,
  type PolicyId,
  parseRuleId,
  type WorkloadId,
} from '@sekisho/core'
import { sql } from 'kysely'
import type { Database } from '../database.ts'
import { numericCursor, type Page, pageOf, type Window } from '../page.ts'
import type { EdgeTotals, FlowRecord, FlowsRequest, FruitlessAttempts } from './api.ts'
import { counts, EDGE_COLUMNS, edge } from './edge-row.ts'
import { filterCondition } from './filter.ts'

export const MINUTE = 60_000
/** Up to so many edges are looked up one by one through their index; beyond, the window is read in order. */
const FEW_EDGES = 500
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
    let query = this.#records(window).limit(limit + 1)
    if (cursor !== undefined) {
      const [minute = 0, id = 0] = numericCursor(cursor, 2)
      query = query.where(sql<boolean>`(f.minute, f.edge) < (${minute}, ${id})`)
    }
    if (filter.length > 0) {
      const few = this.#isFew(filter)
      // Unary plus keeps SQLite from the edge index where walking the window in order is shorter.
      const column = few ? sql<number>`f.edge` : sql<number>`+f.edge`
      query = query.where(column, 'in', this.#matching(filter))
    }
    return pageOf(this.#database.all(query), limit, {
      item: row => ({ id: flowId(row.minute, row.edge), ...edge(row), ...counts(row) }),
      key: row => flowId(row.minute, row.edge),
    })
  }

  byId(ids: readonly string[]): readonly FlowRecord[] {
    return ids.flatMap(id => {
      const [minute = 0, number = 0] = numericCursor(id, 2)
      const row = this.#database.first(
        this.#join().where('f.minute', '=', minute).where('f.edge', '=', number),
      )
      return row ? [{ id, ...edge(row), ...counts(row) }] : []
    })
  }

  /** Flows of the window joined with their edges, newest first. */
  #records(window: Window) {
    const { first, last } = minutes(window)
    return this.#join()
      .where('f.minute', '>=', first)
      .where('f.minute', '<=', last)
      .orderBy('f.minute', 'desc')
      .orderBy('f.edge', 'desc')
  }

  #join() {
    return this.#database.build
      .selectFrom('flows as f')
      .innerJoin('edges as e', 'e.id', 'f.edge')
      .innerJoin('ends as s', 's.id', 'e.source')
      .innerJoin('ends as d', 'd.id', 'e.destination')
      .select(['f.minute', 'f.edge', 'f.connections', 'f.packets', 'f.first', 'f.last'])
      .select(['f.bytes_to_destination as bytesToDestination', 'f.bytes_to_source as bytesToSource'])
      .select(EDGE_COLUMNS)
  }

  #matching(filter: readonly FilterTerm[]) {
    return this.#database.build
      .selectFrom('edges as e')
      .innerJoin('ends as s', 's.id', 'e.source')
      .innerJoin('ends as d', 'd.id', 'e.destination')
      .select('e.id')
      .where(eb => filterCondition(eb, filter))
  }

  #isFew(filter: readonly FilterTerm[]): boolean {
    return this.#database.all(this.#matching(filter).limit(FEW_EDGES + 1)).length <= FEW_EDGES
  }

  *edges(window: Window, filter: readonly FilterTerm[] = []): IterableIterator<EdgeTotals> {
    const query = this.#database.build
      .selectFrom(this.#totalsByEdge(window).as('f'))
      .innerJoin('edges as e', 'e.id', 'f.edge')
      .innerJoin('ends as s', 's.id', 'e.source')
      .innerJoin('ends as d', 'd.id', 'e.destination')
      .select(['f.connections', 'f.packets', 'f.bytesToDestination', 'f.bytesToSource', 'f.first', 'f.last'])
      .select(EDGE_COLUMNS)
      .where(eb => filterCondition(eb, filter))
    for (const row of this.#database.stream(query)) yield { ...edge(row), ...counts(row) }
  }

  #totalsByEdge(window: Window) {
    const { first, last } = minutes(window)
    return this.#database.build
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
      .groupBy(sql`+edge`)
  }

  totals(window: Window, filter: readonly FilterTerm[] = []): Readonly<Record<Outcome, number>> {
    const query = this.#database.build
      .selectFrom(this.#totalsByEdge(window).as('f'))
      .innerJoin('edges as e', 'e.id', 'f.edge')
      .innerJoin('ends as s', 's.id', 'e.source')
      .innerJoin('ends as d', 'd.id', 'e.destination')
      .select(({ fn }) => ['e.outcome', fn.sum<number>('f.connections').as('connections')])
      .where(eb => filterCondition(eb, filter))
      .groupBy('e.outcome')
    const found = new Map(this.#database.all(query).map(row => [row.outcome, row.connections]))
    const of = (outcome: Outcome) => [outcome, found.get(outcome) ?? 0] as const
    // fromEntries loses the keys' type; they are exactly OUTCOMES.
    return Object.fromEntries(OUTCOMES.map(of)) as Record<Outcome, number>
  }

  byPolicy(window: Window): ReadonlyMap<PolicyId, { denied: number; audited: number }> {
    const query = this.#database.build
      .selectFrom(this.#totalsByEdge(window).as('f'))
      .innerJoin('edges as e', 'e.id', 'f.edge')
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
    const query = this.#database.build
      .selectFrom(this.#totalsByEdge(window).as('f'))
      .innerJoin('edges as e', 'e.id', 'f.edge')
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
    return this.#database.all(query).map(row => ({
      source: row.source,
      ...(row.workload !== '' && { workload: row.workload as WorkloadId }),
      ports: row.ports,
      addresses: row.addresses,
      connections: row.connections,
      first: row.first as EpochMs,
      last: row.last as EpochMs,
    }))
  }

  oldest(): EpochMs | undefined {
    const row = this.#database.first(
      this.#database.build.selectFrom('flows').select('minute').orderBy('minute').limit(1),
    )
    return row && ((row.minute * MINUTE) as EpochMs)
  }
}
