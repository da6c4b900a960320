import type { Labels, Protocol } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { importPolicies, type PolicyDocument } from '../src/index.ts'
import { modelOf, workload } from './builders.ts'

const calico = (kind: string, name: string, spec: string): string =>
  `apiVersion: projectcalico.org/v3\nkind: ${kind}\nmetadata: {name: ${name}, namespace: shop}\nspec: ${spec}\n`
const specs = (documents: readonly PolicyDocument[]): unknown[] => documents.map(({ source }) => source.spec)
const refusals = (text: string): string[] =>
  importPolicies(text).refused.map(({ at, construct }) => `${construct} at ${at.path}`)

describe('Calico', () => {
  test('policies that only allow stand for themselves', () => {
    const text = calico(
      'NetworkPolicy',
      'web',
      '{selector: "app == \'web\'", ingress: [{action: Allow, protocol: TCP, source: {selector: "has(a) && b in {\'1\', \'2\'}"}, destination: {ports: [80, "8000:8010"]}}]}',
    )
    const { documents, refused } = importPolicies(text)
    expect(refused).toEqual([])
    expect(specs(documents)).toEqual([
      {
        mode: 'Enforce',
        subject: { podSelector: { matchLabels: { app: 'web' } } },
        ingress: [
          {
            from: [
              {
                podSelector: {
                  matchExpressions: [
                    { key: 'a', operator: 'Exists' },
                    { key: 'b', operator: 'In', values: ['1', '2'] },
                  ],
                },
              },
            ],
            ports: [
              { protocol: 'TCP', port: 80 },
              { protocol: 'TCP', port: 8000, endPort: 8010 },
            ],
          },
        ],
      },
    ])
  })

  test('where order matters each piece of the cluster gets one list, in order', () => {
    const text = [
      calico(
        'NetworkPolicy',
        'first',
        '{order: 10, selector: "app == \'web\'", ingress: [{action: Allow, source: {nets: [10.0.0.1]}}]}',
      ),
      calico(
        'NetworkPolicy',
        'second',
        '{order: 20, selector: all(), ingress: [{action: Deny, source: {nets: [10.0.0.0/8]}}, {action: Allow}]}',
      ),
    ].join('---\n')
    const { documents, refused } = importPolicies(text)
    expect(refused).toEqual([])
    const one = { from: [{ ipBlock: { cidr: '10.0.0.1/32' } }] }
    const rest = [{ action: 'Deny', from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }, {}]
    expect(specs(documents)).toEqual([
      { mode: 'Enforce', subject: { podSelector: { matchLabels: { app: 'web' } } }, ingress: [one, ...rest] },
      {
        mode: 'Enforce',
        subject: { podSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] } },
        ingress: rest,
      },
    ])
  })

  test.each([
    ['{serviceAccountSelector: has(a)}', 'serviceAccountSelector at spec.serviceAccountSelector'],
    ['{tier: other}', 'tier at spec.tier'],
    ['{selector: "a contains \'b\'"}', 'selector at spec.selector'],
    ['{selector: "((("}', 'selector at spec.selector'],
    ['{ingress: [{action: Allow, protocol: 47}]}', 'protocol at spec.ingress[0].protocol'],
    ['{ingress: [{action: Allow, ipVersion: 5}]}', 'ipVersion at spec.ingress[0].ipVersion'],
    [
      '{ingress: [{action: Allow, source: {services: {name: a}}}]}',
      'services at spec.ingress[0].source.services',
    ],
    [
      '{ingress: [{action: Allow, source: {serviceAccounts: {selector: "has(a)"}}}]}',
      'selector at spec.ingress[0].source.serviceAccounts.selector',
    ],
    [
      '{ingress: [{action: Allow, destination: {nets: [10.0.0.0/8]}}]}',
      'nets at spec.ingress[0].destination.nets',
    ],
    ['{ingress: [{action: Pass, http: {methods: [GET]}}]}', 'spec at spec'],
    [
      '{ingress: [{action: Allow, source: {ports: [1]}, protocol: TCP}]}',
      'ports at spec.ingress[0].source.ports',
    ],
    ['{unheard: of}', 'unheard at spec.unheard'],
  ])('%s is refused by name', (spec, expected) => {
    expect(refusals(calico('NetworkPolicy', 'web', spec))).toContain(expected)
  })

  describe('a policy that has no translation', () => {
    const broken = (action: string, kind = 'NetworkPolicy') =>
      calico(kind, 'broken', `{order: 1, selector: "a contains 'b'", ingress: [{action: ${action}}]}`)
    const fine = calico('NetworkPolicy', 'fine', '{ingress: [{action: Allow}]}')
    const elsewhere = fine.replace('shop', 'jobs').replace('fine', 'jobs')
    const read = (...texts: readonly string[]) => importPolicies(texts.join('---\n'))

    test.each(['Deny', 'Pass'])('takes with it what it could %s', action => {
      const { documents, refused } = read(broken(action), fine, elsewhere)
      expect(documents.map(({ id }) => id)).toEqual(['SecurityPolicy/jobs/jobs'])
      expect(
        refused.map(({ at, reason }) => [
          at.document,
          reason.includes('in one order with NetworkPolicy broken'),
        ]),
      ).toEqual([
        [0, false],
        [1, true],
      ])
    })
    test('of every namespace, where it is about all', () => {
      expect(
        read(broken('Deny', 'GlobalNetworkPolicy').replace(', namespace: shop', ''), fine, elsewhere)
          .documents,
      ).toEqual([])
    })
    test('leaves the others where it only allows', () => {
      expect(read(broken('Allow'), fine).documents.map(({ name }) => name)).toEqual(['fine'])
    })
  })

  test('a staged policy is in Audit', () => {
    const text = calico('StagedNetworkPolicy', 'web', '{stagedAction: Set, ingress: [{action: Allow}]}')
    expect(importPolicies(text).documents.map(({ mode }) => mode)).toEqual(['Audit'])
  })
})

