import type { EpochMs, RuleId } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createModel,
  type FlowQuery,
  findUnused,
  type Model,
  type PolicyDocument,
  RULE_USES,
  type UnusedOptions,
  type UsingFlow,
} from '../src/index.ts'
import { useText } from '../src/learn/use-words.ts'
import { modelOf, networkPolicy, securityPolicy, workload } from './builders.ts'
import { ClusterSource, PORTS, RICH } from './cluster.ts'

const day = (n: number) => (n * 86_400_000) as EpochMs
const OBSERVED = { since: day(0), until: day(100) }
const WORKLOADS = [
  workload('shop/web', '10.0.0.1'),
  workload('shop/api', '10.0.0.2'),
  workload('shop/db', '10.0.0.3'),
]
const WEB = '10.0.0.1'
const API = '10.0.0.2'
const DB = '10.0.0.3'

function seen(source: string, destination: string, port: number, more: Partial<UsingFlow> = {}): UsingFlow {
  const query: FlowQuery = { source: { ip: source }, destination: { ip: destination }, protocol: 'TCP', port }
  return { query, connections: 5, last: day(99), ...more }
}

const from = (app: string) => [{ podSelector: { matchLabels: { app } } }]
const ingress = (...rules: readonly Record<string, unknown>[]) => ({ ingress: rules })

function found(policy: PolicyDocument, flows: readonly UsingFlow[], more: Partial<UnusedOptions> = {}) {
  const model = modelOf(WORKLOADS, [policy])
  return findUnused({ model, flows, observed: OBSERVED, days: 30, ...more })
}
const uses = (...args: Parameters<typeof found>) =>
  found(...args).rules.map(({ role, use }) => `${role} ${use}`)

describe('rules that no connection came to', () => {
  const policy = networkPolicy('shop/db', {
    podSelector: { matchLabels: { app: 'db' } },
    ...ingress({ from: from('web'), ports: [{ port: 80 }] }, { from: from('api') }),
  })

  test.each<[string, readonly UsingFlow[], Partial<UnusedOptions>, readonly string[]]>([
    ['what is used stays', [seen(WEB, DB, 80), seen(API, DB, 1)], {}, ['allow used', 'allow used']],
    ['one of two', [seen(API, DB, 1)], {}, ['allow unused', 'allow used']],
    ['on another port', [seen(WEB, DB, 81), seen(API, DB, 1)], {}, ['allow unused', 'allow used']],
    ['too long ago', [seen(API, DB, 1, { last: day(69) })], {}, ['allow unused', 'allow unused']],
    ['at the edge', [seen(API, DB, 1, { last: day(70) })], {}, ['allow unused', 'allow used']],
    [
      'seen for less than that',
      [seen(API, DB, 1)],
      { observed: { since: day(71), until: day(100) } },
      ['allow not-seen-long-enough', 'allow used'],
    ],
    [
      'changed within it',
      [seen(API, DB, 1)],
      { changedAt: () => day(80) },
      ['allow not-seen-long-enough', 'allow used'],
    ],
    ['changed before it', [], { changedAt: () => day(70) }, ['allow unused', 'allow unused']],
  ])('%s', (_name, flows, more, expected) => {
    expect(uses(policy, flows, more)).toEqual(expected)
  })

  test('how often and when last, and since when it was observed', () => {
    const flows = [seen(API, DB, 1, { last: day(90) }), seen(API, DB, 2, { last: day(80) })]
    expect(found(policy, flows, { changedAt: () => day(7) }).rules).toEqual([
      { rule: `${policy.id}#ingress[0]`, role: 'allow', use: 'unused', connections: 0, since: day(7) },
      {
        rule: `${policy.id}#ingress[1]`,
        role: 'allow',
        use: 'used',
        connections: 10,
        last: day(90),
        since: day(7),
      },
    ])
  })

  test('the proposal is the policy without them; it isolates as before', () => {
    const { documents, yaml } = found(policy, [])
    expect(documents.map(({ id, sections }) => [id, sections])).toEqual([
      [policy.id, { ingress: { isolates: true, rules: [] } }],
    ])
    expect(yaml).toContain('ingress: []')
    expect(found(policy, [seen(WEB, DB, 80), seen(API, DB, 1)]).documents).toEqual([])
  })

  test('an egress without rules still isolates', () => {
    const both = networkPolicy('shop/web', { podSelector: { matchLabels: { app: 'web' } }, egress: [{}] })
    expect(found(both, []).documents[0]?.sections).toEqual({
      ingress: { isolates: true, rules: [] },
      egress: { isolates: true, rules: [] },
    })
  })
})

