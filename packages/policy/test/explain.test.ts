import { REASONS } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createModel,
  type Explanation,
  explain,
  explainSentences,
  type FlowQuery,
  ON_DENY,
} from '../src/index.ts'
import { modelOf, networkPolicy, securityPolicy, workload } from './builders.ts'
import { ClusterSource, PORTS, RICH } from './cluster.ts'

const WORKLOADS = [
  workload('shop/web', '10.0.0.1'),
  workload('shop/api', '10.0.0.2'),
  workload('jobs/job', '10.0.1.1'),
]
const DENY_ALL = networkPolicy('shop/deny-all', { policyTypes: ['Ingress', 'Egress'] })
const query = (source: string, destination: string, port = 80): FlowQuery => ({
  source: { ip: source },
  destination: { ip: destination },
  protocol: 'TCP',
  port,
})

describe('explain', () => {
  test('an isolation on both sides: two small policies', () => {
    const { outcome, change, egress, ingress } = explain(
      modelOf(WORKLOADS, [DENY_ALL]),
      query('10.0.0.1', '10.0.0.2'),
    )
    expect([outcome, egress.why, ingress.why]).toEqual(['denied', 'isolated', 'isolated'])
    expect(change?.documents.map(document => [document.id, document.mode])).toEqual([
      ['SecurityPolicy/shop/allow-web-to-shop-api-tcp-80', 'Enforce'],
      ['SecurityPolicy/shop/allow-api-from-shop-web-tcp-80', 'Enforce'],
    ])
    expect(change?.yaml).toContain('---\n')
  })

  test('a Deny rule beside Allow rules: an exception before it', () => {
    const rules = [{ action: 'Deny', ports: [{ port: 80 }] }, {}]
    const { change } = explain(
      modelOf(WORKLOADS, [securityPolicy('shop/p', { ingress: rules })]),
      query('10.0.1.1', '10.0.0.2'),
    )
    expect(change?.edits).toEqual([{ policy: 'SecurityPolicy/shop/p', edit: 'allow-before-deny' }])
    expect(change?.documents[0]?.sections.ingress?.rules.map(rule => rule.action)).toEqual([
      'Allow',
      'Deny',
      'Allow',
    ])
  })

  test('a Deny rule alone: it has to go, for an Allow would isolate', () => {
    const one = securityPolicy('shop/p', { ingress: [{ action: 'Deny', ports: [{ port: 80 }] }] })
    const two = securityPolicy('shop/p', {
      ingress: [
        { action: 'Deny', ports: [{ port: 80 }] },
        { action: 'Deny', ports: [{ port: 22 }] },
      ],
    })
    expect(explain(modelOf(WORKLOADS, [one]), query('10.0.1.1', '10.0.0.2')).change).toMatchObject({
      removed: [one.id],
      documents: [],
    })
    const { change } = explain(modelOf(WORKLOADS, [two]), query('10.0.1.1', '10.0.0.2'))
    expect(change?.documents[0]?.sections.ingress?.rules).toHaveLength(1)
  })

  test('audited: the change is in Audit', () => {
    const audit = networkPolicy('shop/a', {}, 'Audit')
    const { outcome, change, verdict } = explain(modelOf(WORKLOADS, [audit]), query('10.0.1.1', '10.0.0.2'))
    expect([outcome, verdict, change?.documents[0]?.mode]).toEqual(['audited', 'deny', 'Audit'])
  })

  test('every policy that was looked at', () => {
    const policies = [
      networkPolicy('shop/a-web', { podSelector: { matchLabels: { app: 'web' } } }),
      networkPolicy('shop/b-out', { policyTypes: ['Egress'], egress: [{}] }),
      networkPolicy('shop/c-in', { ingress: [{ ports: [{ port: 443 }] }, { ports: [{ port: 80 }] }] }),
    ]
    const { considered } = explain(modelOf(WORKLOADS, policies), query('10.0.1.1', '10.0.0.2'))
    expect(
      considered.map(({ policy, outcome, rule }) => [policy.slice(19), outcome, rule?.slice(-10)]),
    ).toEqual([
      ['b-out', 'other-direction', undefined],
      ['c-in', 'matched', 'ingress[1]'],
      ['a-web', 'does-not-select', undefined],
    ])
  })

  test('ends: a workload, a node, an outside address', () => {
    const model = modelOf(WORKLOADS)
    expect(explain(model, query('192.168.0.1', '10.0.0.1')).source).toEqual({
      kind: 'node',
      node: 'node-a',
      ip: '192.168.0.1',
    })
    expect(explain(model, query('203.0.113.1', '10.0.0.1')).source).toEqual({
      kind: 'outside',
      ip: '203.0.113.1',
    })
    expect(explain(model, query('10.0.0.2', '10.0.0.1')).source).toMatchObject({
      kind: 'workload',
      name: 'api',
    })
  })

  test('the change, applied, allows: and of the denied only what it must', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), seed => {
        const source = new ClusterSource(seed, RICH)
        const cluster = source.cluster()
        const addresses = [...cluster.workloads.flatMap(one => one.addresses), '203.0.113.9']
        const from = source.random.pick(addresses)
        const to = source.random.pick(addresses.filter(ip => ip.includes(':') === from.includes(':')))
        const asked = query(from, to, source.random.pick(PORTS))
        const model = createModel()
        model.update({
          namespaces: { set: cluster.namespaces },
          workloads: { set: cluster.workloads },
          policies: { set: cluster.policies },
        })
        const { outcome, change } = explain(model, asked)
        expect(change !== undefined).toBe(outcome !== 'allowed')
        model.update({ policies: { set: change?.documents ?? [], removed: change?.removed ?? [] } })
        const after = model.judge(asked).outcome
        expect(outcome === 'denied' ? after !== 'denied' : after === 'allowed').toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})

describe('sentences', () => {
  const denied = explain(modelOf(WORKLOADS, [DENY_ALL]), query('10.0.0.1', '10.0.0.2'))

  test('English', () => {
    expect(explainSentences(denied, 'en')).toEqual([
      'shop/web (10.0.0.1) may not reach shop/api (10.0.0.2) on TCP 80.',
      'NetworkPolicy shop/deny-all isolates the egress of shop/web (10.0.0.1), and no rule of any policy allows this.',
      'The ingress of shop/api (10.0.0.2) denies it too (NetworkPolicy shop/deny-all).',
      'A new SecurityPolicy shop/allow-web-to-shop-api-tcp-80 with one rule would allow it.',
      'A new SecurityPolicy shop/allow-api-from-shop-web-tcp-80 with one rule would allow it.',
    ])
  })

  test('Japanese', () => {
    expect(explainSentences(denied, 'ja').slice(0, 3)).toEqual([
      'shop/web（10.0.0.1）から shop/api（10.0.0.2）への TCP 80 通信は拒否されます。',
      'NetworkPolicy shop/deny-all が shop/web（10.0.0.1）の送信を制限しており、この通信を許可するルールはどのポリシーにもありません。',
      'shop/api（10.0.0.2）の受信側でも拒否されます（NetworkPolicy shop/deny-all）。',
    ])
  })

  test.each(ON_DENY)('how it ends is said where its ends hear of it: %s', onDeny => {
    const said = (['en', 'ja'] as const).map(language => {
      const plain = explainSentences(denied, language)
      if (onDeny === 'drop') return []
      const told = explainSentences({ ...denied, onDeny }, language)
      expect(explainSentences({ ...denied, outcome: 'audited', onDeny }, language)).toHaveLength(plain.length)
      return told.filter(sentence => !plain.includes(sentence))
    })
    expect(said.map(({ length }) => length)).toEqual(onDeny === 'drop' ? [0, 0] : [1, 1])
  })

  test.each(REASONS)('every reason has a sentence in both languages: %s', why => {
    const explanation: Explanation = { ...denied, why }
    for (const language of ['en', 'ja'] as const) {
      expect(explainSentences(explanation, language)[1]).toMatch(/[.。]$/)
    }
  })
})
