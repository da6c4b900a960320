import type { AgentStatus, Batch, Clock, EpochMs, Flow } from '@sekisho/core'
import type { Database } from '../database.ts'
import type { IngestResult } from './api.ts'
import { ADD_COUNTS } from './counts.ts'
import { addDetails } from './details.ts'
import type { Dimensions } from './dimensions.ts'
import { addEvent } from './events.ts'
import { flowId, MINUTE } from './flows.ts'
import type { Inventory } from './inventory.ts'
import { addRequests } from './requests.ts'
import type { Rollups } from './rollups.ts'

/** Flow ids handed to the live tail; more than one screen holds nobody reads. */
const NEWEST = 200

const ADD_FLOW = `INSERT INTO flows VALUES (?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET ${ADD_COUNTS}`
/** The condition makes the repeated batch visible: nothing changes when the sequence is not a later one. */
const ACKNOWLEDGE = `INSERT INTO acknowledged VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET sequence = excluded.sequence WHERE excluded.sequence > sequence`
const SAW_AGENT = `INSERT INTO agent_status VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET last_seen = excluded.last_seen, status = coalesce(excluded.status, status)`

export interface IngestParts {
  readonly database: Database
  readonly clock: Clock
  readonly inventory: Inventory
  readonly dimensions: Dimensions
  readonly rollups: Rollups
}

const REPEATED: IngestResult = { stored: false, newest: [], events: [], inventoryChanged: false }

/** See `Records.ingest`. */
export function ingest(parts: IngestParts, batch: Batch): IngestResult {
  const { database, clock, inventory, dimensions } = parts
  return database.transaction(() => {
    const now = clock.now()
    const fresh = database.prepare(ACKNOWLEDGE).run(batch.node, batch.epoch, batch.sequence).changes > 0
    if (!fresh) return REPEATED
    const flows = batch.flows.map(flow => notInFuture(flow, now))
    const inventoryChanged = inventory.report(batch, earliest(flows, now))
    dimensions.begin(inventoryChanged)
    const newest = addFlows(parts, flows)
    const events = batch.events.map(event =>
      addEvent(database, { ...event, at: Math.min(event.at, now) as EpochMs }, batch.node),
    )
    sawAgent(database, batch.node, now, batch.status)
    return { stored: true, newest, events, inventoryChanged }
  })
}

export const sawAgent = (database: Database, node: string, at: EpochMs, status?: AgentStatus): void => {
  database.prepare(SAW_AGENT).run(node, at, status === undefined ? null : JSON.stringify(status))
}

/** A node whose clock runs ahead would write records that no window shows and no retention ends. */
const notInFuture = (flow: Flow, now: EpochMs): Flow =>
  flow.last <= now ? flow : { ...flow, last: now, first: Math.min(flow.first, now) as EpochMs }

/** Labels reported beside flows were already those of the flows. */
const earliest = (flows: readonly Flow[], now: EpochMs): EpochMs =>
  flows.reduce((least, flow) => Math.min(least, flow.first), now as number) as EpochMs

function addFlows({ database, dimensions, rollups }: IngestParts, flows: readonly Flow[]): readonly string[] {
  const insert = database.prepare(ADD_FLOW)
  const rolled = rollups.rolled()
  const newest = new Set<string>()
  for (const [index, flow] of flows.entries()) {
    const minute = Math.floor(flow.last / MINUTE)
    const edge = dimensions.edge(flow)
    const { connections, packets, bytesToDestination, bytesToSource, first, last } = flow
    insert.run(minute, edge, connections, packets, bytesToDestination, bytesToSource, first, last)
    rollups.add(rolled, minute, [edge, flow])
    addRequests(database, minute, [edge, flow])
    addDetails(database, minute, [edge, flow])
    if (index >= flows.length - NEWEST) newest.add(flowId(minute, edge))
  }
  return [...newest]
}
