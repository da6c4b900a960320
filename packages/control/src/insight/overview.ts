import type { Window } from '@sekisho/store'
import type { Overview } from '../schema/map.ts'
import { attention } from './attention.ts'
import { type InsightPorts, timestamp } from './ports.ts'
import { isProtectable, protectionOf, stronger } from './protection.ts'

export function overview(ports: InsightPorts, window: Window): Overview {
  const { store, model, connected, clock } = ports
  const agents = store.agents.list()
  const oldest = store.records.oldest()
  return {
    at: timestamp(clock.now()),
    workloads: [...model.workloads.values()].filter(({ state }) => state !== 'finished').length,
    namespaces: model.namespaces.size,
    agents: { connected: agents.filter(({ node }) => connected.has(node)).length, total: agents.length },
    learningSince: oldest === undefined ? null : timestamp(oldest),
    flows: { ...store.records.totals(window) },
    protection: protection(ports),
    attention: attention(ports, window),
  }
}

/** Workloads by the furthest that a policy goes for them, in either direction. */
function protection({ model }: InsightPorts): Overview['protection'] {
  const counts = { enforce: 0, audit: 0, none: 0 }
  for (const workload of model.workloads.values()) {
    if (!isProtectable(workload)) continue
    const { ingress, egress } = protectionOf(model, workload)
    counts[stronger(ingress, egress)]++
  }
  return { enforced: counts.enforce, audited: counts.audit, unprotected: counts.none }
}
