import type { EpochMs, Outcome } from '@sekisho/core'
import type { EdgeTotals, RecordedEnd } from '@sekisho/store'
import type { MapEdge } from '../schema/map.ts'
import { timestamp } from './ports.ts'

/** Outside addresses shown one by one; a busy public service has millions of clients. */
const EXTERNALS = 100
/** Outside addresses told apart while counting; later ones are counted with the rest at once, to bound memory. */
const COUNTED_EXTERNALS = 5_000
/** Ports shown between two nodes; a scan tries thousands. */
const PORTS = 64
/** Outcomes seen within so long of the last one are "seen last"; of those the worst is shown. */
const RECENT_MS = 60_000
const SEVERITY = { allowed: 0, audited: 1, denied: 2 } as const satisfies Record<Outcome, number>

/** Key of the node that stands for all outside addresses beyond the first hundred. */
export const OTHERS = 'others'
/** `port` of the edge that stands for all ports beyond the first 64 of a pair of nodes. */
const MANY_PORTS = 0

interface Sum {
  readonly source: string
  readonly destination: string
  readonly protocol: string
  readonly port: number
  readonly application: string | undefined
  readonly connections: { allowed: number; audited: number; denied: number }
  bytes: number
  first: EpochMs
  last: EpochMs
  /** What was last seen of each outcome. */
  readonly latest: Map<Outcome, Pick<EdgeTotals, 'outcome' | 'by' | 'why' | 'last'>>
}

export interface Fold {
  readonly edges: readonly MapEdge[]
  /** Ends that take part, by key; the outside ones beyond the bound are left out. */
  readonly ends: ReadonlyMap<string, RecordedEnd>
  /** How many outside addresses `OTHERS` stands for; 0: the node is not needed. */
  readonly otherExternals: number
  /** How many (pair of nodes, port) are folded away. */
  readonly foldedPorts: number
}

/** All flows between two groups on one port as one edge, in bounded memory however many ends there are. */
export function foldEdges(edges: Iterable<EdgeTotals>): Fold {
  const sums = new Map<string, Sum>()
  const ends = new Map<string, RecordedEnd>()
  const weights = new Map<string, number>()
  const beyond = new Set<string>()
  const keyOf = (end: RecordedEnd, connections: number): string => {
    if (end.kind === 'external') {
      if (!weights.has(end.key) && weights.size >= COUNTED_EXTERNALS) {
        if (beyond.size < COUNTED_EXTERNALS) beyond.add(end.key)
        return OTHERS
      }
      weights.set(end.key, (weights.get(end.key) ?? 0) + connections)
    }
    ends.set(end.key, end)
    return end.key
  }
  for (const edge of edges) {
    const source = keyOf(edge.source, edge.connections)
    const destination = keyOf(edge.destination, edge.connections)
    add(sums, sumOf(edge, { source, destination }))
  }
  const hidden = leastUsed(weights)
  for (const key of hidden) ends.delete(key)
  const visible = (key: string) => (hidden.has(key) ? OTHERS : key)
  const ported = foldPorts(named(merge(sums.values(), sum => rename(sum, visible))))
  return {
    edges: ported.sums.map(edgeOf),
    ends,
    otherExternals: hidden.size + beyond.size,
    foldedPorts: ported.folded,
  }
}

const sumOf = (edge: EdgeTotals, ends: { readonly source: string; readonly destination: string }): Sum => ({
  ...ends,
  protocol: edge.protocol,
  port: edge.port,
  application: edge.application,
  connections: { allowed: 0, audited: 0, denied: 0, [edge.outcome]: edge.connections },
  bytes: edge.bytesToDestination + edge.bytesToSource,
  first: edge.first,
  last: edge.last,
  latest: new Map([[edge.outcome, edge]]),
})

const sumKey = ({ source, destination, protocol, port, application = '' }: Sum): string =>
  `${source}|${destination}|${protocol}|${port}|${application}`

function add(sums: Map<string, Sum>, more: Sum): void {
  const key = sumKey(more)
  const sum = sums.get(key)
  if (!sum) {
    sums.set(key, more)
    return
  }
  sum.connections.allowed += more.connections.allowed
  sum.connections.audited += more.connections.audited
  sum.connections.denied += more.connections.denied
  sum.bytes += more.bytes
  if (more.first < sum.first) sum.first = more.first
  if (more.last > sum.last) sum.last = more.last
  for (const [outcome, seen] of more.latest) {
    const known = sum.latest.get(outcome)
    if (!known || seen.last > known.last) sum.latest.set(outcome, seen)
  }
}

function merge(sums: Iterable<Sum>, change: (sum: Sum) => Sum): Sum[] {
  const merged = new Map<string, Sum>()
  for (const sum of sums) add(merged, change(sum))
  return [...merged.values()]
}

const rename = (sum: Sum, name: (key: string) => string): Sum => ({
  ...sum,
  source: name(sum.source),
  destination: name(sum.destination),
})

/**
 * Conversations that ended unheard, and attempts that were stopped before anything was said, belong to what the port is
 * known to speak. Where it speaks several things nobody can say to which.
 */
function named(sums: readonly Sum[]): Sum[] {
  const portOf = ({ source, destination, protocol, port }: Sum) =>
    `${source}|${destination}|${protocol}|${port}`
  const spoken = Map.groupBy(
    sums.filter(({ application }) => application !== undefined),
    portOf,
  )
  return merge(sums, sum => {
    const [first, ...others] = spoken.get(portOf(sum)) ?? []
    const isNamed = sum.application !== undefined || !first || others.length > 0
    return isNamed ? sum : { ...sum, application: first.application }
  })
}

function leastUsed(weights: ReadonlyMap<string, number>): ReadonlySet<string> {
  const byWeight = [...weights].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  return new Set(byWeight.slice(EXTERNALS).map(([key]) => key))
}

const total = ({ connections: { allowed, audited, denied } }: Sum): number => allowed + audited + denied

function foldPorts(sums: readonly Sum[]): { readonly sums: readonly Sum[]; readonly folded: number } {
  const hidden = new Set<Sum>()
  for (const pair of Map.groupBy(sums, sum => `${sum.source}|${sum.destination}|${sum.protocol}`).values()) {
    if (pair.length <= PORTS) continue
    for (const sum of pair.sort((a, b) => total(b) - total(a)).slice(PORTS)) hidden.add(sum)
  }
  const withoutPort = (sum: Sum): Sum => ({ ...sum, port: MANY_PORTS, application: undefined })
  return { sums: merge(sums, sum => (hidden.has(sum) ? withoutPort(sum) : sum)), folded: hidden.size }
}

/** Denied before audited before allowed among those seen last: an old denial does not paint what now passes. */
function shown({ latest, last }: Sum) {
  const recent = [...latest.values()].filter(seen => seen.last >= last - RECENT_MS)
  return recent.reduce((a, b) => (SEVERITY[b.outcome] > SEVERITY[a.outcome] ? b : a))
}

function edgeOf(sum: Sum): MapEdge {
  const { source, destination, protocol, port, application, connections, bytes, first, last } = sum
  const { outcome, by, why } = shown(sum)
  return {
    source,
    destination,
    protocol,
    port,
    ...(application !== undefined && { application }),
    outcome,
    ...(by !== undefined && { by }),
    why,
    connections,
    bytes,
    first: timestamp(first),
    last: timestamp(last),
  }
}
