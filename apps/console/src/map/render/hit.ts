import { inside, type Point } from '../geometry.ts'
import type { Target } from '../target.ts'
import { type Curve, distance } from './curve.ts'
import type { Scene } from './scene.ts'
import { cardAt, type World } from './world.ts'

/** How near to a line, in CSS pixels, the pointer must be. */
const REACH = 7

function nearestLine(world: World, scene: Scene, at: Point, k: number): Target | undefined {
  let best: Target | undefined
  let least = REACH / k
  const offer = (curve: Curve, target: Target): void => {
    const gap = distance(curve, at)
    if (gap < least) [best, least] = [target, gap]
  }
  for (const index of scene.links) {
    const link = world.graph.links[index]
    const source = world.graph.nodes[link?.source ?? -1]
    const destination = world.graph.nodes[link?.destination ?? -1]
    if (!source || !destination) continue
    offer(world.curve(index), { kind: 'link', source: source.key, destination: destination.key })
  }
  for (const { source, destination, curve } of scene.aggregates)
    offer(curve, { kind: 'aggregate', source, destination })
  return best
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
