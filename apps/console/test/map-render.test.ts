import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, encode } from '../src/app/url.ts'
import { grown, touching } from '../src/map/geometry.ts'
import { graph } from '../src/map/graph/graph.ts'
import { laid, layoutInput } from '../src/map/layout/input.ts'
import { layout } from '../src/map/layout/layout.ts'
import { MAP } from '../src/map/location.ts'
import {
  between,
  type Camera,
  fitted,
  panned,
  revealing,
  toScreen,
  toWorld,
  viewOf,
  zoomed,
} from '../src/map/render/camera.ts'
import { distance, hull, linkCurve, pointOn } from '../src/map/render/curve.ts'
import { hit } from '../src/map/render/hit.ts'
import { outcomeOf } from '../src/map/render/paint.ts'
import { BUDGET, type Look, scene } from '../src/map/render/scene.ts'
import { nearest } from '../src/map/render/walk.ts'
import { cardAt, shownBounds, type World, world } from '../src/map/render/world.ts'
import { formatTarget, parseTarget, type Target } from '../src/map/target.ts'
import { cluster, lab } from './map/generate.ts'

const size = { width: 1280, height: 720 }
const worldOf = (map: ReturnType<typeof lab>, shown?: ReadonlySet<number>): World => {
  const made = graph(map)
  return world(made, laid(layout(layoutInput(made)), made.links.length), shown)
}
const look = (camera: Camera, rest: Partial<Look> = {}): Look => ({
  camera,
  size,
  hover: undefined,
  selection: undefined,
  focus: undefined,
  ...rest,
})
const small = worldOf(lab())
const decodeMap = (search: string) => decode(MAP, search)
const large = worldOf(cluster(2000, 6000))

const cameras = fc.record({
  x: fc.integer({ min: -5000, max: 20_000 }),
  y: fc.integer({ min: -5000, max: 12_000 }),
  k: fc.double({ min: 0.05, max: 2.4, noNaN: true }),
})

describe('camera', () => {
  test('screen and world are each other’s reverse', () => {
    fc.assert(
      fc.property(cameras, camera => {
        const back = toScreen(camera, size, toWorld(camera, size, { x: 17, y: 601 }))
        expect(back.x).toBeCloseTo(17, 4)
        expect(back.y).toBeCloseTo(601, 4)
      }),
    )
  })
  test('the point under the pointer stays under it while zooming', () => {
    fc.assert(
      fc.property(cameras, fc.double({ min: 0.2, max: 4, noNaN: true }), (camera, factor) => {
        const at = { x: 300, y: 200 }
        const fixed = toWorld(camera, size, at)
        const now = toScreen(zoomed(camera, size, at, factor), size, fixed)
        expect(now.x).toBeCloseTo(at.x, 4)
        expect(now.y).toBeCloseTo(at.y, 4)
      }),
    )
  })
  test('a pan moves the world by as many pixels', () => {
    const camera = { x: 10, y: 20, k: 0.5 }
    const point = { x: 400, y: 300 }
    const [before, after] = [camera, panned(camera, 30, -12)].map(one => toScreen(one, size, point))
    expect([(after?.x ?? 0) - (before?.x ?? 0), (after?.y ?? 0) - (before?.y ?? 0)]).toEqual([30, -12])
  })
  test('a fitted map is seen whole, a revealed card too, and neither end of a flight is missed', () => {
    const all = fitted(small.bounds, size)
    const view = viewOf(all, size)
    expect(view.x).toBeLessThanOrEqual(small.bounds.x)
    expect(view.x + view.width).toBeGreaterThanOrEqual(small.bounds.x + small.bounds.width)
    const card = cardAt(small, 3)
    expect(touching(viewOf(revealing({ x: 9e4, y: 9e4, k: 1 }, size, card), size), card)).toBe(true)
    const goal = { x: 1, y: 2, k: 1.7 }
    for (const [t, end] of [
      [0, all],
      [1, goal],
    ] as const) {
      const at = between(all, goal, t)
      expect([at.x - end.x, at.y - end.y, at.k - end.k].every(gap => Math.abs(gap) < 1e-6)).toBe(true)
    }
  })
})

