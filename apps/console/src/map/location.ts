import { MAP_FILTER } from '../app/places.ts'
import { flag, oneOf, type Param } from '../app/url.ts'
import { type Camera, ZOOM } from './render/camera.ts'
import { formatTarget, parseTarget, type Target } from './target.ts'

/** `x,y,zoom`, rounded to what the eye can tell. Left out: the whole map. */
export const cameraParam: Param<Camera | undefined> = {
  parse(text) {
    const [x = Number.NaN, y = Number.NaN, k = Number.NaN, ...rest] = (text ?? '').split(',').map(Number)
    if (rest.length > 0 || ![x, y, k].every(Number.isFinite) || k < ZOOM.least || k > ZOOM.most)
      return undefined
    return { x, y, k }
  },
  format: camera =>
    camera ? `${Math.round(camera.x)},${Math.round(camera.y)},${Number(camera.k.toFixed(2))}` : null,
}

export const targetParam: Param<Target | undefined> = {
  parse: text => (text === null ? undefined : parseTarget(text)),
  format: target => (target ? formatTarget(target) : null),
}

/** Everything the map page keeps in the address: the link is the view. */
export const MAP = {
  ...MAP_FILTER,
  as: oneOf(['map', 'table'], 'map'),
  view: cameraParam,
  sel: targetParam,
  paused: flag,
}
