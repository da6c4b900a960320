import type { MapEdge, MapNode, MapView } from '@sekisho/control'
import type { Outcome } from '@sekisho/core'

/** Island of everything that is not a workload. Not a legal namespace name, so it cannot collide with one. */
export const OUTSIDE = '~outside'

export interface Counts {
  readonly allowed: number
  readonly audited: number
  readonly denied: number
}

/** All edges from one node to another, whatever their ports: one curve on the map. */
export interface Link {
  readonly source: number
  readonly destination: number
  readonly edges: readonly MapEdge[]
  /** The worst outcome among its edges. */
  readonly outcome: Outcome
  readonly connections: Counts
  readonly bytes: number
}

/** What a node's card and its name for screen readers say. */
export interface NodeTotals {
  /** Links into and out of the node. */
  readonly inbound: number
  readonly outbound: number
  /** Denied and audited connections, both directions. */
  readonly denied: number
  readonly audited: number
}

/** A `MapView` indexed for drawing: nodes and links are referred to by their position in these arrays. */
export interface Graph {
  readonly nodes: readonly MapNode[]
  readonly links: readonly Link[]
  readonly indexOf: ReadonlyMap<string, number>
  /** Links that touch each node. */
  readonly incident: readonly (readonly number[])[]
  readonly totals: readonly NodeTotals[]
}

const RANK = { allowed: 0, audited: 1, denied: 2 } as const satisfies Record<Outcome, number>
export const worse = (a: Outcome, b: Outcome): Outcome => (RANK[a] >= RANK[b] ? a : b)

export const islandOf = (node: MapNode): string => (node.kind === 'external' ? OUTSIDE : node.namespace)

/** One edge's identity within a view: what the server groups by. */
export const portKey = (edge: Pick<MapEdge, 'source' | 'destination' | 'protocol' | 'port'>): string =>
  `${edge.source}>${edge.destination}@${edge.protocol}/${edge.port}`
/** What else is spoken on a port is an edge of its own. */
export const edgeKey = (edge: Parameters<typeof portKey>[0] & Pick<MapEdge, 'application'>): string =>
  edge.application === undefined ? portKey(edge) : `${portKey(edge)} ${edge.application}`

export const addCounts = (a: Counts, b: Counts): Counts => ({
  allowed: a.allowed + b.allowed,
  audited: a.audited + b.audited,
  denied: a.denied + b.denied,
})
export const sumCounts = (counts: Counts): number => counts.allowed + counts.audited + counts.denied
export const NO_COUNTS: Counts = { allowed: 0, audited: 0, denied: 0 }

function extended(link: Link | undefined, edge: MapEdge, source: number, destination: number): Link {
  if (!link) {
    const { outcome, connections, bytes } = edge
    return { source, destination, edges: [edge], outcome, connections, bytes }
  }
  return {
    ...link,
    edges: [...link.edges, edge],
    outcome: worse(link.outcome, edge.outcome),
    connections: addCounts(link.connections, edge.connections),
    bytes: link.bytes + edge.bytes,
  }
}

function linksOf(edges: readonly MapEdge[], indexOf: ReadonlyMap<string, number>): Link[] {
  const links = new Map<number, Link>()
  for (const edge of edges) {
    const source = indexOf.get(edge.source)
    const destination = indexOf.get(edge.destination)
    if (source === undefined || destination === undefined || source === destination) continue
    const pair = source * indexOf.size + destination
    links.set(pair, extended(links.get(pair), edge, source, destination))
  }
  return [...links.values()]
}

function totalsOf(links: readonly Link[], nodes: number): NodeTotals[] {
  const totals = Array.from({ length: nodes }, () => ({ inbound: 0, outbound: 0, denied: 0, audited: 0 }))
  for (const { source, destination, connections } of links) {
    const from = totals[source]
    const to = totals[destination]
    if (!from || !to) continue
    from.outbound++
    to.inbound++
    for (const end of [from, to]) {
      end.denied += connections.denied
      end.audited += connections.audited
    }
  }
  return totals
}

/** Edges whose ends are not both in `nodes` are left out: a map never draws half a line. */
export function graph(view: Pick<MapView, 'nodes' | 'edges'>): Graph {
  const indexOf = new Map(view.nodes.map((node, index) => [node.key, index]))
  const links = linksOf(view.edges, indexOf)
  const incident = view.nodes.map((): number[] => [])
  links.forEach(({ source, destination }, index) => {
    incident[source]?.push(index)
    incident[destination]?.push(index)
  })
  return { nodes: view.nodes, links, indexOf, incident, totals: totalsOf(links, view.nodes.length) }
}