describe('scene', () => {
  test('never more buttons than the budget, wherever one looks', () => {
    fc.assert(
      fc.property(cameras, camera => {
        const { cards, titles } = scene(large, look(camera))
        expect(cards.length + titles.length).toBeLessThanOrEqual(BUDGET.elements)
      }),
      { numRuns: 60 },
    )
  })
  test('draws every node in view and none far outside it', () => {
    fc.assert(
      fc.property(cameras, camera => {
        const view = viewOf(camera, size)
        const drawn = new Set(scene(large, look(camera)).nodes)
        large.graph.nodes.forEach((_, index) => {
          const card = cardAt(large, index)
          if (touching(card, view)) expect(drawn.has(index)).toBe(true)
          if (!touching(card, grown(view, 20))) expect(drawn.has(index)).toBe(false)
        })
      }),
      { numRuns: 30 },
    )
  })
  test('a small map draws every link by itself, a large one first sums up', () => {
    expect(scene(small, look(fitted(small.bounds, size))).links).toHaveLength(small.graph.links.length)
    const whole = scene(large, look(fitted(large.bounds, size)))
    expect(whole.links).toEqual([])
    expect(whole.aggregates.length).toBeGreaterThan(0)
  })
  test('no denied line is left out for want of room', () => {
    const whole = scene(large, look(fitted(large.bounds, size)))
    const denied = large.aggregates.filter(aggregate => aggregate.connections.denied > 0)
    expect(denied.length).toBeGreaterThan(0)
    for (const aggregate of denied) expect(whole.aggregates).toContain(aggregate)
    const near = scene(large, look({ ...fitted(large.bounds, size), k: 0.31 }))
    const inner = near.islands.flatMap(island => large.inner.get(island.name) ?? [])
    const view = viewOf({ ...fitted(large.bounds, size), k: 0.31 }, size)
    const wanted = inner.filter(
      index =>
        (large.graph.links[index]?.connections.denied ?? 0) > 0 && touching(hull(large.curve(index)), view),
    )
    expect(near.links).toEqual(expect.arrayContaining(wanted))
  })
  test('what is selected shows its lines at any zoom', () => {
    const key = large.graph.nodes[5]?.key ?? ''
    const { emphasis, links } = scene(
      large,
      look(fitted(large.bounds, size), { selection: { kind: 'node', key } }),
    )
    const own = large.graph.incident[5] ?? []
    expect([...(emphasis?.links ?? [])].toSorted((a, b) => a - b)).toEqual([...own].toSorted((a, b) => a - b))
    expect(links).toEqual(expect.arrayContaining([...own]))
  })
  test('the card under the focus is kept when it leaves the screen', () => {
    const key = small.graph.nodes[0]?.key ?? ''
    const away = { x: small.bounds.x + small.bounds.width, y: small.bounds.y + small.bounds.height, k: 2 }
    expect(scene(small, look(away)).cards).not.toContain(0)
    expect(scene(small, look(away, { focus: { kind: 'node', key } })).cards).toContain(0)
  })
  test('a filter takes cards away and moves nothing', () => {
    const some = worldOf(lab(), new Set([0, 1]))
    const camera = fitted(some.bounds, size)
    expect(scene(some, look(camera)).cards.toSorted((a, b) => a - b)).toEqual([0, 1])
    expect([...some.x]).toEqual([...small.x])
    expect(shownBounds(some).width).toBeLessThan(shownBounds(small).width)
  })
})

