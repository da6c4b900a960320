import type { EpochMs, FilterTerm } from '@sekisho/core'
import { formatFilter } from '@sekisho/core'
import type { AgentRecord, EdgeTotals, Window } from '@sekisho/store'
import type { Overview } from '../schema/map.ts'
import { type Attacks, findAttacks } from './attacks.ts'
import { readFilter } from './filter.ts'
import { type InsightPorts, timestamp } from './ports.ts'
import { groupKey, isProtectable, protectionOf } from './protection.ts'
import { unexpectedApplications } from './unexpected.ts'

export type Attention = Overview['attention'][number]

/** Items of one kind shown; the page it leads to has them all. */
const OF_ONE_KIND = 5
/** Denied edges told apart while counting; a scan makes tens of thousands, and is shown as a scan. */
const COUNTED = 10_000
/** An agent needs a moment to take in a change; after that it is behind. */
const BEHIND_MS = 30_000

const URGENCY = { critical: 0, warning: 1, info: 2 } as const satisfies Record<Attention['severity'], number>

const term = (key: FilterTerm['key'], value: string): FilterTerm => ({ key, value, not: false })

/** What is unusual and what to do next, most urgent first. */
export function attention(ports: InsightPorts, window: Window): Attention[] {
  const attacks = findAttacks(ports.store.records, window)
  const items = [
    ...[...scans(attacks), ...miners(attacks), ...probes(attacks)].map(item => stopped(ports, window, item)),
    ...agentsAway(ports),
    ...recordsDropped(ports),
    ...pendingChanges(ports),
    ...unexpectedApplications(ports, window),
    ...denied(ports, window, attacks),
    ...agentsBehind(ports),
    ...audited(ports, window),
    ...recordsBegin(ports, window),
    ...nothingSeen(ports, window),
    ...unprotected(ports),
  ]
  // Stable: within one severity the order above stays.
  return items.sort((a, b) => URGENCY[a.severity] - URGENCY[b.severity])
}

/** A connection that was cut is sent on for a while before its program gives up, and counts as what it was. */
const CUT_MS = 60_000
/** Denials go on after the last that passed. */
const SINCE_MS = 5_000

/** An attack of which nothing passed any more since the first denial is less urgent, and is told to be so. */
function stopped({ store }: InsightPorts, window: Window, item: Attention): Attention {
  if (item.filter === undefined) return item
  let passed = 0
  let deniedFrom = Number.POSITIVE_INFINITY
  let deniedUntil = 0
  let denied = 0
  for (const edge of store.records.edges(window, readFilter(item.filter))) {
    if (edge.outcome !== 'denied') passed = Math.max(passed, edge.last)
    else {
      deniedFrom = Math.min(deniedFrom, edge.first)
      deniedUntil = Math.max(deniedUntil, edge.last)
      denied += edge.connections
    }
  }
  if (denied === 0 || passed > deniedFrom + CUT_MS || passed > deniedUntil - SINCE_MS) return item
  return { ...item, severity: 'warning', details: { ...item.details, denied, stopped: true } }
}

const scans = ({ scans: found }: Attacks): Attention[] =>
  found.slice(0, OF_ONE_KIND).map(({ source, workload, ports, addresses, connections, last }) => ({
    code: 'port-scan',
    severity: 'critical',
    at: timestamp(last),
    ...(workload !== undefined && { workload }),
    details: { source, ports, addresses, connections },
    action: 'show-flows',
    filter: formatFilter([term('src', source)]),
  }))

const miners = ({ miners: found }: Attacks): Attention[] =>
  found.slice(0, OF_ONE_KIND).map(({ source, workload, at, details }) => ({
    code: 'mining-pool',
    severity: 'critical',
    at: timestamp(at),
    workload,
    details: { ...details, source },
    action: 'show-flows',
    filter: formatFilter([term('src', source)]),
  }))

const probes = ({ probes: found }: Attacks): Attention[] =>
  found.slice(0, OF_ONE_KIND).map(({ source, address, connections, outcome, last }) => ({
    code: 'metadata-probe',
    severity: 'warning',
    at: timestamp(last),
    ...(source.workload !== undefined && { workload: source.workload }),
    details: { source: source.key, address, connections, outcome },
    action: 'show-flows',
    filter: formatFilter([term('src', source.key), term('dst', address)]),
  }))

const lastSeen = ({ lastSeen: seen, joinedAt }: AgentRecord): EpochMs => seen ?? joinedAt

const agentsAway = ({ store, connected }: InsightPorts): Attention[] =>
  store.agents
    .list()
    .filter(({ node }) => !connected.has(node))
    .map(agent => ({
      code: 'agent-away',
      severity: 'critical',
      at: timestamp(lastSeen(agent)),
      details: { node: agent.node, lastSeen: timestamp(lastSeen(agent)) },
      action: 'show-agents',
    }))

function recordsDropped({ store, clock }: InsightPorts): Attention[] {
  return store.agents.list().flatMap(({ node, status }) => {
    const reasons = Object.entries(status?.ledger ?? {})
      // Packets that nobody could read are on record; it is their content that is not known.
      .filter(([reason, count]) => count > 0 && !reason.startsWith('not-inspected-'))
    if (reasons.length === 0) return []
    const records = reasons.reduce((sum, [, count]) => sum + count, 0)
    return [
      {
        code: 'records-dropped' as const,
        severity: 'warning' as const,
        at: timestamp(clock.now()),
        details: { node, records, reasons: reasons.map(([reason]) => reason).join(', ') },
        action: 'show-agents' as const,
      },
    ]
  })
}

