import { type Clock, type EpochMs, type PolicyId, SekishoError } from '@sekisho/core'
import type { Change, ChangedPolicy, ChangeRequest, Policies, PolicyText, StoredPolicy } from './api.ts'
import { canonicalJson } from './canonical.ts'
import type { Database } from './database.ts'
import { numericCursor, pageOf } from './page.ts'
import { nextRevision } from './revision.ts'
import type { Tables } from './tables.ts'

type PolicyRow = Tables['policies']
interface ChangeRow extends Omit<Tables['changes'], 'id'> {
  readonly id: number
}

/** Written below as the JSON of a PolicyText; nothing else writes these columns. */
const policyText = (body: string): PolicyText => JSON.parse(body) as PolicyText
const written = (body: string | null): PolicyText | undefined =>
  body === null ? undefined : policyText(body)
const bodyOf = (policy: PolicyText | undefined): string | null =>
  policy === undefined
    ? null
    : canonicalJson({ id: policy.id, mode: policy.mode, yaml: policy.yaml, document: policy.document })

const stored = (row: PolicyRow): StoredPolicy[] =>
  row.body === null
    ? []
    : [
        {
          ...policyText(row.body),
          revision: row.revision,
          updatedAt: row.updated_at as EpochMs,
          updatedBy: row.updated_by,
        },
      ]

const conflict = (detail: string): SekishoError => new SekishoError('conflict', detail)

/** Policies as they are, and the list of changes that made them so. */
class PolicyTable implements Policies {
  readonly #database: Database
  readonly #clock: Clock

  constructor(database: Database, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  list(): readonly StoredPolicy[] {
    const query = this.#database.build.selectFrom('policies').selectAll().orderBy('id')
    return this.#database.all(query).flatMap(stored)
  }

  get(id: PolicyId): StoredPolicy | undefined {
    const query = this.#database.build.selectFrom('policies').selectAll().where('id', '=', id)
    return this.#database.all(query).flatMap(stored)[0]
  }

  revisions(): ReadonlyMap<PolicyId, number> {
    const query = this.#database.build
      .selectFrom('policies')
      .select(['id', 'revision'])
      .where('body', 'is not', null)
    // Written below from a PolicyId.
    return new Map(this.#database.all(query).map(({ id, revision }) => [id as PolicyId, revision]))
  }

  apply(request: ChangeRequest): Change | undefined {
    return this.#database.transaction(() => {
      const changed = this.#differences(request)
      if (changed.length === 0) return undefined
      this.#refuseHeld(changed)
      const id = this.#addChange(request, changed)
      this.#put(changed, request.actor, policy => policy.after)
      return this.#known(id)
    })
  }

