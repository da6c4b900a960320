import type { NewEvent } from '../report/notes.ts'
import type { Inventory } from '../server/message.ts'

export interface SourceListener {
  /** Everything this source knows, each time anew. */
  onInventory(inventory: Inventory): void
  onEvent(event: NewEvent): void
  /** What this source cannot do here, in words a person can act on; empty when all is well. */
  onDegraded(reasons: readonly string[]): void
}

/** Where workloads are known from. */
export interface WorkloadSource {
  readonly name: string
  /** Begins to report: once before it returns when it can, and at each change. */
  start(listener: SourceListener): AsyncDisposable
}

/** Workloads of several sources as one; the first source to name an id wins. */
export function union(inventories: Iterable<Inventory>): Inventory {
  const namespaces = new Map<string, Inventory['namespaces'][number]>()
  const workloads = new Map<string, Inventory['workloads'][number]>()
  for (const inventory of inventories) {
    for (const each of inventory.namespaces) if (!namespaces.has(each.name)) namespaces.set(each.name, each)
    for (const each of inventory.workloads) if (!workloads.has(each.id)) workloads.set(each.id, each)
  }
  return { namespaces: [...namespaces.values()], workloads: [...workloads.values()] }
}