describe('rules of Calico', () => {
  const rule = (text: string): unknown => {
    const { documents, refused } = importPolicies(
      calico('NetworkPolicy', 'web', `{ingress: [{action: Allow, ${text}}]}`),
    )
    expect(refused).toEqual([])
    return (specs(documents)[0] as { ingress: unknown }).ingress // each is a policy's spec
  }
  test.each<[string, string, unknown]>([
    [
      'service accounts',
      'source: {serviceAccounts: {names: [a, b]}}',
      [{ from: [{ podSelector: {}, serviceAccounts: ['a', 'b'] }] }],
    ],
    ['IPv4', 'ipVersion: 4', [{ from: [{ ipBlock: { cidr: '0.0.0.0/0' } }] }]],
    [
      'IPv6 of both',
      'ipVersion: 6, source: {nets: [10.0.0.0/8, "fd00::/8"]}',
      [{ from: [{ ipBlock: { cidr: 'fd00::/8' } }] }],
    ],
    [
      'requests',
      'protocol: TCP, http: {methods: [GET], paths: [{exact: /a}, {prefix: /b/}]}',
      [
        {
          ports: [{ protocol: 'TCP' }],
          l7: [
            { http: { methods: ['GET'], path: { exact: '/a' } } },
            { http: { methods: ['GET'], path: { prefix: '/b/' } } },
          ],
        },
      ],
    ],
    ['another protocol', 'notProtocol: TCP', [{ action: 'Deny', ports: [{ protocol: 'TCP' }] }, {}]],
    [
      'all ports but one by name',
      'protocol: TCP, destination: {notPorts: [web]}',
      [{ action: 'Deny', ports: [{ protocol: 'TCP', port: 'web' }] }, { ports: [{ protocol: 'TCP' }] }],
    ],
  ])('%s', (_name, text, expected) => {
    expect(rule(text)).toEqual(expected)
  })

  test('a rule about some of the workloads makes pieces of them', () => {
    const { documents } = importPolicies(
      calico(
        'NetworkPolicy',
        'web',
        '{ingress: [{action: Allow, destination: {selector: "app == \'web\'"}}]}',
      ),
    )
    expect(specs(documents)).toEqual([
      { mode: 'Enforce', subject: { podSelector: { matchLabels: { app: 'web' } } }, ingress: [{}] },
      {
        mode: 'Enforce',
        subject: { podSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] } },
        ingress: [],
      },
    ])
  })
})

/** Calico's words that a rule may have here, each with what it means. */
const SELECTORS: Readonly<Record<string, (labels: Labels) => boolean>> = {
  'all()': () => true,
  "app == 'a'": ({ app }) => app === 'a',
  "app != 'a'": ({ app }) => app !== 'a',
  'has(tier)': ({ tier }) => tier !== undefined,
  '!has(tier)': ({ tier }) => tier === undefined,
  "tier in {'x'} || app == 'b'": ({ tier, app }) => tier === 'x' || app === 'b',
}
interface Rule {
  readonly action: 'Allow' | 'Deny' | 'Pass'
  readonly protocol: 'TCP' | 'UDP' | 'not TCP' | 'any'
  readonly ports: 'any' | '80' | 'not 80'
  readonly source: string
  readonly destination: string
}
interface Policy {
  readonly tier: 'early' | 'default'
  readonly selector: string
  readonly rules: readonly Rule[]
}

