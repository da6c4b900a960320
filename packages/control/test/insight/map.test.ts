import type { Outcome } from '@sekisho/core'
import { expect, test } from 'vitest'
import { readFilter } from '../../src/insight/filter.ts'
import { mapView } from '../../src/insight/map.ts'
import { mapView as mapSchema } from '../../src/schema/index.ts'
import { at, end, flow, MINUTE, pod, protectDb, SHOP, WINDOW, world } from './world.ts'

const map = (here: ReturnType<typeof world>, filter = '') => {
  const view = mapView(here.ports, { window: WINDOW, filter: readFilter(filter) })
  mapSchema.parse(view)
  return view
}

const traffic = (here: ReturnType<typeof world>) => {
  here.join()
  here.report({ workloads: SHOP, flows: [flow()] })
}

test('what a port is known to speak names what was not heard; several things are edges of their own', () => {
  using here = world()
  here.join()
  const denied = { outcome: 'denied', why: 'isolated' } as const
  here.report({
    workloads: SHOP,
    flows: [
      flow({ application: 'postgresql' }),
      flow({ ...denied }),
      flow({ port: 80, application: 'http' }),
    ],
  })
  const spoken = () =>
    map(here).edges.map(({ port, application, connections }) => [port, application, connections.denied])
  expect(spoken()).toEqual([
    [5432, 'postgresql', 1],
    [80, 'http', 0],
  ])
  here.report({ flows: [flow({ port: 80, application: 'ssh', ...denied }), flow({ port: 80 })] })
  expect(spoken()).toEqual([
    [5432, 'postgresql', 1],
    [80, 'http', 0],
    [80, 'ssh', 1],
    [80, undefined, 0],
  ])
})

test('pods of one owner are one node, their flows one edge with counts per outcome', () => {
  using here = world()
  here.join()
  const second = pod('web', 'shop', {
    id: 'pod:shop/web-2' as never,
    name: 'web-2',
    addresses: ['10.0.0.11'],
  })
  here.report({
    workloads: [...SHOP, second],
    flows: [
      flow({ connections: 3 }),
      flow({
        source: { workload: second.id, ip: '10.0.0.11' },
        outcome: 'denied',
        why: 'isolated',
        connections: 2,
      }),
    ],
  })
  here.apply(protectDb('Enforce'))
  const view = map(here)
  expect(view.nodes.find(({ key }) => key === 'shop/web')).toMatchObject({ instances: 2, ingress: 'none' })
  expect(view.nodes.find(({ key }) => key === 'shop/db')).toMatchObject({
    ingress: 'enforce',
    egress: 'none',
  })
  expect(view.edges).toMatchObject([
    {
      source: 'shop/web',
      destination: 'shop/db',
      port: 5432,
      outcome: 'denied',
      connections: { allowed: 3, audited: 0, denied: 2 },
    },
  ])
  expect(view.namespaces).toEqual([
    { name: 'monitoring', workloads: 1 },
    { name: 'shop', workloads: 4 },
  ])
  expect(view.notes).toEqual([])
})

test.each<[string, Outcome, [Outcome, number][]]>([
  [
    'the worst of what was seen last',
    'denied',
    [
      ['allowed', 10],
      ['denied', 10],
    ],
  ],
  [
    'an old denial does not paint what now passes',
    'allowed',
    [
      ['denied', 5],
      ['allowed', 10],
    ],
  ],
  [
    'audited before allowed',
    'audited',
    [
      ['allowed', 10],
      ['audited', 10],
    ],
  ],
])('an edge shows %s', (_name, expected, seen) => {
  using here = world()
  const flows = seen.map(([outcome, minute]) =>
    flow({ outcome, first: at(minute * MINUTE), last: at(minute * MINUTE) }),
  )
  here.report({ workloads: SHOP, flows })
  expect(map(here).edges.map(({ outcome }) => outcome)).toEqual([expected])
})

test('a workload that is gone is still on the map of its time', () => {
  using here = world()
  here.report({ workloads: SHOP, flows: [flow()] })
  here.report({ workloads: [pod('db')] })
  expect(map(here).nodes.find(({ key }) => key === 'shop/web')).toMatchObject({
    instances: 0,
    ownerKind: 'Deployment',
  })
})

test('of many outside addresses the busiest are shown, the rest is one node, and nothing is lost', () => {
  using here = world()
  here.join()
  const flows = Array.from({ length: 6000 }, (_, i) =>
    flow({
      source: { ip: `198.18.${i >> 8}.${i & 255}` },
      destination: end('web'),
      port: 443,
      connections: i === 7 ? 50 : 1,
    }),
  )
  here.report({ workloads: SHOP, flows })
  const view = map(here)
  const externals = view.nodes.filter(({ kind }) => kind === 'external')
  expect(externals).toHaveLength(101)
  expect(externals.map(({ key }) => key)).toContain('198.18.0.7')
  expect(externals.reduce((sum, { instances }) => sum + instances, 0)).toBe(6000)
  expect(view.edges.reduce((sum, { connections }) => sum + connections.allowed, 0)).toBe(6049)
  expect(view.notes).toEqual([{ code: 'externals-folded', details: { addresses: 5900 } }])
})

test('a scan of a thousand ports is a bounded number of edges', () => {
  using here = world()
  const flows = Array.from({ length: 1000 }, (_, i) => flow({ port: 1 + i, connections: i === 0 ? 9 : 1 }))
  here.report({ workloads: SHOP, flows })
  const view = map(here)
  expect(view.edges).toHaveLength(65)
  expect(view.edges.find(({ port }) => port === 1)).toBeDefined()
  expect(view.edges.find(({ port }) => port === 0)?.connections.allowed).toBe(936)
})

test.each<[string, string, (here: ReturnType<typeof world>) => void, string[]]>([
  ['no agent', '', () => undefined, ['no-agent']],
  ['an agent and no traffic', '', here => here.join(), ['no-traffic']],
  ['a filter that hides', 'ns:payments', traffic, ['filter-hides']],
  ['traffic', 'ns:shop', traffic, []],
])('says why it is empty: %s', (_name, filter, given, codes) => {
  using here = world()
  given(here)
  expect(map(here, filter).notes.map(({ code }) => code)).toEqual(codes)
})

test('says where history starts', () => {
  using here = world()
  here.join()
  here.report({ flows: [flow()] })
  const early = { since: at(-60 * MINUTE), until: WINDOW.until }
  expect(mapView(here.ports, { window: early, filter: [] }).notes).toEqual([
    { code: 'history-starts', details: { at: '2026-01-01T00:01:00.000Z' } },
  ])
})
