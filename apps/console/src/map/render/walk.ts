import type { Point } from '../geometry.ts'

export type Way = 'left' | 'right' | 'up' | 'down'

const VECTOR = {
  left: { x: -1, y: 0 },
  right: { x: 1, y: 0 },
  up: { x: 0, y: -1 },
  down: { x: 0, y: 1 },
} as const satisfies Record<Way, Point>

/** Sideways distance counts more than distance ahead, so that an arrow key goes where it points. */
const SIDEWAYS = 2.4

/** The nearest of `stops` from `from` in one direction, within 45° or so; undefined at the edge of the map. */
export function nearest<T extends Point>(from: Point, stops: Iterable<T>, way: Way): T | undefined {
  const { x, y } = VECTOR[way]
  let best: T | undefined
  let least = Number.POSITIVE_INFINITY
  for (const stop of stops) {
    const [dx, dy] = [stop.x - from.x, stop.y - from.y]
    const ahead = dx * x + dy * y
    const aside = Math.abs(dx * y) + Math.abs(dy * x)
    if (ahead <= 1 || aside > ahead * 1.6) continue
    const cost = ahead + aside * SIDEWAYS
    if (cost >= least) continue
    best = stop
    least = cost
  }
  return best
}
