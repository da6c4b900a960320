import type { MapEdge, MapNode, MapView } from '@sekisho/control'
import { compileFilter, type FilterEnd, type FilterTerm, OUTCOMES } from '@sekisho/core'

/** An outside node's key is its address; of a workload the map knows no address. */
const end = (node: MapNode): FilterEnd => ({
  namespace: node.namespace,
  name: node.name,
  ip: node.kind === 'external' ? node.key : '',
})

/**
 * The part of a view that a filter lets through. Filtering here and not on the server keeps the whole map in place:
 * what does not match is dimmed, nothing moves, and the reader sees how much is hidden.
 * An edge matches when any of the outcomes counted on it does.
 */
export function filtered(view: MapView, terms: readonly FilterTerm[]): MapView {
  if (terms.length === 0) return view
  const matches = compileFilter(terms)
  const ends = new Map(view.nodes.map(node => [node.key, end(node)]))
  const passes = (edge: MapEdge): boolean => {
    const source = ends.get(edge.source)
    const destination = ends.get(edge.destination)
    if (!source || !destination) return false
    return OUTCOMES.some(
      outcome =>
        (outcome === edge.outcome || edge.connections[outcome] > 0) &&
        matches({ ...edge, source, destination, outcome }),
    )
  }
  return { ...view, edges: view.edges.filter(passes) }
}

/** Nodes at either end of a passed edge, and those without any traffic that match by themselves. */
export function matchingNodes(
  view: MapView,
  passed: MapView,
  terms: readonly FilterTerm[],
): ReadonlySet<string> {
  const matches = compileFilter(terms)
  const alone = view.nodes.filter(node =>
    matches({ source: end(node), destination: end(node), protocol: '', port: -1, outcome: '', why: '' }),
  )
  return new Set([
    ...passed.edges.flatMap(edge => [edge.source, edge.destination]),
    ...alone.map(node => node.key),
  ])
}
