import { centre, type Point, type Rect } from '../geometry.ts'
import type { Target } from '../target.ts'
import { cardAt, type World } from './world.ts'

/** A place the keyboard can stop at. */
export interface Stop extends Point {
  readonly target: Target
}

/** Where something lies; a line is where it leads to. */
export function rectOf(world: World, target: Target): Rect | undefined {
  switch (target.kind) {
    case 'node': {
      const index = world.graph.indexOf.get(target.key)
      return index === undefined ? undefined : cardAt(world, index)
    }
    case 'island':
      return world.islandNamed.get(target.name)
    case 'link':
      return rectOf(world, { kind: 'node', key: target.destination })
    case 'aggregate':
      return rectOf(world, { kind: 'island', name: target.destination })
  }
}

/** From where the arrow keys walk: near, an island is its title, above its cards; from afar, its middle. */
export function anchorOf(world: World, target: Target, near: boolean): Point | undefined {
  const rect = rectOf(world, target)
  if (!rect) return undefined
  return target.kind === 'island' && near ? { x: rect.x + 92, y: rect.y + 20 } : centre(rect)
}

/** Everything that has a button at this zoom, on the screen or not: islands, and when near the nodes a filter shows. */
export function* stops(world: World, near: boolean): Generator<Stop> {
  for (const { name } of world.islands) {
    const target: Target = { kind: 'island', name }
    const anchor = anchorOf(world, target, near)
    if (anchor) yield { ...anchor, target }
  }
  if (!near) return
  for (const [index, { key }] of world.graph.nodes.entries()) {
    if (world.shown && !world.shown.has(index)) continue
    yield { x: world.x[index] ?? 0, y: world.y[index] ?? 0, target: { kind: 'node', key } }
  }
}

/** What has a button at this zoom and stands for the target: a line's end, and from afar a node's island. */
export function stopFor(world: World, target: Target, near: boolean): Target {
  switch (target.kind) {
    case 'island':
      return target
    case 'aggregate':
      return { kind: 'island', name: target.destination }
    case 'link':
      return stopFor(world, { kind: 'node', key: target.destination }, near)
    case 'node': {
      if (near) return target
      const node = world.graph.indexOf.get(target.key)
      const island = world.islands.find(({ nodes }) => node !== undefined && nodes.includes(node))
      return island ? { kind: 'island', name: island.name } : target
    }
  }
}
