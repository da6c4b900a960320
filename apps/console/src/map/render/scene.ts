import { grown, type Rect, touching } from '../geometry.ts'
import type { Island } from '../layout/layout.ts'
import type { Target } from '../target.ts'
import { type Camera, type Size, viewOf } from './camera.ts'
import { hull } from './curve.ts'
import { cardAt, type PlacedAggregate, type World } from './world.ts'

/** far: islands and the lines between them; middle: names too; near: cards. */
export type Detail = 'far' | 'middle' | 'near'
export const DETAIL = { middle: 0.24, near: 0.52 } as const
export const detailAt = (k: number): Detail =>
  k < DETAIL.middle ? 'far' : k < DETAIL.near ? 'middle' : 'near'

/** Drawing budgets: beyond these a picture is a hairball, however fast it is drawn. */
export const BUDGET = {
  /** Up to so many links every one is drawn by itself, at any zoom. */
  single: 320,
  /** So many single links at once beyond that, the most important first. */
  links: 420,
  /** Lines between islands. */
  aggregates: 90,
  /** Links of one selected or hovered thing. */
  emphasis: 160,
  /** DOM elements: cards and island titles together. */
  elements: 150,
  titles: 50,
} as const

export interface Look {
  readonly camera: Camera
  readonly size: Size
  readonly hover: Target | undefined
  readonly selection: Target | undefined
  readonly focus: Target | undefined
}

/** What to draw for one camera: indexes into the world, already culled. */
export interface Scene {
  readonly detail: Detail
  readonly islands: readonly Island[]
  readonly nodes: readonly number[]
  /** Nodes that get a DOM card, nearest to the middle of the screen first. */
  readonly cards: readonly number[]
  /** Islands that get a DOM title. */
  readonly titles: readonly Island[]
  readonly links: readonly number[]
  readonly aggregates: readonly PlacedAggregate[]
  /** What the pointer or the selection is about; everything else is drawn dimmed. */
  readonly emphasis: Emphasis | undefined
}

export interface Emphasis {
  readonly nodes: ReadonlySet<number>
  readonly links: ReadonlySet<number>
  readonly aggregates: ReadonlySet<PlacedAggregate>
}

function emphasisOf(world: World, target: Target): Emphasis | undefined {
  const { graph } = world
  const none = { nodes: new Set<number>(), links: new Set<number>(), aggregates: new Set<PlacedAggregate>() }
  const withEnds = (indexes: readonly number[]): Emphasis => {
    const links = indexes.slice(0, BUDGET.emphasis)
    const nodes = links.flatMap(index => [
      graph.links[index]?.source ?? -1,
      graph.links[index]?.destination ?? -1,
    ])
    return { ...none, links: new Set(links), nodes: new Set(nodes) }
  }
  switch (target.kind) {
    case 'node': {
      const node = graph.indexOf.get(target.key)
      if (node === undefined) return undefined
      const near = withEnds(graph.incident[node] ?? [])
      return { ...near, nodes: new Set([...near.nodes, node]) }
    }
    case 'link': {
      const [from, to] = [graph.indexOf.get(target.source), graph.indexOf.get(target.destination)]
      const link = graph.links.findIndex(({ source, destination }) => source === from && destination === to)
      return link < 0 ? undefined : withEnds([link])
    }
    case 'island': {
      const island = world.islandNamed.get(target.name)
      const touched = world.aggregates.filter(a => a.source === target.name || a.destination === target.name)
      if (!island) return undefined
      return {
        nodes: new Set(island.nodes),
        links: new Set(world.inner.get(island.name)),
        aggregates: new Set(touched),
      }
    }
    case 'aggregate': {
      const found = world.aggregates.find(
        a => a.source === target.source && a.destination === target.destination,
      )
      return found && { ...withEnds(found.links), aggregates: new Set([found]) }
    }
  }
}

/** Few links: all. Many: those inside visible islands once names can be read, and always what is emphasised. */
function linkCandidates(world: World, islands: readonly Island[], detail: Detail): readonly number[] {
  if (world.links.length <= BUDGET.single) return world.links
  if (detail === 'far') return []
  return islands.flatMap(island => world.inner.get(island.name) ?? [])
}

function chooseLinks(world: World, candidates: readonly number[], view: Rect, emphasis?: Emphasis): number[] {
  const chosen: number[] = []
  let room: number = BUDGET.links
  for (const index of candidates) {
    // What is denied is drawn whatever the budget: it must never be invisible.
    const denied = (world.graph.links[index]?.connections.denied ?? 0) > 0
    if ((room <= 0 && !denied) || !touching(hull(world.curve(index)), view)) continue
    chosen.push(index)
    room--
  }
  if (!emphasis) return chosen
  const drawn = new Set(chosen)
  const extra = [...emphasis.links].filter(index => !drawn.has(index)).slice(0, BUDGET.emphasis)
  return [...chosen, ...extra]
}

function chooseAggregates(world: World, view: Rect, emphasis?: Emphasis): PlacedAggregate[] {
  if (world.links.length <= BUDGET.single) return []
  const inView = world.aggregates.filter(
    aggregate => emphasis?.aggregates.has(aggregate) || touching(hull(aggregate.curve), view),
  )
  // Denied ones come first in the world's order and are kept whatever the budget: they must never be invisible.
  const denied = inView.filter(aggregate => aggregate.connections.denied > 0).length
  return inView.filter(
    (aggregate, index) =>
      index < Math.max(BUDGET.aggregates, denied) || emphasis?.aggregates.has(aggregate) === true,
  )
}

function visibleNodes(world: World, islands: readonly Island[], view: Rect): number[] {
  return islands.flatMap(island => island.nodes.filter(node => touching(cardAt(world, node), view)))
}

function chooseCards(
  world: World,
  nodes: readonly number[],
  { camera, focus }: Look,
  limit: number,
): number[] {
  const offset = (node: number): number =>
    Math.hypot((world.x[node] ?? 0) - camera.x, (world.y[node] ?? 0) - camera.y)
  const candidates = nodes.filter(node => !world.shown || world.shown.has(node))
  const cards =
    candidates.length <= limit
      ? candidates
      : candidates.toSorted((a, b) => offset(a) - offset(b)).slice(0, limit)
  const focused = focus?.kind === 'node' ? world.graph.indexOf.get(focus.key) : undefined
  // A card under the keyboard's focus is never taken away, even when a pan moves it off the screen.
  if (focused === undefined || cards.includes(focused)) return cards
  return [...cards.slice(0, limit - 1), focused]
}

export function scene(world: World, look: Look): Scene {
  const { camera, size } = look
  const view = viewOf(camera, size)
  const detail = detailAt(camera.k)
  const target = look.hover ?? look.selection
  const emphasis = target && emphasisOf(world, target)
  const islands = world.islands.filter(island => touching(island, grown(view, 40 / camera.k)))
  const titles = islands.toSorted((a, b) => b.nodes.length - a.nodes.length).slice(0, BUDGET.titles)
  const nodes = visibleNodes(world, islands, grown(view, 8))
  return {
    detail,
    islands,
    titles,
    nodes,
    cards: detail === 'near' ? chooseCards(world, nodes, look, BUDGET.elements - titles.length) : [],
    links: chooseLinks(world, linkCandidates(world, islands, detail), view, emphasis),
    aggregates: chooseAggregates(world, view, emphasis),
    emphasis,
  }
}
