import { expect, test } from 'vitest'
import { simulateView } from '../../src/insight/simulate.ts'
import { suggest } from '../../src/insight/suggest.ts'
import { simulation, suggestion } from '../../src/schema/index.ts'
import { asksDb, documents, end, flow, pod, protectDb, SHOP, scan, WINDOW, world } from './world.ts'

const attack = [...scan(), flow({ source: end('foothold'), port: 5432, connections: 7 })]

test('what is suggested keeps all that was legitimate and stops the attack', () => {
  using here = world()
  const cron = pod('backup', 'shop', { addresses: ['10.0.0.9'] })
  here.report({
    workloads: [...SHOP, cron],
    flows: [
      flow({ connections: 5 }),
      flow({ source: end('prometheus', 'monitoring'), port: 9187 }),
      flow({ source: end('backup'), connections: 0 }),
      ...attack,
    ],
  })
  here.report({ workloads: SHOP })
  const proposal = suggest(here.ports, { window: WINDOW, namespaces: ['shop'], kind: 'SecurityPolicy' })
  suggestion.parse(proposal)
  expect(new Set(proposal.excluded.map(({ code }) => code))).toEqual(new Set(['port-scan']))
  expect(proposal.excluded.reduce((sum, { connections }) => sum + connections, 0)).toBe(17)
  const enforced = proposal.yaml.replaceAll('mode: Audit', 'mode: Enforce')
  const result = simulateView(here.ports, { window: WINDOW, documents: documents(enforced), without: [] })
  simulation.parse(result)
  expect(result).toMatchObject({
    flows: 24,
    unchanged: 7,
    newlyDenied: 17,
    attacksDenied: 17,
    legitimateBroken: 0,
  })
  expect(result.groups.every(({ attack: marked, source }) => marked && source.key === 'shop/foothold')).toBe(
    true,
  )
  expect(
    result.groups.map(({ ports }) => ports),
    'one group for all ports of the scan',
  ).toContainEqual(expect.arrayContaining(Array.from({ length: 10 }, (_, i) => 7000 + i)))
})

test('what a policy breaks is named, and leaving a policy out as well', () => {
  using here = world()
  here.report({
    workloads: SHOP,
    flows: [flow(), flow({ source: end('prometheus', 'monitoring'), port: 9187, connections: 3 })],
  })
  const broken = simulateView(here.ports, {
    window: WINDOW,
    documents: documents(protectDb('Enforce')),
    without: [],
  })
  expect(broken).toMatchObject({ newlyDenied: 3, legitimateBroken: 3, attacksDenied: 0, unchanged: 1 })
  expect(broken.groups).toMatchObject([
    {
      source: {
        key: 'monitoring/prometheus',
        kind: 'workload',
        namespace: 'monitoring',
        name: 'prometheus',
      },
      before: 'allowed',
      after: 'denied',
      by: 'SecurityPolicy/shop/db#ingress',
    },
  ])
  here.apply(protectDb('Enforce'))
  const without = simulateView(here.ports, {
    window: WINDOW,
    documents: [],
    without: ['SecurityPolicy/shop/db'],
  })
  expect(without).toMatchObject({ newlyAllowed: 3, newlyDenied: 0 })
})

test('an application on record is judged, and what depends on requests is counted apart', () => {
  using here = world()
  const spoken = ['postgresql', 'ssh'].map(application => flow({ application }))
  here.report({ workloads: SHOP, flows: [...spoken, flow({ connections: 4 })] })
  const trial = (rule: string) =>
    simulateView(here.ports, { window: WINDOW, documents: documents(asksDb(rule)), without: [] })
  expect(trial('applications: [postgresql]')).toMatchObject({
    unchanged: 1,
    legitimateBroken: 1,
    undecided: 4,
    groups: [{ after: 'denied', connections: 1 }],
  })
  expect(trial('l7: [{ sql: { statements: [select] } }]')).toMatchObject({
    flows: 6,
    unchanged: 0,
    legitimateBroken: 1,
    undecided: 5,
  })
})

test('a node goes on reaching its own workloads', () => {
  using here = world()
  const probe = flow({ source: { ip: '10.9.9.9' }, why: 'own-node', connections: 3 })
  here.report({ workloads: SHOP, flows: [probe] })
  const result = simulateView(here.ports, {
    window: WINDOW,
    documents: documents(protectDb('Enforce')),
    without: [],
  })
  expect(result).toMatchObject({ flows: 3, unchanged: 3, legitimateBroken: 0, groups: [] })
})

test('an old connection that still speaks is one conversation', () => {
  using here = world()
  here.report({
    workloads: SHOP,
    flows: [flow({ source: end('prometheus', 'monitoring'), connections: 0 })],
  })
  const result = simulateView(here.ports, {
    window: WINDOW,
    documents: documents(protectDb('Enforce')),
    without: [],
  })
  expect(result).toMatchObject({ flows: 1, legitimateBroken: 1 })
})

const OUTSIDE = `apiVersion: sekisho.dev/v1alpha1
kind: SecurityPolicy
metadata: { name: out, namespace: shop }
spec:
  mode: Enforce
  subject: { podSelector: { matchLabels: { app: web } } }
  egress:
    - to: [{ fqdn: api.example }]
      ports: [{ protocol: TCP, port: 443 }]
`

test('a server outside is judged by the one name that it was asked for', () => {
  using here = world()
  const said = (ip: string, ...hosts: readonly string[]) =>
    flow({
      source: end('web'),
      destination: { ip },
      port: 443,
      application: 'tls',
      details: hosts.map(value => ({ detail: 'host', value })),
    })
  here.report({
    workloads: SHOP,
    flows: [
      said('192.0.2.1', 'api.example'),
      said('192.0.2.2', 'evil.example'),
      said('192.0.2.3', 'api.example', 'cdn.example'),
      said('192.0.2.4'),
    ],
  })
  const { groups, ...counts } = simulateView(here.ports, {
    window: WINDOW,
    documents: documents(OUTSIDE),
    without: [],
  })
  expect(counts).toMatchObject({ flows: 4, unchanged: 1, newlyDenied: 1, undecided: 2 })
  expect(groups).toMatchObject([{ destination: { ip: '192.0.2.2' }, after: 'denied' }])
})
