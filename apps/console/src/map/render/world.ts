import { around, NOWHERE, type Point, type Rect } from '../geometry.ts'
import { type Aggregate, aggregates } from '../graph/aggregate.ts'
import { type Graph, islandOf } from '../graph/graph.ts'
import type { Laid } from '../layout/input.ts'
import { CARD } from '../layout/islands.ts'
import type { Island } from '../layout/layout.ts'
import { aggregateCurve, type Curve, linkCurve } from './curve.ts'

export interface PlacedAggregate extends Aggregate {
  readonly curve: Curve
}

/** The graph with a place for everything: what can be drawn, whatever part of it is on the screen. */
export interface World {
  readonly graph: Graph
  readonly x: Float64Array
  readonly y: Float64Array
  /** `nodes` are indexes of the graph, not of the layout. */
  readonly islands: readonly Island[]
  readonly islandNamed: ReadonlyMap<string, Island>
  /** Links inside each island, by name. */
  readonly inner: ReadonlyMap<string, readonly number[]>
  /** All links, the denied and the busiest first. */
  readonly links: readonly number[]
  readonly aggregates: readonly PlacedAggregate[]
  /** Nodes that a filter lets through; the others keep their places, dimmed, so that a filter never moves the map. */
  readonly shown: ReadonlySet<number> | undefined
  readonly bounds: Rect
  curve(link: number): Curve
}

export const cardAt = (world: World, node: number): Rect => ({
  x: (world.x[node] ?? 0) - CARD.width / 2,
  y: (world.y[node] ?? 0) - CARD.height / 2,
  ...CARD,
})

export const nodeAt = (world: World, node: number): Point => ({
  x: world.x[node] ?? 0,
  y: world.y[node] ?? 0,
})

/** Denied before audited before allowed, then by connections: what must not be left out comes first. */
function byImportance(graph: Graph): (a: number, b: number) => number {
  const weight = graph.links.map(
    ({ connections: { allowed, audited, denied } }) =>
      (denied > 0 ? 2e15 : audited > 0 ? 1e15 : 0) + allowed + audited + denied,
  )
  return (a, b) => (weight[b] ?? 0) - (weight[a] ?? 0) || a - b
}

function innerLinks(graph: Graph, links: readonly number[]): ReadonlyMap<string, readonly number[]> {
  const inner = new Map<string, number[]>()
  for (const index of links) {
    const link = graph.links[index]
    const [from, to] = [graph.nodes[link?.source ?? -1], graph.nodes[link?.destination ?? -1]]
    if (!from || !to || islandOf(from) !== islandOf(to)) continue
    const list = inner.get(islandOf(from)) ?? []
    list.push(index)
    inner.set(islandOf(from), list)
  }
  return inner
}

/** Joins a graph with a layout that was made for it or for an earlier one; `needsLayout` says when that is enough. */
export function world(graph: Graph, { layout, places }: Laid, shown?: ReadonlySet<number>): World {
  const x = new Float64Array(graph.nodes.length)
  const y = new Float64Array(graph.nodes.length)
  const members = new Map<string, number[]>()
  graph.nodes.forEach((node, index) => {
    const place = places.get(node.key)
    if (place === undefined) return
    x[index] = layout.x[place] ?? 0
    y[index] = layout.y[place] ?? 0
    const list = members.get(islandOf(node)) ?? []
    list.push(index)
    members.set(islandOf(node), list)
  })
  const islands = layout.islands
    .filter(island => members.has(island.name))
    .map(island => ({ ...island, nodes: members.get(island.name) ?? [] }))
  const islandNamed = new Map(islands.map(island => [island.name, island]))
  const links = graph.links.map((_, index) => index).sort(byImportance(graph))
  const curves: (Curve | undefined)[] = []
  return {
    graph,
    x,
    y,
    islands,
    islandNamed,
    inner: innerLinks(graph, links),
    links,
    aggregates: placed(aggregates(graph), islandNamed),
    shown,
    bounds: around(islands),
    curve(index) {
      const known = curves[index]
      if (known) return known
      const { source = 0, destination = 0 } = graph.links[index] ?? {}
      const point = (node: number) => ({ x: x[node] ?? 0, y: y[node] ?? 0 })
      const made = linkCurve(point(source), point(destination))
      curves[index] = made
      return made
    },
  }
}

function placed(list: readonly Aggregate[], islands: ReadonlyMap<string, Island>): PlacedAggregate[] {
  return list
    .flatMap(aggregate => {
      const from = islands.get(aggregate.source)
      const to = islands.get(aggregate.destination)
      return from && to ? [{ ...aggregate, curve: aggregateCurve(from, to) }] : []
    })
    .sort(
      (a, b) =>
        Math.sign(b.connections.denied) - Math.sign(a.connections.denied) || b.links.length - a.links.length,
    )
}

/** The box around what a filter shows; of the whole map when nothing is filtered, or nothing is left. */
export function shownBounds(world: World): Rect {
  if (!world.shown || world.shown.size === 0) return world.bounds
  const cards = [...world.shown].map(node => cardAt(world, node))
  return cards.length === 0 ? NOWHERE : around(cards)
}
