import type { FlowView, MapEdge, MapView } from '@sekisho/control'
import { addCounts, edgeKey, NO_COUNTS, portKey } from './graph.ts'

export interface Patch {
  readonly view: MapView
  /** Keys of edges that had traffic, for the pulses on the map. */
  readonly active: readonly string[]
  /** Denied connections in these flows, for the announcement. */
  readonly denied: number
}

const edgeOf = (flow: FlowView): MapEdge => ({
  source: flow.source.key,
  destination: flow.destination.key,
  protocol: flow.protocol,
  port: flow.port,
  ...(flow.application === undefined ? {} : { application: flow.application }),
  outcome: flow.outcome,
  why: flow.why,
  connections: NO_COUNTS,
  bytes: 0,
  first: flow.first,
  last: flow.last,
})

function merged(edge: MapEdge, flow: FlowView): MapEdge {
  const { by: _by, application: _application, ...rest } = edge
  const by = flow.by
  const application = flow.application ?? edge.application
  return {
    ...rest,
    ...(by === undefined ? {} : { by }),
    ...(application === undefined ? {} : { application }),
    outcome: flow.outcome,
    why: flow.why,
    connections: addCounts(edge.connections, { ...NO_COUNTS, [flow.outcome]: flow.connections }),
    bytes: edge.bytes + flow.bytesToDestination + flow.bytesToSource,
    // biome-ignore lint/complexity/useMathMinMax: timestamps are texts; RFC 3339 in UTC sorts as time does
    last: flow.last > edge.last ? flow.last : edge.last,
  }
}

/** The port's edge where one of the two does not know what is spoken: it is the same as far as anybody knows. */
const unheard = (known: MapEdge | undefined, seen: MapEdge): MapEdge | undefined =>
  known?.application === undefined || seen.application === undefined ? known : undefined

/**
 * Adds live flows to the last view, so that counts and outcomes move between two fetches. Flows that ended
 * before the view was made are taken as counted in it: a count may lag until the next fetch, but is never doubled.
 * Nodes are only the server's to add: flows of unknown ones are left to the next fetch.
 */
export function patch(view: MapView, flows: readonly FlowView[]): Patch {
  const known = new Set(view.nodes.map(node => node.key))
  const fresh = flows.filter(flow => flow.last > view.at)
  const drawable = fresh.filter(flow => known.has(flow.source.key) && known.has(flow.destination.key))
  const edges = new Map(view.edges.map(edge => [edgeKey(edge), edge]))
  const ports = new Map(view.edges.map(edge => [portKey(edge), edge]))
  const active = new Set<string>()
  let denied = 0
  for (const flow of drawable) {
    const seen = edgeOf(flow)
    const before = edges.get(edgeKey(seen)) ?? unheard(ports.get(portKey(seen)), seen) ?? seen
    const edge = merged(before, flow)
    const key = edgeKey(edge)
    if (key !== edgeKey(before)) edges.delete(edgeKey(before))
    edges.set(key, edge)
    ports.set(portKey(edge), edge)
    active.add(key)
    if (flow.outcome === 'denied') denied += flow.connections
  }
  if (active.size === 0) return { view, active: [], denied }
  return { view: { ...view, edges: [...edges.values()] }, active: [...active], denied }
}
