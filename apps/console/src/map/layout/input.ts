import { type Graph, islandOf, OUTSIDE } from '../graph/graph.ts'
import type { Layout, LayoutInput } from './layout.ts'

export function layoutInput(graph: Graph): LayoutInput {
  const islands: string[] = []
  const numbers = new Map<string, number>()
  const island = Uint32Array.from(graph.nodes, node => {
    const name = islandOf(node)
    const known = numbers.get(name)
    if (known !== undefined) return known
    numbers.set(name, islands.length)
    return islands.push(name) - 1
  })
  const links = new Uint32Array(graph.links.length * 2)
  graph.links.forEach(({ source, destination }, index) => {
    links[index * 2] = source
    links[index * 2 + 1] = destination
  })
  return { keys: graph.nodes.map(node => node.key), island, islands, outside: OUTSIDE, links }
}

/** What a layout was made for: which nodes had a place, and how much of the traffic was known. */
export interface Laid {
  readonly layout: Layout
  readonly places: ReadonlyMap<string, number>
  readonly links: number
}

export const laid = (layout: Layout, links: number): Laid => ({
  layout,
  places: new Map(layout.keys.map((key, index) => [key, index])),
  links,
})

/**
 * A map that moves under the reader's eyes is worse than one with a hole in it: positions are made anew only for
 * a node without one, or when most of the traffic was still unknown at the time (a first view just after start).
 */
export function needsLayout(graph: Graph, previous: Laid | undefined): boolean {
  if (!previous) return true
  if (graph.links.length > previous.links * 2 + 8) return true
  return graph.nodes.some(node => !previous.places.has(node.key))
}
