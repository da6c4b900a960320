import { expect, test } from 'vitest'
import { unusedView } from '../../src/insight/unused.ts'
import { unused } from '../../src/schema/index.ts'
import { at, end, flow, pod, protectDb, SHOP, WINDOW, world } from './world.ts'

const DAY = 86_400_000
const window = { ...WINDOW, until: at(40 * DAY) }

const view = (here: ReturnType<typeof world>, more: { days?: number; namespaces?: readonly string[] } = {}) =>
  unused.parse(unusedView(here.ports, { window, days: 30, ...more }))
const uses = (...args: Parameters<typeof view>) => view(...args).rules.map(({ use }) => use)

test('a rule in force that nothing came to is proposed for removal, once it was observed long enough', () => {
  using here = world()
  here.report({ workloads: SHOP, flows: [flow({ port: 1 })] })
  here.apply(protectDb('Enforce'))
  expect(uses(here), 'applied 40 days before').toEqual(['unused'])
  expect(uses(here, { days: 40 }), 'just now').toEqual(['not-seen-long-enough'])
  expect(uses(here, { namespaces: ['payments'] })).toEqual([])
  const { yaml, since } = view(here)
  expect(yaml).toContain('ingress: []')
  expect(since).toBe(new Date(at(60_000)).toISOString())
})

test('what a workload that is gone came to counts as well', () => {
  using here = world()
  const cron = pod('web', 'shop', { id: end('cron').workload, addresses: ['10.0.0.9'] })
  here.report({ workloads: [...SHOP, cron], flows: [flow({ source: end('cron') })] })
  here.report({ workloads: SHOP })
  here.apply(protectDb('Enforce'))
  expect(view(here, { days: 40 })).toMatchObject({
    yaml: '',
    rules: [{ use: 'used', role: 'allow', connections: 1 }],
  })
})

test('nothing on record is nothing observed', () => {
  using here = world()
  here.report({ workloads: SHOP })
  here.apply(protectDb('Enforce'))
  expect(uses(here)).toEqual(['not-seen-long-enough'])
})
