import type { Batch, EpochMs, Labels, Namespace, NodeName, Workload, WorkloadId } from '@sekisho/core'
import { sql } from 'kysely'
import { canonicalJson } from '../canonical.ts'
import type { Database } from '../database.ts'
import { numericCursor, pageOf } from '../page.ts'
import { nextRevision } from '../revision.ts'
import type { InventoryChange, WorkloadRecord, WorkloadsRequest } from './api.ts'

interface VersionRow {
  readonly id: number
  readonly workload: string
  readonly node: string
  readonly document: string
  readonly since: number
  readonly until: number | null
}

/** Older versions of one workload are not told apart when flows come late: it would have to change that often. */
const REMEMBERED_VERSIONS = 100
const VERSIONS = `SELECT id AS version, since FROM workload_versions WHERE workload = ?
  ORDER BY id DESC LIMIT ${REMEMBERED_VERSIONS}`
/** One query for all: a cluster that is read for the first time changes a hundred thousand. */
const NEWEST_SINCE = `SELECT workload, until, document FROM workload_versions WHERE id IN (
  SELECT max(id) FROM workload_versions
  WHERE workload IN (SELECT workload FROM workload_versions WHERE revision > ?) GROUP BY workload
) ORDER BY workload`
const CURRENT = `SELECT id, workload, node, document, since, until FROM workload_versions
  WHERE workload = ? AND until IS NULL`
const OPEN = `INSERT INTO workload_versions (workload, node, namespace, owner, document, since, revision)
  VALUES (?, ?, ?, ?, ?, ?, ?)`

/** When something begins to hold, and the revision that says so, made when it is first asked for. */
interface Time {
  readonly at: EpochMs
  next(): number
}

/** In whose name what a cluster's API says is kept: no node is called that. */
const CLUSTER = ''

/** When a version of a workload began. */
export interface VersionSince {
  readonly version: number
  readonly since: number
}

const record = (row: VersionRow): WorkloadRecord => ({
  version: row.id,
  // Written below as the JSON of a Workload; nothing else writes this column.
  workload: JSON.parse(row.document) as Workload,
  since: row.since as EpochMs,
  until: row.until === null ? undefined : (row.until as EpochMs),
})

/** Who owned which address and labels, when: every report that differs closes a version and opens the next. */
export class Inventory {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /**
   * What the batch's node has now. @param at earliest time that the batch speaks of.
   * @returns whether anything changed.
   */
  report(batch: Batch, at: EpochMs): boolean {
    let revision: number | undefined
    const next = (): number => {
      revision ??= nextRevision(this.#database)
      return revision
    }
    if (batch.workloads) this.#workloads(batch.node, batch.workloads, { at, next })
    if (batch.namespaces) this.#namespaces(batch.node, batch.namespaces, { at, next })
    return revision !== undefined
  }

  /** What a cluster's API says, which knows the workloads of all nodes. @returns whether anything changed. */
  mirror({ set, removed, namespaces }: InventoryChange, at: EpochMs): boolean {
    let revision: number | undefined
    const next = (): number => {
      revision ??= nextRevision(this.#database)
      return revision
    }
    for (const workload of set) this.#put(workload, this.#current(workload.id), { at, next, node: CLUSTER })
    for (const id of removed) {
      const current = this.#current(id)
      if (current) this.#close(current.id, Math.max(at, current.since), next())
    }
    if (namespaces) this.#namespaces(CLUSTER, namespaces, { at, next })
    return revision !== undefined
  }

  #workloads(node: NodeName, workloads: readonly Workload[], time: Time): void {
    const reported = new Set<string>()
    for (const workload of workloads) {
      reported.add(workload.id)
      const current = this.#current(workload.id)
      if (!current || !isElsewhere(current, workload, node)) this.#put(workload, current, { ...time, node })
    }
    for (const row of this.#ofNode(node)) {
      if (!reported.has(row.workload)) this.#close(row.id, Math.max(time.at, row.since), time.next())
    }
  }

  #put(workload: Workload, current: VersionRow | undefined, time: Time & { readonly node: string }): void {
    const document = canonicalJson(workload)
    if (current?.document === document) return
    const since = Math.max(time.at, current?.since ?? 0)
    if (current) this.#close(current.id, since, time.next())
    this.#open(workload, document, { node: time.node, since, revision: time.next() })
  }

