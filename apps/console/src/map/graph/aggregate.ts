import { addCounts, type Counts, type Graph, islandOf, NO_COUNTS } from './graph.ts'

/** All links from one island to another: one curve when the map is seen from afar. */
export interface Aggregate {
  readonly source: string
  readonly destination: string
  readonly links: readonly number[]
  readonly connections: Counts
  readonly bytes: number
}

export interface IslandTotals {
  readonly nodes: number
  readonly denied: number
  readonly audited: number
  /** How many of its workloads have an enforced, an only audited, and no policy for inbound traffic. */
  readonly enforced: number
  readonly auditing: number
  readonly open: number
}

/** Links that stay inside an island are not part of any aggregate. */
export function aggregates(graph: Graph): Aggregate[] {
  const found = new Map<string, { links: number[]; connections: Counts; bytes: number }>()
  const ends = new Map<string, readonly [string, string]>()
  graph.links.forEach((link, index) => {
    const [source, destination] = [graph.nodes[link.source], graph.nodes[link.destination]].map(
      node => node && islandOf(node),
    )
    if (source === undefined || destination === undefined || source === destination) return
    const key = `${source}>${destination}`
    const sum = found.get(key) ?? { links: [], connections: NO_COUNTS, bytes: 0 }
    sum.links.push(index)
    sum.connections = addCounts(sum.connections, link.connections)
    sum.bytes += link.bytes
    found.set(key, sum)
    ends.set(key, [source, destination])
  })
  return [...found].map(([key, sum]) => {
    const [source = '', destination = ''] = ends.get(key) ?? []
    return { source, destination, ...sum }
  })
}

/** What an island's title says about the workloads on it. */
export function islandTotals(graph: Graph): ReadonlyMap<string, IslandTotals> {
  const totals = new Map<string, { -readonly [K in keyof IslandTotals]: number }>()
  graph.nodes.forEach((node, index) => {
    const name = islandOf(node)
    const sum = totals.get(name) ?? { nodes: 0, denied: 0, audited: 0, enforced: 0, auditing: 0, open: 0 }
    sum.nodes++
    sum.denied += graph.totals[index]?.denied ?? 0
    sum.audited += graph.totals[index]?.audited ?? 0
    sum[PROTECTION[node.ingress]]++
    totals.set(name, sum)
  })
  return totals
}

const PROTECTION = { enforce: 'enforced', audit: 'auditing', none: 'open' } as const

export type Protection = 'none' | 'audit' | 'enforce' | 'partly'

/** `partly`: some workloads are enforced and others are not. Audit counts only where nothing is enforced. */
export function protection(totals: IslandTotals): Protection {
  if (totals.nodes > 0 && totals.enforced === totals.nodes) return 'enforce'
  if (totals.enforced > 0) return 'partly'
  return totals.auditing > 0 ? 'audit' : 'none'
}
