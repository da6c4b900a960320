import {
  type EpochMs,
  type FilterTerm,
  OUTCOMES,
  type Outcome,
  type PolicyId,
  parseRuleId,
  type WorkloadId,
} from '@sekisho/core'
import { type Expression, type SqlBool, sql } from 'kysely'
import type { Database } from '../database.ts'
import { numericCursor, type Page, pageOf, type Window } from '../page.ts'
import type { EdgeTotals, FlowRecord, FlowsRequest, FruitlessAttempts } from './api.ts'
import { sumOf } from './counts.ts'
import { ceilTo, cover, floorTo, type Minutes, type Rolled, type Stretch } from './cover.ts'
import { detailsOf, hostsOf } from './details.ts'
import { counts, EDGE_COLUMNS, EdgeReader } from './edge-row.ts'
import { filterCondition } from './filter.ts'
import { requestsOf } from './requests.ts'

export const MINUTE = 60_000
/**
 * Up to so many (start, edge) are looked up one by one; beyond, the window is read in order. An index by edge would
 * serve the first case too, but every batch would then write a page for every edge instead of a page per minute.
 */
const LOOKUPS = 200_000
/** Minutes of the longest sum. */
const DAY = 1_440
/** How long a scan may take from its first to its last attempt to be told from slow ordinary traffic. */
const SCAN_MINUTES = 5
/** A refused connection brings back one RST (40 bytes, 60 for IPv6); one that was accepted brings more. */
const REFUSAL_BYTES = 60

export const flowId = (minute: number, edge: number): string => `${minute}.${edge}`

const minutes = ({ since, until }: Window): Minutes => ({
  from: Math.floor(since / MINUTE),
  to: Math.ceil(until / MINUTE),
})

/** What a policy stopped or would have stopped. */
const DECIDED: readonly FilterTerm[] = ['denied', 'audited'].map(value => ({
  key: 'verdict',
  value,
  not: false,
}))
const NOTHING: Stretch = { span: 1, from: 0, to: 0 }
/** A condition on a row's start and edge. */
type Chosen = (start: Expression<unknown>, edge: Expression<unknown>) => Expression<SqlBool>

/** Columns of a stretch that are summed, by the names they have in `Counts`. */
const SUMMED = [
  'edge',
  'connections',
  'packets',
  'bytes_to_destination as bytesToDestination',
  'bytes_to_source as bytesToSource',
  'first',
  'last',
] as const

/** Reads flow records; writing them is `ingest`. */
export class Flows {
  readonly #database: Database
  readonly #rolled: () => readonly Rolled[]

  /** @param rolled which sums are whole, longest span first. */
  constructor(database: Database, rolled: () => readonly Rolled[]) {
    this.#database = database
    this.#rolled = rolled
  }

  page({ cursor, limit, window, filter = [] }: FlowsRequest): Page<FlowRecord> {
    const { from, to } = minutes(window)
    let query = this.#records()
      .where('f.minute', '>=', from)
      .where('f.minute', '<', to)
      .orderBy('f.minute', 'desc')
      .orderBy('f.edge', 'desc')
      .limit(limit + 1)
    if (filter.length > 0) {
      const [chosen] = this.#chosen([{ span: 1, ...this.#recorded(window) }], filter)
      if (chosen) query = query.where(chosen(sql`f.minute`, sql`f.edge`))
    }
    if (cursor !== undefined) {
      const [minute = 0, edge = 0] = numericCursor(cursor, 2)
      query = query.where(sql<boolean>`(f.minute, f.edge) < (${minute}, ${edge})`)
    }
    const reader = new EdgeReader(this.#database)
    return pageOf(this.#database.all(query), limit, {
      item: row => ({
        id: flowId(row.minute, row.id),
        ...reader.edge(row),
        ...counts(row),
        ...this.#said(row.minute, row.id),
      }),
      key: row => flowId(row.minute, row.id),
    })
  }