const selector = fc.constantFrom(...Object.keys(SELECTORS))
const RULE: fc.Arbitrary<Rule> = fc.record({
  action: fc.constantFrom('Allow', 'Allow', 'Deny', 'Pass'),
  protocol: fc.constantFrom('TCP', 'UDP', 'not TCP', 'any'),
  ports: fc.constantFrom('any', '80', 'not 80'),
  source: selector,
  destination: selector,
})
const POLICIES: fc.Arbitrary<readonly Policy[]> = fc.array(
  fc.record({
    tier: fc.constantFrom('early', 'default'),
    selector,
    rules: fc.array(RULE, { maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 3 },
)

const WORKLOADS = [
  workload('shop/a', '10.0.0.1', { labels: { app: 'a' } }),
  workload('shop/b', '10.0.0.2', { labels: { app: 'b' } }),
  workload('shop/ax', '10.0.0.3', { labels: { app: 'a', tier: 'x' } }),
  workload('shop/cy', '10.0.0.4', { labels: { app: 'c', tier: 'y' } }),
]
const CONVERSATIONS: readonly (readonly [Protocol, number])[] = [
  ['TCP', 80],
  ['TCP', 81],
  ['UDP', 80],
  ['ICMP', 8],
]
const hasPorts = (protocol: string): boolean => protocol === 'TCP' || protocol === 'UDP'

function ruleJson({ action, protocol, ports, source, destination }: Rule) {
  const asked = hasPorts(protocol) ? { protocol } : protocol === 'any' ? {} : { notProtocol: 'TCP' }
  const port =
    !hasPorts(protocol) || ports === 'any' ? {} : ports === '80' ? { ports: [80] } : { notPorts: [80] }
  return { action, ...asked, source: { selector: source }, destination: { selector: destination, ...port } }
}

const textOf = (policies: readonly Policy[], early: string): string =>
  [
    { kind: 'Tier', metadata: { name: 'early' }, spec: { order: 1, defaultAction: early } },
    ...policies.map(({ tier, selector: subject, rules }, i) => ({
      kind: 'GlobalNetworkPolicy',
      metadata: { name: `p${i}` },
      spec: { tier, order: i, selector: subject, types: ['Ingress'], ingress: rules.map(ruleJson) },
    })),
  ]
    .map(one => JSON.stringify({ apiVersion: 'projectcalico.org/v3', ...one }))
    .join('\n---\n')

const is = (text: string, labels: Labels): boolean => SELECTORS[text]?.(labels) === true

function matches(
  rule: Rule,
  [from, to]: readonly [Labels, Labels],
  [protocol, port]: readonly [Protocol, number],
) {
  if (!is(rule.source, from) || !is(rule.destination, to)) return false
  if (rule.protocol === 'any') return true
  if (rule.protocol === 'not TCP') return protocol !== 'TCP'
  return rule.protocol === protocol && (rule.ports === 'any' || (rule.ports === '80') === (port === 80))
}

/** The first match of the first policies; a tier that selects the workload ends with its default action. */
function passes(
  policies: readonly Policy[],
  early: string,
  ends: readonly [Labels, Labels],
  what: readonly [Protocol, number],
): boolean {
  for (const tier of ['early', 'default'] as const) {
    const asked = policies.filter(policy => policy.tier === tier && is(policy.selector, ends[1]))
    const rule = asked.flatMap(({ rules }) => rules).find(each => matches(each, ends, what))
    if (rule?.action === 'Allow') return true
    if (rule?.action === 'Deny') return false
    if (!rule && asked.length > 0 && (tier === 'default' || early === 'Deny')) return false
  }
  return true
}

test('tiers, order, Pass and rules about some workloads mean in Sekisho what they mean in Calico', () => {
  fc.assert(
    fc.property(POLICIES, fc.constantFrom('Deny', 'Pass'), (policies, early) => {
      const { documents, refused } = importPolicies(textOf(policies, early))
      expect(refused).toEqual([])
      const model = modelOf(WORKLOADS, documents)
      for (const from of WORKLOADS)
        for (const to of WORKLOADS.filter(each => each !== from))
          for (const [protocol, port] of CONVERSATIONS) {
            const query = { source: { workload: from.id }, destination: { workload: to.id }, protocol, port }
            const expected = passes(policies, early, [from.labels, to.labels], [protocol, port])
            expect(
              model.decide(query).verdict === 'allow',
              JSON.stringify([from.name, to.name, protocol, port]),
            ).toBe(expected)
          }
    }),
    { numRuns: 80 },
  )
})