describe('who uses a rule', () => {
  test('both sides of what passes, of which a record names one', () => {
    const policy = networkPolicy('shop/all', {
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{}],
      egress: [{}],
    })
    const flow = seen(WEB, DB, 80, { by: `${policy.id}#ingress[0]` as RuleId })
    expect(found(policy, [flow]).rules.map(({ use, connections }) => [use, connections])).toEqual([
      ['used', 5],
      ['used', 5],
    ])
  })

  test('what is denied on its way in used nothing on its way out', () => {
    const policy = networkPolicy('shop/all', { policyTypes: ['Ingress', 'Egress'], egress: [{}] })
    expect(uses(policy, [seen(WEB, DB, 80)])).toEqual(['allow unused'])
  })

  test('policies in Audit, which no record names where they allow; not those in Learn', () => {
    const spec = { podSelector: {}, ...ingress({ from: from('web') }, { from: from('api') }) }
    expect(uses(networkPolicy('shop/a', spec, 'Audit'), [seen(WEB, DB, 80)])).toEqual([
      'allow used',
      'allow unused',
    ])
    expect(uses(networkPolicy('shop/a', spec, 'Learn'), [])).toEqual([])
  })

  test('denials and exceptions are no mistakes: said, and not proposed', () => {
    const policy = securityPolicy('shop/p', {
      ...ingress(
        { action: 'Allow', from: from('web') },
        { action: 'Deny', ports: [{ port: 22 }] },
        { action: 'Pass', from: from('db') },
        { action: 'Allow', from: from('api'), ticket: 'SEC-1' },
        { action: 'Allow', from: from('api'), ports: [{ port: 1 }] },
      ),
    })
    expect(uses(policy, [])).toEqual([
      'exception unused',
      'deny unused',
      'exception unused',
      'exception unused',
      'allow unused',
    ])
    expect(found(policy, []).documents[0]?.sections.ingress?.rules).toHaveLength(4)
  })

  test('the last Allow rule beside Deny rules is what isolates: it is not proposed', () => {
    const policy = securityPolicy('shop/p', {
      ...ingress({ action: 'Deny', ports: [{ port: 22 }] }, { action: 'Allow', from: from('api') }),
    })
    const { rules, documents } = found(policy, [])
    expect(rules.map(({ use, isolates }) => [use, isolates])).toEqual([
      ['unused', undefined],
      ['unused', true],
    ])
    expect(documents).toEqual([])
  })

  test('a rule of some requests is perhaps used, unless a record names it', () => {
    const policy = securityPolicy('shop/p', {
      ...ingress({ from: from('web'), l7: [{ http: { methods: ['GET'] } }] }),
    })
    const rule = `${policy.id}#ingress[0]` as RuleId
    expect(uses(policy, [seen(WEB, DB, 80)])).toEqual(['allow perhaps'])
    expect(uses(policy, [seen(WEB, DB, 80, { by: rule })])).toEqual(['allow used'])
    const changedAt = () => day(100)
    expect(uses(policy, [seen(WEB, DB, 80, { by: rule })], { changedAt })).toEqual(['allow perhaps'])
  })
})

test.each(RULE_USES)('people read it in both languages: %s', use => {
  const said = (['en', 'ja'] as const).map(language => useText({ use, isolates: true }, 30, language))
  expect(new Set(said).size).toBe(2)
})

/** What passes, on each set of policies; open questions too. */
const verdicts = (model: Model, { query }: UsingFlow) =>
  (['enforce', 'audit'] as const).map(set => {
    const { verdict, inspect } = model.decide(query, set)
    return [verdict, inspect?.needs]
  })

test('without what is unused everything that was seen is judged as before', () => {
  let removed = 0
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), seed => {
      const source = new ClusterSource(seed, RICH)
      const { namespaces, nodes, workloads, policies } = source.cluster()
      const model = createModel()
      model.update({
        namespaces: { set: namespaces },
        nodes: { set: nodes },
        workloads: { set: workloads },
        policies: { set: policies },
      })
      const addresses = [...workloads.flatMap(one => one.addresses), '203.0.113.9']
      const flows = Array.from({ length: 30 }, () => {
        const to = source.random.pick(addresses)
        const family = addresses.filter(ip => ip.includes(':') === to.includes(':'))
        return seen(source.random.pick(family), to, source.random.pick(PORTS))
      })
      const before = flows.map(flow => verdicts(model, flow))
      const { documents, rules } = findUnused({ model, flows, observed: OBSERVED, days: 30 })
      model.update({ policies: { set: documents } })
      removed += documents.length
      expect(flows.map(flow => verdicts(model, flow))).toEqual(before)
      // What is left is used or cannot go.
      const again = findUnused({ model, flows, observed: OBSERVED, days: 30 })
      expect(again.documents).toEqual([])
      expect(again.rules.filter(({ use }) => use === 'used')).toHaveLength(
        rules.filter(({ use }) => use === 'used').length,
      )
    }),
    { numRuns: 100 },
  )
  expect(removed).toBeGreaterThan(100)
})
