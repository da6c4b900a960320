import { expect, test } from 'vitest'
import { explainView } from '../../src/insight/explain.ts'
import { explanation } from '../../src/schema/index.ts'
import { asksDb, documents, flow, pod, protectDb, SHOP, world } from './world.ts'

test('an explanation takes what was last spoken there for granted, unless told otherwise', () => {
  using here = world()
  here.report({ workloads: SHOP, flows: [flow({ application: 'ssh' }), flow({ outcome: 'denied' })] })
  here.apply(asksDb('applications: [postgresql]'))
  const ask = (application?: string) =>
    explainView(here.ports, { source: 'shop/web', destination: 'shop/db', protocol: 'TCP', application })
  expect(ask()).toMatchObject({ application: 'ssh', outcome: 'denied' })
  expect(ask().sentences.en).toContain('What is spoken is ssh.')
  expect(ask('postgresql')).toMatchObject({ outcome: 'allowed', why: 'rule-allow' })
  explanation.parse(ask())
})

test.each<[string, string, string]>([
  ['shop/web', 'shop/db', 'allowed'],
  ['shop/web-1', '10.0.0.2', 'allowed'],
  ['web', 'db', 'allowed'],
  ['pod:shop/foothold-1', 'shop/db-1', 'denied'],
  ['10.0.1.1', 'db', 'denied'],
  ['192.0.2.1', 'shop/db', 'denied'],
])('%s to %s is %s', (source, destination, outcome) => {
  using here = world()
  here.report({ workloads: SHOP, flows: [flow()] })
  here.apply(protectDb('Enforce'))
  const view = explainView(here.ports, { source, destination, port: 5432, protocol: 'tcp' })
  explanation.parse(view)
  expect(view.outcome).toBe(outcome)
  expect(view.sentences.ja.length).toBe(view.sentences.en.length)
  expect(view.change === undefined).toBe(outcome === 'allowed')
})

test('without a port it asks about the last one seen', () => {
  using here = world()
  here.report({ workloads: SHOP, flows: [flow()] })
  here.apply(protectDb('Enforce'))
  expect(explainView(here.ports, { source: 'web', destination: 'db', protocol: 'TCP' }).outcome).toBe(
    'allowed',
  )
  expect(() => explainView(here.ports, { source: 'db', destination: 'web', protocol: 'TCP' })).toThrow(
    /which port/,
  )
})

test.each([
  [{ source: 'shop/none', destination: 'db', protocol: 'TCP' }, /no workload shop\/none/],
  [{ source: 'twin', destination: 'db', protocol: 'TCP' }, /monitoring\/twin or shop\/twin/],
  [{ source: 'web', destination: 'db', protocol: 'IP/256' }, /no protocol/],
])('%o is refused', (request, reason) => {
  using here = world()
  here.report({ workloads: [...SHOP, pod('twin'), pod('twin', 'monitoring')] })
  expect(() => explainView(here.ports, { port: 1, ...request })).toThrow(reason)
})

test('other documents can be asked instead of those in force', () => {
  using here = world()
  here.report({ workloads: SHOP })
  const ask = (mode: string) =>
    explainView(here.ports, {
      source: 'foothold',
      destination: 'db',
      port: 1,
      protocol: 'TCP',
      documents: documents(protectDb(mode)),
    }).outcome
  expect(['Learn', 'Audit', 'Enforce'].map(ask)).toEqual(['allowed', 'audited', 'denied'])
})