const pendingChanges = ({ store }: InsightPorts): Attention[] =>
  store.policies.pending().map(({ id, at, actor, summary, revertsAt }) => ({
    code: 'change-pending',
    severity: 'warning',
    at: timestamp(at),
    details: {
      change: id,
      actor,
      summary,
      ...(revertsAt !== undefined && { revertsAt: timestamp(revertsAt) }),
    },
    action: 'review-change',
  }))

/** What policies stopped that is no attack: either somebody tries, or a rule is missing. */
function denied({ store }: InsightPorts, window: Window, attacks: Attacks): Attention[] {
  const edges = new Map<string, { edge: EdgeTotals; connections: number; last: EpochMs }>()
  for (const edge of store.records.edges(window, [term('verdict', 'denied')])) {
    if (attacks.of(edge) !== undefined) continue
    const key = `${edge.source.key}|${edge.destination.key}|${edge.protocol}|${edge.port}`
    const known = edges.get(key)
    if (!known && edges.size >= COUNTED) continue
    const last = known && known.last > edge.last ? known.last : edge.last
    edges.set(key, { edge, connections: edge.connections + (known?.connections ?? 0), last })
  }
  const most = [...edges.values()].sort((a, b) => b.connections - a.connections).slice(0, OF_ONE_KIND)
  return most.map(({ edge: { source, destination, protocol, port, by }, connections, last }) => ({
    code: 'denied-attempts',
    severity: 'warning',
    at: timestamp(last),
    ...(source.workload !== undefined && { workload: source.workload }),
    details: {
      source: source.key,
      destination: destination.key,
      protocol,
      port,
      connections,
      ...(by !== undefined && { by }),
    },
    action: 'show-flows',
    filter: formatFilter([
      term('verdict', 'denied'),
      term('src', source.key),
      term('dst', destination.key),
      term('port', String(port)),
    ]),
  }))
}

/** Policies that came into force before its grace ended and that the agent does not have yet. */
function agentsBehind({ store, connected, clock }: InsightPorts): Attention[] {
  const policies = store.policies.list()
  const late = (revision: number) =>
    policies.filter(policy => policy.revision > revision && policy.updatedAt < clock.now() - BEHIND_MS)
  return store.agents.list().flatMap(({ node, status }) => {
    const missing = connected.has(node) && status ? late(status.revision) : []
    if (missing.length === 0) return []
    return [
      {
        code: 'agent-behind' as const,
        severity: 'warning' as const,
        at: timestamp(clock.now()),
        details: { node, policies: missing.length },
        action: 'show-agents' as const,
      },
    ]
  })
}

function audited({ store, clock }: InsightPorts, window: Window): Attention[] {
  const policies = [...store.records.byPolicy(window)].filter(([, counts]) => counts.audited > 0)
  if (policies.length === 0) return []
  const connections = policies.reduce((sum, [, counts]) => sum + counts.audited, 0)
  return [
    {
      code: 'audited-traffic',
      severity: 'info',
      at: timestamp(clock.now()),
      details: { connections, policies: policies.length },
      action: 'show-flows',
      filter: formatFilter([term('verdict', 'audited')]),
    },
  ]
}

/** Of several servers each has what it recorded while it led: who looks for more must know where it is. */
const recordsBegin = ({ store }: InsightPorts, window: Window): Attention[] =>
  store.records.events({ window, code: 'server-leads', limit: 1 }).items.map(({ at, details }) => ({
    code: 'records-begin',
    severity: 'info',
    at: timestamp(at),
    details: { server: String(details.server), since: timestamp(at) },
    action: 'none',
  }))

function nothingSeen({ store, clock }: InsightPorts, window: Window): Attention[] {
  const agents = store.agents.list().length
  if (agents === 0 || store.records.newest(window) !== undefined) return []
  const at = timestamp(clock.now())
  return [{ code: 'nothing-seen', severity: 'warning', at, details: { agents }, action: 'show-agents' }]
}

/** Namespaces with workloads and not one policy that does anything for any of them. */
function unprotected({ model, clock }: InsightPorts): Attention[] {
  const open = new Map<string, Set<string>>()
  const closed = new Set<string>()
  for (const workload of model.workloads.values()) {
    if (!isProtectable(workload)) continue
    const { ingress, egress } = protectionOf(model, workload)
    if (ingress !== 'none' || egress !== 'none') closed.add(workload.namespace)
    const groups = open.get(workload.namespace) ?? new Set()
    open.set(workload.namespace, groups.add(groupKey(workload)))
  }
  return [...open]
    .filter(([namespace]) => !closed.has(namespace))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([namespace, groups]) => ({
      code: 'unprotected-namespace',
      severity: 'info',
      at: timestamp(clock.now()),
      details: { namespace, workloads: groups.size },
      action: 'suggest',
      filter: formatFilter([term('ns', namespace)]),
    }))
}
