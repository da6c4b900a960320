import { centre, type Point, type Rect } from '../geometry.ts'

/** What of the world is seen: the world point in the middle of the screen, and CSS pixels per world unit. */
export interface Camera extends Point {
  readonly k: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

export const ZOOM = { least: 0.04, most: 2.5, step: 1.35 } as const
const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value))

export const toScreen = ({ x, y, k }: Camera, size: Size, point: Point): Point => ({
  x: (point.x - x) * k + size.width / 2,
  y: (point.y - y) * k + size.height / 2,
})

export const toWorld = ({ x, y, k }: Camera, size: Size, point: Point): Point => ({
  x: (point.x - size.width / 2) / k + x,
  y: (point.y - size.height / 2) / k + y,
})

/** The part of the world on the screen. */
export const viewOf = ({ x, y, k }: Camera, { width, height }: Size): Rect => ({
  x: x - width / 2 / k,
  y: y - height / 2 / k,
  width: width / k,
  height: height / k,
})

/** By screen pixels; the world follows the finger. */
export const panned = (camera: Camera, dx: number, dy: number): Camera => ({
  ...camera,
  x: camera.x - dx / camera.k,
  y: camera.y - dy / camera.k,
})

/** The world point under `at` (screen pixels) stays where it is. */
export function zoomed(camera: Camera, size: Size, at: Point, factor: number): Camera {
  const k = clamp(camera.k * factor, ZOOM.least, ZOOM.most)
  const fixed = toWorld(camera, size, at)
  return {
    x: fixed.x - (at.x - size.width / 2) / k,
    y: fixed.y - (at.y - size.height / 2) / k,
    k,
  }
}

/** The whole of `rect` with some air around it; a small map is not blown up past its natural size. */
export function fitted(rect: Rect, size: Size, padding = 32): Camera {
  const free = {
    width: Math.max(size.width - 2 * padding, 1),
    height: Math.max(size.height - 2 * padding, 1),
  }
  const k = Math.min(free.width / Math.max(rect.width, 1), free.height / Math.max(rect.height, 1), 1.15)
  return { ...centre(rect), k: clamp(k, ZOOM.least, ZOOM.most) }
}

/** At least the map's border stays on the screen: nobody gets lost in empty water. */
export const kept = (camera: Camera, bounds: Rect): Camera => ({
  x: clamp(camera.x, bounds.x, bounds.x + bounds.width),
  y: clamp(camera.y, bounds.y, bounds.y + bounds.height),
  k: clamp(camera.k, ZOOM.least, ZOOM.most),
})

/** Moves the least that brings `rect` into view; zooms never. */
export function revealing(camera: Camera, size: Size, rect: Rect, margin = 24): Camera {
  const view = viewOf(camera, size)
  const air = margin / camera.k
  const shift = (low: number, length: number, from: number, span: number): number => {
    if (length + 2 * air > span) return low + length / 2 - (from + span / 2)
    if (low - air < from) return low - air - from
    return Math.max(0, low + length + air - (from + span))
  }
  return {
    ...camera,
    x: camera.x + shift(rect.x, rect.width, view.x, view.width),
    y: camera.y + shift(rect.y, rect.height, view.y, view.height),
  }
}

/** `from` at 0, `to` at 1; zoom moves by ratio, so that speed looks even. */
export function between(from: Camera, to: Camera, t: number): Camera {
  const k = from.k * (to.k / from.k) ** t
  // Position follows the zoom, not the time: otherwise the target swings past while the scale catches up.
  const share = Math.abs(to.k - from.k) < 1e-6 ? t : (1 / from.k - 1 / k) / (1 / from.k - 1 / to.k)
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share, k }
}
