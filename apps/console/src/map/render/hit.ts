import { inside, type Point } from '../geometry.ts'
import type { Target } from '../target.ts'
import { distance } from './curve.ts'
import type { Scene } from './scene.ts'
import { cardAt, type World } from './world.ts'

/** How near to a line, in CSS pixels, the pointer must be. */
const REACH = 7

interface Near {
  readonly target: Target
  readonly gap: number
}

function nearestLine(world: World, scene: Scene, at: Point, k: number): Target | undefined {
  let best: Near = { target: { kind: 'island', name: '' }, gap: REACH / k }
  for (const index of scene.links) {
    const gap = distance(world.curve(index), at)
    const link = world.graph.links[index]
    const [source, destination] = [
      world.graph.nodes[link?.source ?? -1],
      world.graph.nodes[link?.destination ?? -1],
    ]
    if (gap < best.gap && source && destination)
      best = { target: { kind: 'link', source: source.key, destination: destination.key }, gap }
  }
  for (const { source, destination, curve } of scene.aggregates) {
    const gap = distance(curve, at)
    if (gap < best.gap) best = { target: { kind: 'aggregate', source, destination }, gap }
  }
  return best.gap < REACH / k ? best.target : undefined
}

/** What lies under a world point, the topmost first: nodes over lines over islands. Only what is drawn can be hit. */
export function hit(world: World, scene: Scene, at: Point, k: number): Target | undefined {
  const node = scene.nodes.find(index => inside(cardAt(world, index), at))
  const key = node === undefined ? undefined : world.graph.nodes[node]?.key
  if (key !== undefined) return { kind: 'node', key }
  const line = nearestLine(world, scene, at, k)
  if (line) return line
  const island = scene.islands.find(candidate => inside(candidate, at))
  return island && { kind: 'island', name: island.name }
}
