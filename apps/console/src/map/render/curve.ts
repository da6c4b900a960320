import { centre, type Point, type Rect } from '../geometry.ts'
import { CARD } from '../layout/islands.ts'

/** A cubic Bézier in world units: start, two handles, end. */
export interface Curve {
  readonly x0: number
  readonly y0: number
  readonly x1: number
  readonly y1: number
  readonly x2: number
  readonly y2: number
  readonly x3: number
  readonly y3: number
}

/** Links to the right leave a little above the middle, links to the left below, so that a pair does not overlap. */
const LANE = 7
const BULGE = 64

/** From one card's side to another's; `a` and `b` are the centres. */
export function linkCurve(a: Point, b: Point): Curve {
  const dx = b.x - a.x
  const half = CARD.width / 2
  if (Math.abs(dx) < CARD.width) {
    // One column: out and back on the same side, upward links on the left, so that they do not overlap either.
    const side = b.y > a.y ? 1 : -1
    const edge = side * half
    const out = side * (BULGE + Math.min(80, Math.abs(b.y - a.y) * 0.08))
    return {
      x0: a.x + edge,
      y0: a.y,
      x1: a.x + edge + out,
      y1: a.y,
      x2: b.x + edge + out,
      y2: b.y,
      x3: b.x + edge,
      y3: b.y,
    }
  }
  const right = Math.sign(dx)
  const x0 = a.x + right * half
  const x3 = b.x - right * half
  const handle = right * Math.max(36, Math.abs(x3 - x0) * 0.45)
  const y0 = a.y - right * LANE
  const y3 = b.y - right * LANE
  return { x0, y0, x1: x0 + handle, y1: y0, x2: x3 - handle, y2: y3, x3, y3 }
}

/** Where the line from the middle of `rect` towards `to` leaves it. */
function border(rect: Rect, to: Point): Point {
  const from = centre(rect)
  const dx = to.x - from.x
  const dy = to.y - from.y
  const scale = Math.min(
    dx === 0 ? Number.POSITIVE_INFINITY : rect.width / 2 / Math.abs(dx),
    dy === 0 ? Number.POSITIVE_INFINITY : rect.height / 2 / Math.abs(dy),
  )
  return Number.isFinite(scale) ? { x: from.x + dx * scale, y: from.y + dy * scale } : from
}

/** From one island's shore to another's, bowed to its own left, so that both directions of a pair are seen. */
export function aggregateCurve(a: Rect, b: Rect): Curve {
  const from = centre(a)
  const to = centre(b)
  const bow = 0.16
  const middle = {
    x: (from.x + to.x) / 2 + (to.y - from.y) * bow,
    y: (from.y + to.y) / 2 - (to.x - from.x) * bow,
  }
  const start = border(a, middle)
  const end = border(b, middle)
  return {
    x0: start.x,
    y0: start.y,
    x1: (start.x + 2 * middle.x) / 3,
    y1: (start.y + 2 * middle.y) / 3,
    x2: (end.x + 2 * middle.x) / 3,
    y2: (end.y + 2 * middle.y) / 3,
    x3: end.x,
    y3: end.y,
  }
}

export function pointOn(c: Curve, t: number): Point {
  const u = 1 - t
  const [a, b, d, e] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t]
  return { x: a * c.x0 + b * c.x1 + d * c.x2 + e * c.x3, y: a * c.y0 + b * c.y1 + d * c.y2 + e * c.y3 }
}

/** A box that holds the curve: a Bézier stays inside the hull of its four points. */
export function hull(c: Curve): Rect {
  const x = Math.min(c.x0, c.x1, c.x2, c.x3)
  const y = Math.min(c.y0, c.y1, c.y2, c.y3)
  return {
    x,
    y,
    width: Math.max(c.x0, c.x1, c.x2, c.x3) - x,
    height: Math.max(c.y0, c.y1, c.y2, c.y3) - y,
  }
}

const PIECES = 20

function toSegment(p: Point, a: Point, b: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y]
  const length = dx * dx + dy * dy
  const t = length === 0 ? 0 : Math.min(1, Math.max(0, ((p.x - a.x) * dx + (p.y - a.y) * dy) / length))
  return Math.hypot(p.x - a.x - t * dx, p.y - a.y - t * dy)
}

/** Distance from a point to the curve, in world units, to within a small fraction of its length. */
export function distance(c: Curve, p: Point): number {
  let least = Number.POSITIVE_INFINITY
  let from = pointOn(c, 0)
  for (let piece = 1; piece <= PIECES; piece++) {
    const to = pointOn(c, piece / PIECES)
    least = Math.min(least, toSegment(p, from, to))
    from = to
  }
  return least
}
