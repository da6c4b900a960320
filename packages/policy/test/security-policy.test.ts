import type { Mode, Outcome, Protocol } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { type PolicyDocument, withMode } from '../src/index.ts'
import { modelOf, networkPolicy, securityPolicy, workload } from './builders.ts'

const WORKLOADS = [
  workload('shop/web', '10.0.0.1'),
  workload('shop/api', '10.0.0.2'),
  workload('jobs/job', '10.0.1.1'),
]
const from = (app: string) => [{ podSelector: { matchLabels: { app } } }]
const subject = { podSelector: { matchLabels: { app: 'web' } } }
const peers = { api: '10.0.0.2', job: '10.0.1.1', outside: '203.0.113.9' }

function ask(
  policies: readonly PolicyDocument[],
  peer: keyof typeof peers,
  { port = 80, protocol = 'TCP' }: { port?: number; protocol?: Protocol } = {},
) {
  const query = { source: { ip: peers[peer] }, destination: { ip: '10.0.0.1' }, protocol, port }
  return modelOf(WORKLOADS, policies).judge(query)
}

describe('SecurityPolicy', () => {
  const denyApi = { name: 'no api', action: 'Deny', from: from('api') }
  const everybody = [{ namespaceSelector: {} }]

  test.each([
    ['an empty section isolates', { ingress: [] }, 'api', 'denied'],
    ['only Deny rules do not isolate', { ingress: [denyApi] }, 'job', 'allowed'],
    ['but deny', { ingress: [denyApi] }, 'api', 'denied'],
    ['an Allow rule beside them isolates', { ingress: [denyApi, { from: everybody }] }, 'outside', 'denied'],
    [
      'inside a policy the order counts: allow first',
      { ingress: [{ from: everybody }, denyApi] },
      'api',
      'allowed',
    ],
    ['deny first', { ingress: [denyApi, { from: everybody }] }, 'api', 'denied'],
    [
      'a Pass before a Deny is an exception from it',
      { ingress: [{ action: 'Pass', from: from('api') }, { action: 'Deny' }] },
      'api',
      'allowed',
    ],
    [
      'and of nothing else',
      { ingress: [{ action: 'Pass', from: from('api') }, { action: 'Deny' }] },
      'job',
      'denied',
    ],
    ['a Pass alone isolates nobody', { ingress: [{ action: 'Pass', from: from('api') }] }, 'job', 'allowed'],
    ['the action is Allow unless written', { ingress: [{ from: from('api') }] }, 'api', 'allowed'],
    ['egress alone leaves ingress open', { egress: [] }, 'api', 'allowed'],
    ['policyTypes alone isolate', { policyTypes: ['Ingress'] }, 'api', 'denied'],
  ] as const)('%s', (_name, spec, peer, outcome) => {
    expect(ask([securityPolicy('shop/p', { subject, ...spec })], peer).outcome).toBe(outcome)
  })

  test('a Pass opens nothing that another policy denies or isolates', () => {
    const pass = securityPolicy('shop/a', {
      subject,
      ingress: [{ action: 'Pass', from: from('api') }, { action: 'Deny' }],
    })
    const deny = securityPolicy('shop/z', { subject, ingress: [denyApi] })
    const isolate = securityPolicy('shop/z', { subject, ingress: [] })
    expect(ask([pass, deny], 'api').outcome).toBe('denied')
    expect(ask([pass, isolate], 'api').outcome).toBe('denied')
  })

  test('a Deny of any policy wins over the Allow of another', () => {
    const deny = securityPolicy('shop/z-deny', { subject, ingress: [denyApi] })
    const allow = securityPolicy('shop/a-allow', { subject, ingress: [{ from: everybody }] })
    const network = networkPolicy('shop/allow', { podSelector: {}, ingress: [{}] })
    expect(ask([deny, allow, network], 'api').decision).toMatchObject({
      by: 'SecurityPolicy/shop/z-deny#ingress[0]',
      why: 'rule-deny',
    })
    expect(ask([deny, allow], 'job').outcome).toBe('allowed')
  })

  test('an Allow before a Deny excepts from that policy’s Deny only', () => {
    const own = securityPolicy('shop/own', { subject, ingress: [{ from: from('api') }, { action: 'Deny' }] })
    expect(ask([own], 'api').outcome).toBe('allowed')
    expect(ask([own], 'job').outcome).toBe('denied')
    const other = securityPolicy('shop/other', { subject, ingress: [denyApi] })
    expect(ask([own, other], 'api').outcome).toBe('denied')
  })

  test('ICMP by type', () => {
    const policies = [
      securityPolicy('shop/p', { subject, ingress: [{ ports: [{ protocol: 'ICMP', port: 8 }] }] }),
    ]
    expect(ask(policies, 'api', { protocol: 'ICMP', port: 8 }).outcome).toBe('allowed')
    expect(ask(policies, 'api', { protocol: 'ICMP', port: 13 }).outcome).toBe('denied')
    expect(ask(policies, 'api').outcome).toBe('denied')
  })

  test('a cluster policy selects in many namespaces, its peers are of any', () => {
    const policy = securityPolicy('/c', {
      subject: { namespaceSelector: { matchLabels: { team: 'red' } }, ...subject },
      ingress: [{ from: from('job') }],
    })
    expect(ask([policy], 'job').outcome).toBe('allowed')
    expect(ask([policy], 'api').outcome).toBe('denied')
    expect(policy.id).toBe('ClusterSecurityPolicy//c')
  })
})

describe('modes', () => {
  const policy = (mode: Mode) => securityPolicy('shop/p', { subject, ingress: [] }, mode)

  test.each<[Mode, Outcome]>([
    ['Enforce', 'denied'],
    ['Audit', 'audited'],
    ['Learn', 'allowed'],
  ])('%s', (mode, outcome) => {
    expect(ask([policy(mode)], 'api').outcome).toBe(outcome)
    expect(ask([networkPolicy('shop/n', { podSelector: {} }, mode)], 'api').outcome).toBe(outcome)
  })

  test('an Audit policy is judged together with those in Enforce', () => {
    const enforce = networkPolicy('shop/enforce', { podSelector: {}, ingress: [{ from: from('api') }] })
    expect(ask([enforce, policy('Audit')], 'api').outcome).toBe('allowed')
    expect(ask([enforce, policy('Audit')], 'job').outcome).toBe('denied')
    const deny = securityPolicy('shop/d', { subject, ingress: [{ action: 'Deny' }] }, 'Audit')
    expect(ask([enforce, deny], 'api')).toMatchObject({
      outcome: 'audited',
      decision: { by: 'SecurityPolicy/shop/d#ingress[0]' },
    })
  })

  test('withMode changes the policy and its source', () => {
    for (const document of [policy('Audit'), networkPolicy('shop/n', { podSelector: {} })]) {
      const enforced = withMode(document, 'Learn')
      expect(enforced.mode).toBe('Learn')
      expect(JSON.stringify(enforced.source)).toContain('Learn')
      expect(document.mode).not.toBe('Learn')
    }
  })
})
