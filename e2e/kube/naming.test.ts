import type { EpochMs, Flow, NodeName } from '@sekisho/core'
import { expect, test } from 'vitest'
import { named } from '../../packages/control/src/agents/naming.ts'
import { modelOf, networkPolicy, workload } from '../../packages/policy/test/builders.ts'

const [HERE, THERE] = ['node-a', 'node-b'] as [NodeName, NodeName]
const WEB = workload('shop/web', '10.0.0.1', { node: HERE })
const API = workload('shop/api', '10.0.1.1', { node: THERE })
const PARTNER = workload('out/partner', '203.0.113.9', { kind: 'external', node: '' as NodeName })
const flow = (source: Flow['source'], destination: Flow['destination'], more: Partial<Flow> = {}): Flow => ({
  source,
  destination,
  protocol: 'TCP',
  port: 80,
  outcome: 'allowed',
  why: 'not-selected',
  connections: 1,
  packets: 2,
  bytesToDestination: 3,
  bytesToSource: 4,
  first: 1 as EpochMs,
  last: 2 as EpochMs,
  ...more,
})
const [web, api] = [
  { workload: WEB.id, ip: '10.0.0.1' },
  { workload: API.id, ip: '10.0.1.1' },
]
const bare = ({ ip }: { ip: string }) => ({ ip })
const all = [WEB, API, PARTNER]

test('who is called is named, and what its policies say is said', () => {
  const told = flow(web, bare(api))
  expect(named(told, HERE, modelOf(all))).toEqual(flow(web, api))
  const policy = networkPolicy('shop/api', { podSelector: { matchLabels: { app: 'api' } }, ingress: [{}] })
  expect(named(told, HERE, modelOf(all, [policy]))).toMatchObject({
    destination: api,
    outcome: 'allowed',
    why: 'rule-allow',
    direction: 'ingress',
    by: 'NetworkPolicy/shop/api#ingress[0]',
  })
})

test('what who is called would deny in Audit is audited; what it denies its own node tells', () => {
  const spec = { podSelector: { matchLabels: { app: 'api' } }, policyTypes: ['Ingress'] }
  const audit = modelOf(all, [networkPolicy('shop/api', spec, 'Audit')])
  const told = flow(web, bare(api))
  expect(named(told, HERE, audit)).toMatchObject({
    outcome: 'audited',
    direction: 'ingress',
    why: 'isolated',
  })
  expect(named(told, HERE, modelOf(all, [networkPolicy('shop/api', spec)]))).toBeUndefined()
  const denied = flow(web, bare(api), { outcome: 'denied', direction: 'egress', why: 'isolated' })
  expect(named(denied, HERE, modelOf(all, [networkPolicy('shop/api', spec)]))).toEqual({
    ...denied,
    destination: api,
  })
})

test('a flow between two nodes is told by the one it comes from, its denial by the one that denied it', () => {
  const told = flow(bare(api), web)
  expect(named(told, HERE, modelOf(all))).toBeUndefined()
  const denied = { ...told, outcome: 'denied', direction: 'ingress', why: 'isolated' } as const
  expect(named(denied, HERE, modelOf(all))).toEqual({ ...denied, source: api })
})

test('a machine outside has no agent to tell of it', () => {
  const partner = { workload: PARTNER.id, ip: '203.0.113.9' }
  expect(named(flow(bare(partner), web), HERE, modelOf(all))).toEqual(flow(partner, web))
})

test('a forged address accuses nobody, and an address of nobody stays one', () => {
  const forged = flow(bare(api), web, { outcome: 'denied', direction: 'egress', why: 'spoofed-source' })
  expect(named(forged, HERE, modelOf(all))).toEqual(forged)
  const outside = flow(web, { ip: '198.51.100.1' })
  expect(named(outside, HERE, modelOf(all))).toEqual(outside)
})
