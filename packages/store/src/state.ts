import type { Labels, Namespace, PolicyDocumentJson, StateDelta } from '@sekisho/core'
import type { PolicyText, StateLog } from './api.ts'
import type { Database } from './database.ts'
import type { Inventory } from './records/inventory.ts'
import { counter } from './revision.ts'

/** Few are newer: the sign keeps SQLite from going through all of them in the order of their ids, with what they say. */
const POLICIES_SINCE = 'SELECT id, body FROM policies WHERE revision > ? ORDER BY +id'

const documentOf = (body: string): PolicyDocumentJson => (JSON.parse(body) as PolicyText).document

/** Policies, workloads and namespaces as agents are told them, and what changed since they were last told. */
class State implements StateLog {
  readonly #database: Database
  readonly #inventory: Inventory

  constructor(database: Database, inventory: Inventory) {
    this.#database = database
    this.#inventory = inventory
  }

  revision(): number {
    return counter(this.#database, 'revision')
  }

  snapshot() {
    return this.#database.transaction(() => ({
      kind: 'snapshot' as const,
      revision: this.revision(),
      namespaces: this.#inventory.namespaces(),
      workloads: this.#inventory.all(),
      policies: this.#policiesSince(0).set,
    }))
  }

  since(revision: number): StateDelta | undefined {
    return this.#database.transaction(() => {
      const now = this.revision()
      if (revision > now || revision < counter(this.#database, 'revisionFloor')) return undefined
      return {
        kind: 'delta' as const,
        revision: now,
        namespaces: this.#namespacesSince(revision),
        workloads: this.#inventory.since(revision),
        policies: this.#policiesSince(revision),
      }
    })
  }

  #policiesSince(revision: number): { set: PolicyDocumentJson[]; removed: string[] } {
    const set: PolicyDocumentJson[] = []
    const removed: string[] = []
    for (const { id, body } of this.#database.prepare(POLICIES_SINCE).iterate(revision)) {
      if (body === null) removed.push(String(id))
      else set.push(documentOf(String(body)))
    }
    return { set, removed }
  }

  #namespacesSince(revision: number): { set: Namespace[]; removed: string[] } {
    const changed = this.#database.build
      .selectFrom('namespace_reports')
      .select('name')
      .where('revision', '>', revision)
      .distinct()
      .orderBy('name')
    const names = this.#database.all(changed).map(row => row.name)
    const current = new Map(
      this.#inventory.namespaces().map(({ name, labels }): [string, Labels] => [name, labels]),
    )
    return {
      set: names.flatMap(name => {
        const labels = current.get(name)
        return labels ? [{ name, labels }] : []
      }),
      removed: names.filter(name => !current.has(name)),
    }
  }
}

export const openState = (database: Database, inventory: Inventory): StateLog =>
  new State(database, inventory)