  #open(workload: Workload, document: string, at: { node: string; since: number; revision: number }): void {
    const { id, namespace, owner } = workload
    const { node, since, revision } = at
    const opened = this.#database
      .prepare(OPEN)
      .run(id, node, namespace, owner.name, document, since, revision)
    const version = Number(opened.lastInsertRowid)
    // Flows that came before their workload's first report are known by name only; now the rest is known too.
    this.#database
      .prepare(
        'UPDATE ends SET version = ?, key = ?, name = ?, owner_kind = ? WHERE workload = ? AND version = 0',
      )
      .run(version, endKey(workload), workload.owner.name, workload.owner.kind, workload.id)
  }

  #close(version: number, until: number, revision: number): void {
    this.#database
      .prepare('UPDATE workload_versions SET until = ?, revision = ? WHERE id = ?')
      .run(until, revision, version)
  }

  #namespaces(node: string, namespaces: readonly Namespace[], time: Time): void {
    const { build } = this.#database
    const old = this.#database.all(build.selectFrom('namespace_reports').selectAll().where('node', '=', node))
    const known = new Map(old.map(row => [row.name, row]))
    for (const { name, labels } of namespaces) {
      const text = canonicalJson(labels)
      const before = known.get(name)
      known.delete(name)
      const stays = before?.gone === 0
      if (stays && before.labels === text) continue
      const at = stays ? before.at : this.#afterOthers(name, time.at)
      const row = { labels: text, at, gone: 0 as const, revision: time.next() }
      this.#database.run(
        build
          .insertInto('namespace_reports')
          .values({ node, name, ...row })
          .onConflict(conflict => conflict.columns(['name', 'node']).doUpdateSet(row)),
      )
    }
    for (const row of known.values()) if (row.gone === 0) this.#forgetNamespace(row, time.next())
  }

  /** When a report of a namespace begins: never before those that others made of it, whatever its node's clock says. */
  #afterOthers(name: string, at: number): number {
    const newest = this.#database
      .prepare('SELECT max(at) AS at FROM namespace_reports WHERE name = ? AND gone = 0')
      .get(name)?.at
    return typeof newest === 'number' ? Math.max(at, newest + 1) : at
  }

  #forgetNamespace({ node, name }: { node: string; name: string }, revision: number): void {
    this.#database
      .prepare('UPDATE namespace_reports SET gone = 1, revision = ? WHERE node = ? AND name = ?')
      .run(revision, node, name)
  }

  /** The node is gone for good. */
  end(node: NodeName, at: EpochMs): void {
    this.report({ node, epoch: '', sequence: 0, flows: [], events: [], workloads: [], namespaces: [] }, at)
  }

  #versions() {
    return this.#database.build
      .selectFrom('workload_versions')
      .select(['id', 'workload', 'node', 'document', 'since', 'until'])
  }

  #current(id: WorkloadId): VersionRow | undefined {
    // The columns are those of the row; asked for every workload that is reported.
    return this.#database.prepare(CURRENT).get(id) as VersionRow | undefined
  }

  #ofNode(node: NodeName): VersionRow[] {
    return this.#database.all(this.#versions().where('node', '=', node).where('until', 'is', null))
  }

  /** What changed after a revision. */
  since(revision: number): { readonly set: Workload[]; readonly removed: WorkloadId[] } {
    const set: Workload[] = []
    const removed: WorkloadId[] = []
    for (const { workload, until, document } of this.#database.prepare(NEWEST_SINCE).iterate(revision)) {
      // Written above as the JSON of a Workload, under its id.
      if (until === null) set.push(JSON.parse(String(document)) as Workload)
      else removed.push(String(workload) as WorkloadId)
    }
    return { set, removed }
  }

  /** The newest version, current or not. */
  last(id: WorkloadId): WorkloadRecord | undefined {
    const row = this.#database.first(
      this.#versions().where('workload', '=', id).orderBy('id', 'desc').limit(1),
    )
    return row && record(row)
  }

  version(id: number): WorkloadRecord | undefined {
    const row = this.#database.first(this.#versions().where('id', '=', id))
    return row && record(row)
  }

  /** The version at that time; before the first report, the first one: what it was is not known better. */
  at(id: WorkloadId, at: EpochMs): WorkloadRecord | undefined {
    const of = this.#versions().where('workload', '=', id)
    const row =
      this.#database.first(of.where('since', '<=', at).orderBy('id', 'desc').limit(1)) ??
      this.#database.first(of.orderBy('id', 'asc').limit(1))
    return row && record(row)
  }

  /** Newest first, without reading what they say: asked for every workload that has flows. */
  versions(id: WorkloadId): readonly VersionSince[] {
    const rows = this.#database.prepare(VERSIONS).all(id)
    return rows.map(({ version, since }) => ({ version: Number(version), since: Number(since) }))
  }

  all(): readonly Workload[] {
    // Row by row: the texts of a hundred thousand are as large as what is read of them.
    const rows = this.#database.stream(this.#versions().where('until', 'is', null).orderBy('workload'))
    return Array.from(rows, row => record(row).workload)
  }

  page({ cursor, limit, namespace, text }: WorkloadsRequest) {
    let query = this.#versions()
      .where('until', 'is', null)
      .orderBy('workload')
      .limit(limit + 1)
    if (namespace !== undefined) query = query.where('namespace', '=', namespace)
    if (text !== undefined) query = query.where(matches(text))
    if (cursor !== undefined) query = query.where('workload', '>', this.#workloadOf(cursor))
    return pageOf(this.#database.all(query), limit, { item: record, key: row => String(row.id) })
  }

  /** A cursor names the last version shown, which stays readable when it is no longer the current one. */
  #workloadOf(cursor: string): string {
    const [version = 0] = numericCursor(cursor, 1)
    return this.version(version)?.workload.id ?? ''
  }

  namespaces(): readonly Namespace[] {
    return firstByName(this.#reports().filter(row => row.gone === 0))
  }

  lastNamespaces(): readonly Namespace[] {
    return firstByName(this.#reports())
  }

  #reports() {
    const { build } = this.#database
    const query = build.selectFrom('namespace_reports').selectAll()
    return this.#database.all(query.orderBy('name').orderBy('gone').orderBy('at').orderBy('node'))
  }
}

/** A workload that moved: the node where it runs is right, the one that still lists its remains is not. */
const isElsewhere = (current: VersionRow, reported: Workload, node: NodeName): boolean =>
  current.node !== node && reported.state !== 'running' && record(current).workload.state === 'running'

export const endKey = (workload: Pick<Workload, 'namespace' | 'owner'>): string =>
  `${workload.namespace}/${workload.owner.name}`

/**
 * Rows come oldest first. Of several nodes' reports of one namespace the first that still stands counts: a node that
 * was broken into must not change the labels of a namespace that others run, and so whom policies select.
 */
const firstByName = (rows: readonly { name: string; labels: string }[]): readonly Namespace[] =>
  [...Map.groupBy(rows, row => row.name)].map(([name, [first]]) => ({
    name,
    labels: JSON.parse(first?.labels ?? '{}') as Labels,
  }))

/** @param text part of the name, the owner or an address. */
const matches = (text: string) =>
  sql<boolean>`(instr(lower(workload || ' ' || owner), lower(${text})) > 0 OR EXISTS (
    SELECT 1 FROM json_each(document, '$.addresses') WHERE instr(value, ${text}) > 0))`
