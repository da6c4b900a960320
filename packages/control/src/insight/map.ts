import type { FilterTerm, Workload } from '@sekisho/core'
import type { RecordedEnd, Window } from '@sekisho/store'
import type { MapNode, MapView } from '../schema/map.ts'
import { type AttackCode, findAttacks } from './attacks.ts'
import { type Fold, foldEdges, OTHERS } from './map-edges.ts'
import { type InsightPorts, timestamp } from './ports.ts'
import { groupKey, isProtectable, protectionOf, weaker } from './protection.ts'

type Note = MapView['notes'][number]

export interface MapRequest {
  readonly window: Window
  readonly filter: readonly FilterTerm[]
}

/** Who talks to whom: groups of workloads, outside addresses, and one edge per pair and port. */
export function mapView(ports: InsightPorts, request: MapRequest): MapView {
  const fold = foldEdges(ports.store.records.edges(request.window, request.filter))
  const groups = groupsOf(ports)
  // A filter asks about traffic: what takes no part in it would only hide the answer.
  const quiet = request.filter.length === 0 ? [...groups.keys()] : []
  const keys = new Set([...quiet, ...[...fold.ends.values()].filter(isWorkload).map(end => end.key)])
  const attackers = attackersIn(ports, request.window)
  const nodes = [...keys].sort().map(key => {
    const attack = attackers.get(key)
    return { ...(groups.get(key) ?? goneNode(key, fold.ends)), ...(attack !== undefined && { attack }) }
  })
  return {
    at: timestamp(ports.clock.now()),
    namespaces: namespacesOf(nodes),
    nodes: [...nodes, ...externals(fold)],
    edges: [...fold.edges],
    notes: notes(ports, request, fold),
  }
}

/** The worst that each group of workloads does. */
function attackersIn({ store }: InsightPorts, window: Window): ReadonlyMap<string, AttackCode> {
  const { scans, miners, probes } = findAttacks(store.records, window)
  return new Map([
    ...probes.map(({ source, code }) => [source.key, code] as const),
    ...miners.map(({ source, code }) => [source, code] as const),
    ...scans.map(({ source, code }) => [source, code] as const),
  ])
}

const isWorkload = (end: RecordedEnd): boolean => end.kind === 'workload'

function groupsOf({ model }: InsightPorts): ReadonlyMap<string, MapNode> {
  const groups = new Map<string, MapNode>()
  for (const workload of model.workloads.values()) {
    if (workload.state === 'finished') continue
    const key = groupKey(workload)
    const node = nodeOf(workload, isProtectable(workload) ? protectionOf(model, workload) : UNPROTECTED)
    const known = groups.get(key)
    groups.set(key, known ? join(known, node) : node)
  }
  return groups
}

const UNPROTECTED = { ingress: 'none', egress: 'none' } as const

const nodeOf = (
  { namespace, owner }: Pick<Workload, 'namespace' | 'owner'>,
  protection: Pick<MapNode, 'ingress' | 'egress'>,
): MapNode => ({
  key: groupKey({ namespace, owner }),
  kind: 'workload',
  namespace,
  name: owner.name,
  ownerKind: owner.kind,
  instances: 1,
  ...protection,
})

const join = (a: MapNode, b: MapNode): MapNode => ({
  ...a,
  instances: a.instances + b.instances,
  ingress: weaker(a.ingress, b.ingress),
  egress: weaker(a.egress, b.egress),
})

/** Its flows are on record, its workloads are gone. */
function goneNode(key: string, ends: ReadonlyMap<string, RecordedEnd>): MapNode {
  const { namespace = '', name = key, ownerKind = '' } = ends.get(key) ?? {}
  return { key, kind: 'workload', namespace, name, ownerKind, instances: 0, ingress: 'none', egress: 'none' }
}

function externals({ ends, otherExternals }: Fold): MapNode[] {
  const node = (key: string, instances: number): MapNode => ({
    key,
    kind: 'external',
    namespace: '',
    name: key,
    ownerKind: '',
    instances,
    ...UNPROTECTED,
  })
  const single = [...ends.values()].filter(end => !isWorkload(end)).map(end => node(end.key, 1))
  return otherExternals === 0 ? single : [...single, node(OTHERS, otherExternals)]
}

function namespacesOf(nodes: readonly MapNode[]): MapView['namespaces'] {
  const counts = new Map<string, number>()
  for (const { namespace, instances } of nodes)
    counts.set(namespace, (counts.get(namespace) ?? 0) + instances)
  return [...counts].map(([name, workloads]) => ({ name, workloads }))
}

/** Why the map is empty or not whole, so that nobody takes "not seen" for "not there". */
function notes({ store }: InsightPorts, { window, filter }: MapRequest, fold: Fold): Note[] {
  const found: Note[] = []
  const oldest = store.records.oldest()
  if (store.agents.list().length === 0) found.push({ code: 'no-agent', details: {} })
  else if (fold.edges.length === 0) found.push(emptiness({ store }, { window, filter }))
  if (oldest !== undefined && window.since < oldest && window.since > 0) {
    found.push({ code: 'history-starts', details: { at: timestamp(oldest) } })
  }
  if (fold.otherExternals > 0)
    found.push({ code: 'externals-folded', details: { addresses: fold.otherExternals } })
  if (fold.foldedPorts > 0) found.push({ code: 'ports-folded', details: { ports: fold.foldedPorts } })
  return found
}

function emptiness({ store }: Pick<InsightPorts, 'store'>, { window, filter }: MapRequest): Note {
  if (filter.length === 0) return { code: 'no-traffic', details: {} }
  const { allowed, audited, denied } = store.records.totals(window)
  const connections = allowed + audited + denied
  return connections === 0
    ? { code: 'no-traffic', details: {} }
    : { code: 'filter-hides', details: { connections } }
}
