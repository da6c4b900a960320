import type { Flow } from '@sekisho/core'
import { expect, test } from 'vitest'
import { readFilter } from '../../src/insight/filter.ts'
import { overview } from '../../src/insight/overview.ts'
import { overview as overviewSchema } from '../../src/schema/index.ts'
import { at, end, flow, id, MINUTE, NODE, protectDb, SHOP, scan, status, WINDOW, world } from './world.ts'

const codes = (here: ReturnType<typeof world>) => {
  const view = overview(here.ports, WINDOW)
  overviewSchema.parse(view)
  return view.attention.map(({ code }) => code)
}
const probe = flow({ source: end('foothold'), destination: { ip: '169.254.169.254' }, port: 80 })
const deniedWeb = flow({ outcome: 'denied', why: 'isolated', port: 6379 })

test('counts', () => {
  using here = world()
  here.join()
  here.report({ workloads: SHOP, flows: [flow(), flow({ outcome: 'audited', connections: 4 })] })
  here.apply(protectDb('Audit'))
  expect(overview(here.ports, WINDOW)).toMatchObject({
    workloads: 4,
    namespaces: 2,
    agents: { connected: 1, total: 1 },
    learningSince: '2026-01-01T00:01:00.000Z',
    flows: { allowed: 1, audited: 4, denied: 0 },
    protection: { enforced: 0, audited: 1, unprotected: 3 },
  })
})

test.each<[string, readonly Flow[], string[]]>([
  ['ordinary traffic', [flow()], []],
  ['a scan', scan(), ['port-scan']],
  ['a scan from outside', scan({ ip: '192.0.2.66' } as never), ['port-scan']],
  ['a metadata probe', [probe], ['metadata-probe']],
  [
    'another application on a port that is known for one',
    [
      flow({ application: 'ssh' }),
      flow({ application: 'postgresql' }),
      flow({ port: 81, application: 'ssh' }),
    ],
    ['unexpected-application'],
  ],
  ['what was not recognised says nothing', [flow({ application: 'unknown' }), flow()], []],
  ['denied traffic of an ordinary workload', [deniedWeb], ['denied-attempts']],
  [
    'denied traffic of a scanner is part of the scan',
    [...scan(), flow({ source: end('foothold'), outcome: 'denied' })],
    ['port-scan'],
  ],
  [
    'audited traffic',
    [flow({ outcome: 'audited', by: 'SecurityPolicy/shop/db#ingress' as never })],
    ['audited-traffic'],
  ],
  ['most urgent first', [deniedWeb, probe, ...scan()], ['port-scan', 'metadata-probe', 'denied-attempts']],
])('attention: %s', (_name, flows, expected) => {
  using here = world()
  here.join()
  here.report({ workloads: SHOP, flows })
  expect(codes(here).filter(code => code !== 'unprotected-namespace')).toEqual(expected)
})

test.each<[string, string, (here: ReturnType<typeof world>) => void]>([
  ['agent-away', 'critical', here => here.ports.connected.delete(NODE)],
  [
    'records-dropped',
    'warning',
    here => here.report({ status: { ...status, ledger: { 'spool-full': 3, none: 0 } } }),
  ],
  [
    'records-begin',
    'info',
    here => {
      const details = { server: 'sekisho-server-1' }
      here.ports.store.records.addEvent({
        code: 'server-leads',
        severity: 'info',
        at: at(30 * MINUTE),
        details,
      })
    },
  ],
  ['change-pending', 'warning', here => here.apply(protectDb('Enforce'), at(90 * MINUTE))],
  [
    'agent-behind',
    'warning',
    here => {
      here.apply(protectDb('Enforce'))
      here.report({ status: { ...status, revision: 1 } })
      here.ports.clock.time = at(62 * MINUTE)
    },
  ],
  [
    'mining-pool',
    'critical',
    here =>
      void here.ports.store.records.addEvent({
        code: 'mining-pool',
        severity: 'critical',
        at: at(MINUTE),
        workload: id('web'),
        details: { name: 'pool.example' },
      }),
  ],
])('attention: %s', (code, severity, given) => {
  using here = world()
  here.join()
  here.report({ workloads: SHOP, flows: [flow()], status })
  expect(codes(here)).not.toContain(code)
  given(here)
  expect(codes(here)).toContain(code)
  expect(overview(here.ports, WINDOW).attention.find(item => item.code === code)?.severity).toBe(severity)
})

test('a namespace without any policy is named until one of its workloads has one', () => {
  using here = world()
  here.join()
  here.report({ workloads: SHOP, flows: [flow()] })
  const open = () =>
    overview(here.ports, WINDOW)
      .attention.filter(({ code }) => code === 'unprotected-namespace')
      .map(({ filter }) => filter)
  expect(open()).toEqual(['ns:monitoring', 'ns:shop'])
  here.apply(protectDb('Learn'))
  expect(open()).toEqual(['ns:monitoring', 'ns:shop'])
  here.apply(protectDb('Audit'))
  expect(open()).toEqual(['ns:monitoring'])
})

test('an agent that has seen nothing says so', () => {
  using here = world()
  expect(codes(here)).toEqual([])
  here.join()
  expect(codes(here)).toEqual(['nothing-seen'])
})

test('every filter it gives leads to what it speaks of', () => {
  using here = world()
  here.join()
  here.report({
    workloads: SHOP,
    flows: [
      deniedWeb,
      probe,
      ...scan(),
      flow({ outcome: 'audited', by: 'SecurityPolicy/shop/db#ingress' as never }),
    ],
  })
  const filters = overview(here.ports, WINDOW).attention.filter(({ action }) => action === 'show-flows')
  expect(filters).toHaveLength(4)
  for (const { filter } of filters) {
    expect(
      here.ports.store.records.flows({ window: WINDOW, limit: 1, filter: readFilter(filter) }).items,
    ).toHaveLength(1)
  }
})