describe('hit', () => {
  const camera = fitted(small.bounds, size)
  const drawn = scene(small, look(camera))
  test('every card is hit in its middle', () => {
    small.graph.nodes.forEach(({ key }, index) => {
      const at = { x: small.x[index] ?? 0, y: small.y[index] ?? 0 }
      expect(hit(small, drawn, at, camera.k)).toEqual({ kind: 'node', key })
    })
  })
  test('a line is hit on its way, the island beside it, and open water is nothing', () => {
    const index = small.graph.links.findIndex(link => link.outcome === 'denied')
    const link = small.graph.links[index]
    const target = hit(small, drawn, pointOn(small.curve(index), 0.45), camera.k)
    expect(target).toEqual({
      kind: 'link',
      source: small.graph.nodes[link?.source ?? -1]?.key,
      destination: small.graph.nodes[link?.destination ?? -1]?.key,
    })
    const [island] = small.islands
    if (!island) throw new Error('no island')
    expect(hit(small, drawn, { x: island.x + 3, y: island.y + 3 }, camera.k)).toEqual({
      kind: 'island',
      name: island.name,
    })
    expect(hit(small, drawn, { x: -9e5, y: 0 }, camera.k)).toBeUndefined()
  })
  test('a curve stays in its hull and begins and ends where it should', () => {
    fc.assert(
      fc.property(fc.integer({ min: -900, max: 900 }), fc.integer({ min: -900, max: 900 }), (x, y) => {
        const curve = linkCurve({ x: 0, y: 0 }, { x, y })
        for (const t of [0, 0.2, 0.5, 0.9, 1]) {
          const at = pointOn(curve, t)
          expect(touching(grown(hull(curve), 0.01), { ...at, width: 0.001, height: 0.001 })).toBe(true)
          expect(distance(curve, at)).toBeLessThan(12)
        }
      }),
    )
  })
})

describe('walk', () => {
  const stops = [
    { id: 'right', x: 100, y: 10 },
    { id: 'far right', x: 300, y: 0 },
    { id: 'below', x: 5, y: 80 },
    { id: 'aside', x: 40, y: 200 },
  ]
  test.each([
    ['right', 'right'],
    ['down', 'below'],
    ['left', undefined],
    ['up', undefined],
  ] as const)('%s leads to %s', (way, id) => {
    expect(nearest({ x: 0, y: 0 }, stops, way)?.id).toBe(id)
  })
  test('from any card of the map, the arrows lead to every other one', () => {
    const points = small.graph.nodes.map((_, id) => ({ id, x: small.x[id] ?? 0, y: small.y[id] ?? 0 }))
    const seen = new Set([0])
    for (const id of seen) {
      const from = points[id]
      if (!from) continue
      for (const way of ['left', 'right', 'up', 'down'] as const) {
        const next = nearest(from, points, way)
        if (next) seen.add(next.id)
      }
    }
    expect(seen.size).toBe(points.length)
  })
})

test.each<[{ allowed: number; audited: number; denied: number }, string]>([
  [{ allowed: 1, audited: 0, denied: 9 }, 'allowed'],
  [{ allowed: 0, audited: 1, denied: 9 }, 'audited'],
  [{ allowed: 0, audited: 0, denied: 9 }, 'denied'],
])('a line between islands looks denied only when nothing passes: %o', (counts, expected) =>
  expect(outcomeOf(counts)).toBe(expected),
)

describe('address', () => {
  const name = fc.string({ minLength: 1, maxLength: 30, unit: 'binary' }).filter(text => text.isWellFormed())
  const targets: fc.Arbitrary<Target> = fc.oneof(
    fc.record({ kind: fc.constant('node' as const), key: name }),
    fc.record({ kind: fc.constant('island' as const), name }),
    fc.record({
      kind: fc.constantFrom('link' as const, 'aggregate' as const),
      source: name,
      destination: name,
    }),
  )
  test('any target survives', () => {
    fc.assert(
      fc.property(targets, target => {
        expect(parseTarget(formatTarget(target))).toEqual(target)
      }),
    )
  })
  test('the whole state survives, the view rounded', () => {
    const state: ReturnType<typeof decodeMap> = {
      ...decodeMap(''),
      filter: 'ns:shop verdict:denied',
      as: 'table',
      view: { x: 1200.4, y: -31.6, k: 0.8312 },
      sel: { kind: 'link', source: 'shop/web', destination: '2001:db8::1' },
      paused: true,
    }
    expect(decodeMap(encode(MAP, state))).toEqual({ ...state, view: { x: 1200, y: -32, k: 0.83 } })
  })
  test('what cannot be read is left out, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        const state = decodeMap(new URLSearchParams({ view: text, sel: text }).toString())
        if (state.view) expect(Number.isFinite(state.view.x + state.view.y + state.view.k)).toBe(true)
      }),
    )
    const none = decodeMap('view=1,2&sel=q:x&as=pie')
    expect([none.view, none.sel, none.as]).toEqual([undefined, undefined, 'map'])
    expect(decodeMap('view=0,0,99').view).toBeUndefined()
    expect(parseTarget('n:%')).toBeUndefined()
  })
})
