import type { MapView } from '@sekisho/control'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { touching } from '../src/map/geometry.ts'
import { graph, OUTSIDE } from '../src/map/graph/graph.ts'
import { laid, layoutInput, needsLayout } from '../src/map/layout/input.ts'
import { CARD, depths, neighbours } from '../src/map/layout/islands.ts'
import { type Layout, layout } from '../src/map/layout/layout.ts'
import { sequence } from '../src/map/layout/pack.ts'
import { cluster, edge, lab, node, view } from './map/generate.ts'

const lay = (map: MapView): Layout => layout(layoutInput(graph(map)))
const positions = ({ keys, x, y }: Layout): Map<string, readonly [number, number]> =>
  new Map(keys.map((key, index) => [key, [x[index] ?? Number.NaN, y[index] ?? Number.NaN]]))

const anyMap = fc
  .record({ workloads: fc.integer({ min: 2, max: 160 }), seed: fc.integer({ min: 1, max: 1e6 }) })
  .map(({ workloads, seed }) => cluster(workloads, workloads, seed))

describe('layout', () => {
  test('does not depend on the order of nodes and edges', () => {
    fc.assert(
      fc.property(anyMap, map => {
        const turned = { ...map, nodes: map.nodes.toReversed(), edges: map.edges.toReversed() }
        expect(positions(lay(turned))).toEqual(positions(lay(map)))
      }),
      { numRuns: 40 },
    )
  })

  test('islands never overlap, cards lie inside their island and not on each other', () => {
    fc.assert(
      fc.property(anyMap, map => {
        const made = lay(map)
        const { islands, x, y } = made
        for (const a of islands) for (const b of islands) expect(a !== b && touching(a, b)).toBe(false)
        for (const island of islands) {
          const cards = island.nodes.map(index => ({
            x: (x[index] ?? 0) - CARD.width / 2,
            y: (y[index] ?? 0) - CARD.height / 2,
            ...CARD,
          }))
          for (const card of cards) {
            expect(card.x).toBeGreaterThanOrEqual(island.x)
            expect(card.x + card.width).toBeLessThanOrEqual(island.x + island.width)
            expect(card.y + card.height).toBeLessThanOrEqual(island.y + island.height)
            expect(card.y).toBeGreaterThanOrEqual(island.y)
          }
          for (const a of cards) for (const b of cards) expect(a !== b && touching(a, b)).toBe(false)
        }
      }),
      { numRuns: 25 },
    )
  })

  test('one more workload moves few others', () => {
    const before = cluster(600, 1800)
    const after = {
      ...before,
      nodes: [...before.nodes, node('team-03', 'newcomer')],
      edges: [...before.edges, edge('team-03/newcomer', 'team-03/web-0', 80)],
    }
    const [old, now] = [positions(lay(before)), positions(lay(after))]
    const moved = [...old].filter(([key, [x, y]]) => {
      const [nx = 0, ny = 0] = now.get(key) ?? []
      return Math.hypot(nx - x, ny - y) > 1
    })
    expect(moved.every(([key]) => key.startsWith('team-03/'))).toBe(true)
  })

  test('counts, outcomes and live traffic move nothing', () => {
    const map = lab()
    const louder = {
      ...map,
      edges: map.edges.map(one => ({ ...one, outcome: 'denied' as const, bytes: one.bytes * 1e6 })),
    }
    expect(positions(lay(louder))).toEqual(positions(lay(map)))
  })

  test('the outside world is right of every namespace', () => {
    const { islands } = lay(lab())
    const outside = islands.find(({ name }) => name === OUTSIDE)
    const land = islands.filter(island => island !== outside)
    expect(outside?.x).toBeGreaterThan(Math.max(...land.map(island => island.x + island.width)))
  })

  test('an empty map and a map of one node have a layout', () => {
    expect(lay(view([], [])).islands).toEqual([])
    expect(lay(view([node('shop', 'web')], [])).islands).toHaveLength(1)
  })
})

describe('call depth', () => {
  test.each<[string, number, [number, number][], number[]]>([
    [
      'a chain',
      3,
      [
        [0, 1],
        [1, 2],
      ],
      [0, 1, 2],
    ],
    [
      'the shortest way counts',
      4,
      [
        [0, 1],
        [1, 2],
        [2, 3],
        [0, 3],
      ],
      [0, 1, 2, 1],
    ],
    [
      'a cycle starts where more is called than calling',
      3,
      [
        [1, 0],
        [0, 1],
        [1, 2],
      ],
      [1, 0, 1],
    ],
    ['no links: no depth', 2, [], [-1, -1]],
    ['a call to itself is no link', 1, [[0, 0]], [-1]],
  ])('%s', (_name, count, links, expected) => {
    expect([
      ...depths(neighbours({ keys: Array.from({ length: count }, (_, index) => `n${index}`), links })),
    ]).toEqual(expected)
  })
})

describe('sequence of islands', () => {
  test('neighbours are those that talk to each other, callers first', () => {
    const traffic = [
      { source: 'web', destination: 'api', links: 9 },
      { source: 'api', destination: 'db', links: 9 },
    ]
    expect(sequence(['db', 'idle', 'api', 'web'], traffic)).toEqual(['web', 'api', 'db', 'idle'])
  })
})

describe('when to lay out anew', () => {
  const whole = graph(lab())
  const done = laid(layout(layoutInput(whole)), whole.links.length)
  const without = (key: string) => {
    const map = lab()
    return graph({
      nodes: map.nodes.filter(other => other.key !== key),
      edges: map.edges,
    })
  }
  test.each<[string, boolean, boolean]>([
    ['the same nodes', needsLayout(whole, done), false],
    ['a node less', needsLayout(without('shop/redis'), done), false],
    ['no layout yet', needsLayout(whole, undefined), true],
    [
      'a new node',
      needsLayout(whole, laid(layout(layoutInput(without('shop/redis'))), whole.links.length)),
      true,
    ],
    ['most of the traffic was unknown', needsLayout(whole, laid(done.layout, 2)), true],
  ])('%s', (_name, answer, expected) => expect(answer).toBe(expected))
})
