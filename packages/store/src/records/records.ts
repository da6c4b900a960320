import type { Clock } from '@sekisho/core'
import type { Database } from '../database.ts'
import type { Records } from './api.ts'
import { Dimensions } from './dimensions.ts'
import { addEvent, eventPage, eventsById } from './events.ts'
import { Flows } from './flows.ts'
import { ingest } from './ingest.ts'
import type { Inventory } from './inventory.ts'
import type { Rollups } from './rollups.ts'

export interface RecordsParts {
  readonly database: Database
  readonly clock: Clock
  readonly inventory: Inventory
  readonly rollups: Rollups
}

export function openRecords(given: RecordsParts): Records {
  const { database, inventory, rollups } = given
  const parts = { ...given, dimensions: new Dimensions(database, inventory) }
  const flows = new Flows(database, () => rollups.rolled())
  return {
    ingest: batch => ingest(parts, batch),
    mirror: change =>
      database.transaction(() => {
        const changed = inventory.mirror(change, parts.clock.now())
        parts.dimensions.begin(changed)
        return changed
      }),
    addEvent: event => addEvent(database, event, ''),
    flows: request => flows.page(request),
    flowsById: ids => flows.byId(ids),
    edges: (window, filter) => flows.edges(window, filter),
    namedEdges: window => flows.namedEdges(window),
    totals: (window, filter) => flows.totals(window, filter),
    byPolicy: window => flows.byPolicy(window),
    fruitless: (window, least) => flows.fruitless(window, least),
    oldest: () => flows.oldest(),
    newest: window => flows.newest(window),
    events: request => eventPage(database, request),
    eventsById: ids => eventsById(database, ids),
    workloads: request => inventory.page(request),
    workload: id => inventory.last(id),
    workloadVersion: version => inventory.version(version),
    workloadAt: (id, at) => inventory.at(id, at),
    inventory: () => ({ workloads: inventory.all(), namespaces: inventory.namespaces() }),
    lastNamespaces: () => inventory.lastNamespaces(),
  }
}
