import { LIMITS, type RuleId } from '@sekisho/core'
import { expect, test } from 'vitest'
import { findingsView } from '../../src/insight/findings.ts'
import { at, end, flow, id, MINUTE, pod, protectDb, SHOP, world } from './world.ts'

const BY = 'SecurityPolicy/shop/db#ingress' as RuleId
const denied = { outcome: 'denied', direction: 'ingress', by: BY, why: 'isolated' } as const
const foothold = { ...denied, source: end('foothold') }

test('a workload that no policy is about is one for its namespace, until a policy is', () => {
  using cluster = world()
  cluster.report({ workloads: SHOP })
  const before = findingsView(cluster.ports)
  expect(Object.keys(before).toSorted()).toEqual(['monitoring', 'shop'])
  expect(before.shop?.findings.map(({ subject }) => subject.name)).toEqual(['db', 'foothold', 'web'])
  expect(before.shop?.findings[0]).toEqual({
    category: 'unprotected-workload',
    policy: 'workload-unprotected',
    subject: { kind: 'Deployment', name: 'db' },
    result: 'warn',
    severity: 'medium',
    message: 'No policy is about its ingress and egress',
    properties: { ingress: 'none', egress: 'none' },
  })
  cluster.apply(protectDb('Audit'))
  expect(findingsView(cluster.ports).shop?.findings[0]).toMatchObject({
    severity: 'low',
    message: 'No policy is about its egress',
    properties: { ingress: 'audit' },
  })
})

test('switched off is worse than forgotten', () => {
  using cluster = world()
  cluster.report({ workloads: [pod('web', 'shop', { protection: 'off' })] })
  expect(findingsView(cluster.ports).shop?.findings).toMatchObject([
    { severity: 'high', message: 'Its protection is switched off (sekisho.dev/firewall)' },
  ])
})

test('connections are told to the side whose policy it was, those of all minutes once', () => {
  using cluster = world()
  cluster.report({
    workloads: SHOP,
    flows: [
      flow({ ...foothold, first: at(5 * MINUTE), last: at(5 * MINUTE) }),
      flow({ ...foothold, first: at(2 * MINUTE), last: at(2 * MINUTE) }),
      flow({ ...denied, outcome: 'audited', port: 22, application: 'ssh', why: 'application-mismatch' }),
      flow({ ...denied, source: { ip: '203.0.113.7' } }),
      flow({ ...denied, source: { ip: '203.0.113.8' } }),
      flow({ ...foothold, direction: 'egress', destination: end('prometheus', 'monitoring'), port: 80 }),
    ],
  })
  const { shop, monitoring } = findingsView(cluster.ports)
  const found = shop?.findings.filter(({ category }) => category !== 'unprotected-workload')
  expect(found?.map(({ category, subject, message }) => [category, subject.name, message])).toEqual([
    ['application-mismatch', 'db', 'TCP 22 (ssh) from shop/web would be denied'],
    ['denied-connection', 'db', 'TCP 5432 from outside of the cluster is denied'],
    ['denied-connection', 'db', 'TCP 5432 from shop/foothold is denied'],
    ['denied-connection', 'foothold', 'TCP 80 to monitoring/prometheus is denied'],
  ])
  expect(found?.[2]).toMatchObject({
    policy: 'SecurityPolicy/shop/db',
    rule: 'ingress',
    result: 'fail',
    severity: 'medium',
    properties: { direction: 'ingress', why: 'isolated', port: '5432' },
    since: at(2 * MINUTE),
  })
  expect(found?.[0]).toMatchObject({ result: 'warn', severity: 'high' })
  expect(monitoring?.findings.map(({ category }) => category)).toEqual(['unprotected-workload'])
})

test('what DNS security and the watch for attacks found, and what is spoken where it should not be', () => {
  using cluster = world()
  cluster.report({
    workloads: SHOP,
    flows: [flow({ port: 443, application: 'ssh' })],
  })
  const event = (code: string, details: Record<string, string>) =>
    cluster.ports.store.records.addEvent({
      code,
      severity: 'critical',
      at: at(3 * MINUTE),
      workload: id('web'),
      details,
    })
  event('dns-finding', { profile: 'strict', check: 'tunnel', en: 'It asks for 900 names of one domain' })
  event('mining-pool', { pool: 'x' })
  event('other', {})
  cluster.ports.store.records.addEvent({
    code: 'port-scan',
    severity: 'critical',
    at: at(MINUTE),
    details: {},
  })
  const found = findingsView(cluster.ports).shop?.findings
  expect(found?.map(({ category, policy, rule, severity }) => [category, policy, rule, severity])).toEqual([
    ['attack', 'mining-pool', undefined, 'high'],
    ['dns-security', 'strict', 'tunnel', 'high'],
    ['unexpected-application', 'unexpected-application', undefined, 'medium'],
    ...['db', 'foothold', 'web'].map(() => [
      'unprotected-workload',
      'workload-unprotected',
      undefined,
      'medium',
    ]),
  ])
  expect(found?.[1]).toMatchObject({ result: 'fail', message: 'It asks for 900 names of one domain' })
})

test('what finds no room is counted, and namespaces that are gone are not told', () => {
  using cluster = world()
  const ports = Array.from({ length: LIMITS.reportResults.value + 5 }, (_, i) => i + 1)
  cluster.report({ workloads: SHOP, flows: ports.map(port => flow({ ...foothold, port })) })
  const { shop } = findingsView(cluster.ports)
  expect(shop?.findings).toHaveLength(LIMITS.reportResults.value)
  // Three places are those of workloads without policies.
  expect(shop?.leftOut).toEqual({ fail: 8, warn: 0 })
  cluster.ports.model.update({ namespaces: { removed: ['shop'] } })
  expect(findingsView(cluster.ports)).not.toHaveProperty('shop')
})