  byId(ids: readonly string[]): readonly FlowRecord[] {
    const reader = new EdgeReader(this.#database)
    return ids.flatMap(id => {
      const [minute = 0, edge = 0] = numericCursor(id, 2)
      const query = this.#records().where('f.minute', '=', minute).where('f.edge', '=', edge)
      const said = this.#said(minute, edge)
      return this.#database.all(query).map(row => ({ id, ...reader.edge(row), ...counts(row), ...said }))
    })
  }

  #said(minute: number, edge: number): Pick<FlowRecord, 'requests' | 'details'> {
    return { ...requestsOf(this.#database, minute, edge), ...detailsOf(this.#database, minute, edge) }
  }

  *edges(window: Window, filter: readonly FilterTerm[] = []): IterableIterator<EdgeTotals> {
    const reader = new EdgeReader(this.#database)
    for (const row of this.#database.stream(this.#summed(window, filter)))
      yield { ...reader.edge(row), ...counts(row) }
  }

  *namedEdges(window: Window): IterableIterator<EdgeTotals> {
    const named = hostsOf(this.#database, minutes(window))
    const reader = new EdgeReader(this.#database)
    for (const row of this.#database.stream(this.#summed(window))) {
      const edge = reader.edge(row)
      const hosts = edge.destination.workload === undefined ? named.get(row.edge) : undefined
      yield { ...edge, ...counts(row), ...(hosts && { hosts }) }
    }
  }

  #summed(window: Window, filter: readonly FilterTerm[] = []) {
    return this.#totals(window, filter)
      .select(['f.connections', 'f.packets', 'f.bytesToDestination', 'f.bytesToSource', 'f.first', 'f.last'])
      .select('f.edge')
      .select(EDGE_COLUMNS)
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
    const query = this.#totals(window, DECIDED)
      .select(({ fn }) => [
        'e.decided_by as by',
        'e.outcome',
        fn.sum<number>('f.connections').as('connections'),
      ])
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
      .groupBy(['s.key', sql`f.first / ${sql.lit(SCAN_MINUTES * MINUTE)}`])
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
    const { from, to } = minutes(window)
    const query = this.#database.build
      .selectFrom('flows')
      .select('minute')
      .where('minute', '>=', from)
      .where('minute', '<', to)
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
    const stretches = cover(this.#recorded(window), this.#rolled())
    const chosen = this.#chosen(stretches, filter)
    const [first = this.#rows(NOTHING), ...more] = stretches.map((stretch, index) =>
      this.#rows(stretch, chosen[index]),
    )
    const rows = more.reduce((all, next) => all.unionAll(next), first)
    const sums = this.#database.build
      .selectFrom(rows.as('r'))
      .select(({ fn }) => [
        'edge',
        sumOf('connections').as('connections'),
        sumOf('packets').as('packets'),
        sumOf('bytesToDestination').as('bytesToDestination'),
        sumOf('bytesToSource').as('bytesToSource'),
        fn.min('first').as('first'),
        fn.max('last').as('last'),
      ])
      .groupBy('edge')
    return this.#database.build.selectFrom(sums.as('f')).innerJoin('edges as e', 'e.id', 'f.edge')
  }

  #rows({ span, from, to }: Stretch, chosen?: Chosen) {
    const { build } = this.#database
    if (span === 1) {
      const query = build.selectFrom('flows').select(SUMMED).where('minute', '>=', from)
      const within = query.where('minute', '<', to)
      return chosen ? within.where(chosen(sql`minute`, sql`edge`)) : within
    }
    const query = build.selectFrom('rollups').select(SUMMED).where('span', '=', span)
    const within = query.where('start', '>=', from).where('start', '<', to)
    return chosen ? within.where(chosen(sql`start`, sql`edge`)) : within
  }

  #matching(filter: readonly FilterTerm[]) {
    return this.#database.build
      .selectFrom('edges as e')
      .innerJoin('ends as s', 's.id', 'e.source')
      .innerJoin('ends as d', 'd.id', 'e.destination')
      .select('e.id')
      .where(eb => filterCondition(eb, filter))
  }

  /** That an edge matches, for each stretch, asked in the way that touches fewer rows. */
  #chosen(stretches: readonly Stretch[], filter: readonly FilterTerm[]): readonly Chosen[] {
    if (filter.length === 0) return []
    const matching = this.#matching(filter)
    const starts = stretches.reduce((sum, { span, from, to }) => sum + (to - from) / span, 0)
    const most = Math.floor(LOOKUPS / Math.max(1, starts))
    const areMany = this.#database.all(matching.limit(most + 1)).length > most
    if (areMany) return stretches.map(() => (_start, edge) => sql<boolean>`${edge} IN ${matching}`)
    return stretches.map(
      ({ span, from, to }) =>
        (start, edge) =>
          sql<boolean>`(${start}, ${edge}) IN (
      WITH RECURSIVE ticks (at) AS (SELECT ${from} UNION ALL SELECT at + ${span} FROM ticks WHERE at + ${span} < ${to})
      SELECT ticks.at, chosen.id FROM ticks, ${matching} AS chosen)`,
    )
  }

  /** The part of a window that has records, to the day, so that it still falls on the ends of sums. */
  #recorded(window: Window): Minutes {
    const { from, to } = minutes(window)
    const oldest = (this.oldest() ?? 0) / MINUTE
    const newest = (this.newest(window) ?? 0) / MINUTE
    return { from: Math.max(from, floorTo(DAY, oldest)), to: Math.min(to, ceilTo(DAY, newest + 1)) }
  }
}
