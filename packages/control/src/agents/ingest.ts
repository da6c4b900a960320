import type { Batch, Clock, NodeName } from '@sekisho/core'
import type { Store } from '@sekisho/store'
import { createLimiter } from '../auth/limiter.ts'
import { raiseAlarms } from '../insight/alarms.ts'
import type { LiveState } from '../lifecycle/state.ts'
import type { Hub } from '../live/hub.ts'
import { type Counters, countFlow } from '../metrics.ts'
import { eventView, flowView } from '../views.ts'
import { createAdmission, type Refused } from './admission.ts'
import { createGroupCommit } from './group-commit.ts'
import { named } from './naming.ts'

export interface Ingest {
  /** Resolves when the batch is on disk: only then may it be acknowledged. @throws SekishoError forbidden */
  take(batch: Batch, node: NodeName): Promise<void>
}

export interface IngestOptions {
  readonly store: Pick<Store, 'records' | 'agents' | 'transaction'>
  readonly state: LiveState
  readonly hub: Hub
  readonly counters: Counters
  readonly clock: Clock
  /** Pods and namespaces come from the cluster's API; what agents say of them is left aside. */
  readonly inCluster: boolean
}

/** What only machines outside the cluster know of themselves: which pods and machines there are is said there. */
function withoutPods(batch: Batch): Batch {
  const { namespaces: _, workloads, ...rest } = batch
  return workloads
    ? { ...rest, workloads: workloads.filter(({ kind }) => kind !== 'pod' && kind !== 'external') }
    : rest
}

/** An agent that oversteps does so in every batch; one event in so long is enough. */
const OVERREACH_EVENT_MS = 10 * 60_000
const NODES = 10_000
/** An agent that listens is noted every half minute; after several missed notes its node is taken for dead. */
const OWNER_AWAY_MS = 5 * 60_000
/** Every agent reports its state every few seconds; who watches needs to hear of it no more often than this. */
const STATUS_NEWS_MS = 10_000
/** Records are looked through for attacks this often at most, and only when there are new ones. */
const ALARMS_MS = 10_000
/** What a batch is to write beside its flows, in flows. */
const BATCH_WEIGHT = 10

interface Sent {
  readonly batch: Batch
  readonly node: NodeName
}

export function createIngest({ store, state, hub, counters, clock, inCluster }: IngestOptions): Ingest {
  const admission = createAdmission({
    owner: id => state.model.workloads.get(id),
    workloadAt: ip => state.model.workloadAt(ip),
    alive: node => clock.now() - (store.agents.get(node)?.lastSeen ?? 0) < OWNER_AWAY_MS,
  })
  const events = createLimiter({ attempts: 1, windowMs: OVERREACH_EVENT_MS, keys: NODES, clock })

  const statusNews = createLimiter({ attempts: 1, windowMs: STATUS_NEWS_MS, keys: 1, clock })
  const looks = createLimiter({ attempts: 1, windowMs: ALARMS_MS, keys: 1, clock })

  const report = (node: NodeName, { flows, workloads }: Refused) => {
    counters.overreach += flows + workloads.length
    if (flows + workloads.length === 0 || !events.take(node)) return
    const details = { node, flows, workloads: workloads.slice(0, 10).join(', ') }
    const id = store.records.addEvent({
      code: 'agent-overreach',
      severity: 'warning',
      at: clock.now(),
      details,
    })
    publishEvents([id])
  }
  const publishEvents = (ids: readonly number[]) => {
    for (const event of store.records.eventsById(ids)) hub.event(eventView(event))
  }
  const count = (batch: Batch) => {
    counters.batches++
    for (const flow of batch.flows) countFlow(counters, flow)
  }

  const commits = createGroupCommit({
    store,
    write({ batch: whole, node }: Sent) {
      const { batch: admitted, refused } = admission.admit(whole, node)
      const flows = admitted.flows.flatMap(flow => named(flow, node, state.model) ?? [])
      const batch = { ...admitted, flows }
      return { batch, refused, result: store.records.ingest(inCluster ? withoutPods(batch) : batch) }
    },
    weight: ({ batch }) => BATCH_WEIGHT + batch.flows.length,
    // Whose workload is whose is known before another speaks of it.
    endsGroup: ({ result }) => result.inventoryChanged,
  })

  return {
    async take(whole, node) {
      const { batch, refused, result } = await commits.write({ batch: whole, node })
      if (!result.stored) {
        counters.repeatedBatches++
        return
      }
      count(batch)
      report(node, refused)
      if (result.inventoryChanged) state.sync()
      hub.flows(store.records.flowsById(result.newest).map(flowView))
      publishEvents(result.events)
      if (batch.flows.length > 0 && looks.take('')) publishEvents(raiseAlarms(store.records, clock))
      if (batch.status && statusNews.take('')) hub.changed('agents')
    },
  }
}
