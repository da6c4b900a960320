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

/** Kept free around a fitted map: titles above it, controls beside it, the legend below. CSS pixels. */
const FRAME = { top: 36, right: 60, bottom: 64, left: 28 } as const

/** The whole of `rect` inside the frame; a small map is not blown up past its natural size. */
export function fitted(rect: Rect, size: Size): Camera {
  const width = Math.max(size.width - FRAME.left - FRAME.right, 1)
  const height = Math.max(size.height - FRAME.top - FRAME.bottom, 1)
  const wanted = Math.min(width / Math.max(rect.width, 1), height / Math.max(rect.height, 1), 1.15)
  const k = clamp(wanted, ZOOM.least, ZOOM.most)
  const { x, y } = centre(rect)
  return { x: x + (FRAME.right - FRAME.left) / 2 / k, y: y + (FRAME.bottom - FRAME.top) / 2 / k, k }
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