  keep(change: number, actor: string): Change {
    return this.#database.transaction(() => {
      if (this.#known(change).state !== 'pending') throw conflict('the change is not pending')
      this.#settle(change, 'kept', actor)
      return this.#known(change)
    })
  }

  revert(change: number, actor: string): Change {
    return this.#database.transaction(() => {
      const { state, policies } = this.#known(change)
      if (state === 'reverted') throw conflict('the change was taken back already')
      for (const { id, after } of policies) {
        if (this.#body(id) !== bodyOf(after)) throw conflict(`${id} was changed again since`)
      }
      this.#refuseHeld(policies, change)
      this.#settle(change, 'reverted', actor)
      this.#put(policies, actor, policy => policy.before)
      return this.#known(change)
    })
  }

  due(now: EpochMs): readonly Change[] {
    return this.pending().filter(({ revertsAt }) => revertsAt !== undefined && revertsAt <= now)
  }

  pending(): readonly Change[] {
    const query = this.#changes().where('state', '=', 'pending').orderBy('reverts_at')
    return this.#database.all(query).map(row => this.#record(row))
  }

  change(id: number): Change | undefined {
    const row = this.#database.first(this.#changes().where('id', '=', id))
    return row && this.#record(row)
  }

  changes({ cursor, limit, policy }: Parameters<Policies['changes']>[0]) {
    let query = this.#changes()
      .orderBy('id', 'desc')
      .limit(limit + 1)
    if (cursor !== undefined) query = query.where('id', '<', numericCursor(cursor, 1)[0] ?? 0)
    if (policy !== undefined) query = query.where('id', 'in', this.#touching(policy))
    const rows = this.#database.all(query)
    return pageOf(rows, limit, { item: row => this.#record(row), key: row => String(row.id) })
  }

  #differences({ set, removed }: ChangeRequest): ChangedPolicy[] {
    const after = new Map<PolicyId, PolicyText | undefined>(removed.map(id => [id, undefined]))
    for (const id of removed) {
      if (this.#body(id) === null) throw new SekishoError('not-found', `there is no policy ${id}`)
    }
    for (const policy of set) after.set(policy.id, policy)
    return [...after]
      .filter(([id, policy]) => this.#body(id) !== bodyOf(policy))
      .map(([id, policy]) => ({ id, before: written(this.#body(id)), after: policy }))
  }

  /** A pending change must be able to take itself back as a whole, so nothing else may touch its policies. */
  #refuseHeld(policies: readonly ChangedPolicy[], except?: number): void {
    const pending = this.pending().filter(({ id }) => id !== except)
    for (const { id } of policies) {
      const holder = pending.find(change => change.policies.some(policy => policy.id === id))
      if (holder) throw conflict(`change ${holder.id} of ${id} is pending: keep it or take it back first`)
    }
  }

  #addChange({ actor, summary, revertsAt }: ChangeRequest, changed: readonly ChangedPolicy[]): number {
    const { build } = this.#database
    const change = this.#database.insert(
      build.insertInto('changes').values({
        at: this.#clock.now(),
        actor,
        summary,
        state: revertsAt === undefined ? 'kept' : 'pending',
        reverts_at: revertsAt ?? null,
        settled_by: null,
        settled_at: null,
      }),
    )
    for (const { id, before, after } of changed) {
      const row = { change, policy: id, before: bodyOf(before), after: bodyOf(after) }
      this.#database.run(build.insertInto('change_policies').values(row))
    }
    return change
  }

  #put(
    changed: readonly ChangedPolicy[],
    actor: string,
    side: (policy: ChangedPolicy) => PolicyText | undefined,
  ): void {
    const revision = nextRevision(this.#database)
    for (const policy of changed) {
      const row = { body: bodyOf(side(policy)), revision, updated_at: this.#clock.now(), updated_by: actor }
      this.#database.run(
        this.#database.build
          .insertInto('policies')
          .values({ id: policy.id, ...row })
          .onConflict(conflicting => conflicting.column('id').doUpdateSet(row)),
      )
    }
  }

  #settle(change: number, state: 'kept' | 'reverted', actor: string): void {
    this.#database.run(
      this.#database.build
        .updateTable('changes')
        .set({ state, settled_by: actor, settled_at: this.#clock.now() })
        .where('id', '=', change),
    )
  }

  #body(id: PolicyId): string | null {
    const query = this.#database.build.selectFrom('policies').select('body').where('id', '=', id)
    return this.#database.first(query)?.body ?? null
  }

  #changes() {
    return this.#database.build.selectFrom('changes').selectAll()
  }

  #touching(policy: PolicyId) {
    return this.#database.build.selectFrom('change_policies').select('change').where('policy', '=', policy)
  }

  #known(id: number): Change {
    const change = this.change(id)
    if (!change) throw new SekishoError('not-found', `there is no change ${id}`)
    return change
  }

  #record(row: ChangeRow): Change {
    const parts = this.#database.build.selectFrom('change_policies').selectAll().where('change', '=', row.id)
    return {
      id: row.id,
      at: row.at as EpochMs,
      actor: row.actor,
      summary: row.summary,
      state: row.state,
      revertsAt: row.state === 'pending' ? ((row.reverts_at ?? undefined) as EpochMs | undefined) : undefined,
      settledBy: row.settled_by ?? undefined,
      settledAt: (row.settled_at ?? undefined) as EpochMs | undefined,
      policies: this.#database.all(parts).map(({ policy, before, after }) => ({
        // Written above from a PolicyId.
        id: policy as PolicyId,
        before: written(before),
        after: written(after),
      })),
    }
  }
}

export const openPolicies = (database: Database, clock: Clock): Policies => new PolicyTable(database, clock)
