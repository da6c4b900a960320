import { type EpochMs, namespace } from '@sekisho/core'
import { expect, test } from 'vitest'
import { type Model, type PolicyDocument, type RecordedFlow, simulate } from '../src/index.ts'
import { modelOf, NODE, networkPolicy, securityPolicy, workload } from './builders.ts'

const WORKLOADS = [
  workload('shop/web', '10.0.0.1'),
  workload('shop/api', '10.0.0.2'),
  workload('shop/foothold', '10.0.0.6'),
]
const with_ = (...policies: PolicyDocument[]) => modelOf(WORKLOADS, policies)

const recorded = (source: string, connections: number, attack = false, at = 0): RecordedFlow => ({
  query: { source: { ip: source }, destination: { ip: '10.0.0.2' }, protocol: 'TCP', port: 80 },
  source,
  destination: 'shop/api',
  connections,
  first: at as EpochMs,
  last: (at + 10) as EpochMs,
  attack,
})
const FLOWS = [
  recorded('10.0.0.1', 100),
  recorded('10.0.0.6', 37, true, 50),
  recorded('203.0.113.1', 3, false, 20),
  recorded('203.0.113.1', 4),
]
const api = { podSelector: { matchLabels: { app: 'api' } } }
const onlyWeb = networkPolicy('shop/p', {
  ...api,
  ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }] }],
})

test('counts conversations and names what breaks before what attacks', () => {
  const result = simulate({ flows: FLOWS, before: with_(), after: with_(onlyWeb) })
  expect(result).toMatchObject({
    flows: 144,
    unchanged: 100,
    newlyDenied: 44,
    newlyAllowed: 0,
    attacksDenied: 37,
    legitimateBroken: 7,
    since: 0,
    until: 60,
  })
  expect(result.groups).toMatchObject([
    {
      source: '203.0.113.1',
      connections: 7,
      attack: false,
      before: 'allowed',
      after: 'denied',
      why: 'isolated',
      by: 'NetworkPolicy/shop/p#ingress',
    },
    { source: '10.0.0.6', connections: 37, attack: true },
  ])
})

test('the other way everything is newly allowed', () => {
  const result = simulate({ flows: FLOWS, before: with_(onlyWeb), after: with_() })
  expect(result).toMatchObject({ newlyAllowed: 44, newlyDenied: 0, legitimateBroken: 0 })
})

test('Audit denies nothing', () => {
  const audit = networkPolicy('shop/p', api, 'Audit')
  expect(simulate({ flows: FLOWS, before: with_(), after: with_(audit) })).toMatchObject({
    newlyDenied: 0,
    auditChanged: 144,
  })
})

test('flows are read once, as they come', () => {
  function* endless() {
    for (let count = 0; count < 10_000; count++) yield recorded('10.0.0.6', 1)
  }
  expect(simulate({ flows: endless(), before: with_(), after: with_(onlyWeb) }).groups).toHaveLength(1)
})

test('nothing recorded is nothing changed', () => {
  expect(simulate({ flows: [], before: with_(), after: with_(onlyWeb) })).toMatchObject({
    flows: 0,
    unchanged: 0,
    groups: [],
  })
})

/** One object for all versions: what is equal but not the same is judged anyway. */
const SHOP = namespace('shop')

test('the same policies at another time, or with other nodes, are not the same', () => {
  const rule = { from: [{ podSelector: { matchLabels: { app: 'web' } } }], action: 'Allow' }
  const policy = securityPolicy('shop/p', {
    subject: { podSelector: { matchLabels: { app: 'api' } } },
    ingress: [{ ...rule, validUntil: '2030-01-01T00:00:00Z' }],
  })
  const at = (time: string, address: string) => {
    const model = with_(policy)
    model.update({
      namespaces: { set: [SHOP] },
      workloads: { set: WORKLOADS },
      now: Date.parse(time) as EpochMs,
      nodes: { set: [{ name: NODE, addresses: [address] }] },
    })
    return model
  }
  const before = at('2029-01-01T00:00:00Z', '203.0.113.1')
  const flows = [recorded('10.0.0.1', 1), recorded('203.0.113.1', 1)]
  const broken = (after: Model) => simulate({ flows, before, after }).groups.map(({ source }) => source)
  expect(broken(at('2029-02-01T00:00:00Z', '203.0.113.1'))).toEqual([])
  expect(broken(at('2031-01-01T00:00:00Z', '203.0.113.1'))).toEqual(['10.0.0.1'])
  expect(broken(at('2029-01-01T00:00:00Z', '203.0.113.9'))).toEqual(['203.0.113.1'])
})
