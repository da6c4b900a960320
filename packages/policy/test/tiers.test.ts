import { describe, expect, test } from 'vitest'
import { createTableCompiler, type PolicyDocument, validatePolicy } from '../src/index.ts'
import { modelOf, NODE, networkPolicy, valid, workload } from './builders.ts'

type Json = Readonly<Record<string, unknown>>

const WORKLOADS = [
  workload('shop/web', '10.0.0.1', { ports: [{ name: 'web', protocol: 'TCP', port: 8080 }] }),
  workload('shop/api', '10.0.0.2'),
  workload('jobs/job', '10.0.1.1'),
  workload('/node-a', '192.168.0.1', { kind: 'host', hostNetwork: true, labels: { role: 'worker' } }),
]

const source = (name: string, spec: Json): Json => ({
  apiVersion: 'policy.networking.k8s.io/v1alpha2',
  kind: 'ClusterNetworkPolicy',
  metadata: { name },
  spec,
})
/** A policy for every pod; Admin and first unless it says otherwise. */
const tier = (name: string, spec: Json): PolicyDocument =>
  valid(source(name, { tier: 'Admin', priority: 0, subject: { namespaces: {} }, ...spec }))

const fromApi = [{ pods: { namespaceSelector: {}, podSelector: { matchLabels: { app: 'api' } } } }]
const ingress = (action: string, from: readonly Json[] = fromApi, more: Json = {}) => [
  { action, from, ...more },
]
const egress = (action: string, to: readonly Json[], more: Json = {}) => [{ action, to, ...more }]
const CLOSED = networkPolicy('shop/closed', { podSelector: {}, policyTypes: ['Ingress'] })
const OPEN = networkPolicy('shop/open', { podSelector: {}, ingress: [{}] })

function ask(
  policies: readonly PolicyDocument[],
  [source, destination, port = 80]: readonly [string, string, number?],
) {
  const query = { source: { ip: source }, destination: { ip: destination }, protocol: 'TCP', port } as const
  const { verdict, by } = modelOf(WORKLOADS, policies).decide(query)
  return by === undefined ? verdict : `${verdict} ${by.split('/').at(-1)}`
}
const API_TO_WEB = ['10.0.0.2', '10.0.0.1'] as const
const JOB_TO_WEB = ['10.0.1.1', '10.0.0.1'] as const

describe('ClusterNetworkPolicy decides', () => {
  test.each<[string, readonly PolicyDocument[], readonly [string, string, number?], string]>([
    [
      'Admin Accept over an isolating NetworkPolicy',
      [tier('a', { ingress: ingress('Accept') }), CLOSED],
      API_TO_WEB,
      'allow a#ingress[0]',
    ],
    [
      'Admin Deny over an allowing one',
      [tier('a', { ingress: ingress('Deny') }), OPEN],
      API_TO_WEB,
      'deny a#ingress[0]',
    ],
    [
      'nothing for others',
      [tier('a', { ingress: ingress('Deny') }), OPEN],
      JOB_TO_WEB,
      'allow open#ingress[0]',
    ],
    [
      'Pass leaves the tier and not only its policy',
      [tier('a', { ingress: ingress('Pass') }), tier('b', { priority: 1, ingress: ingress('Deny') }), OPEN],
      API_TO_WEB,
      'allow open#ingress[0]',
    ],
    [
      'lower priorities first, whatever the names',
      [
        tier('a', { priority: 9, ingress: ingress('Deny') }),
        tier('b', { priority: 1, ingress: ingress('Accept') }),
      ],
      API_TO_WEB,
      'allow b#ingress[0]',
    ],
    [
      'names where priorities are equal',
      [tier('b', { ingress: ingress('Deny') }), tier('a', { ingress: ingress('Accept') })],
      API_TO_WEB,
      'allow a#ingress[0]',
    ],
    [
      'Baseline where no NetworkPolicy selects the pod',
      [tier('base', { tier: 'Baseline', ingress: ingress('Deny') })],
      API_TO_WEB,
      'deny base#ingress[0]',
    ],
    [
      'a NetworkPolicy is final over Baseline',
      [tier('base', { tier: 'Baseline', ingress: ingress('Deny') }), OPEN],
      API_TO_WEB,
      'allow open#ingress[0]',
    ],
    [
      'for its direction only: Baseline still judges the egress',
      [tier('base', { tier: 'Baseline', egress: egress('Deny', [{ namespaces: {} }]) }), OPEN],
      API_TO_WEB,
      'deny base#egress[0]',
    ],
    ['without rules nothing is touched', [tier('a', {})], API_TO_WEB, 'allow'],
    [
      'what no rule matches is allowed: no tier isolates',
      [tier('a', { ingress: ingress('Accept') })],
      JOB_TO_WEB,
      'allow',
    ],
    [
      'networks match pods too',
      [tier('a', { egress: egress('Deny', [{ networks: ['0.0.0.0/0'] }]) })],
      API_TO_WEB,
      'deny a#egress[0]',
    ],
    [
      'nodes by the labels of their hosts',
      [tier('a', { egress: egress('Deny', [{ nodes: { matchLabels: { role: 'worker' } } }]) })],
      ['10.0.0.2', '192.168.0.1'],
      'deny a#egress[0]',
    ],
    [
      'and no others',
      [tier('a', { egress: egress('Deny', [{ nodes: { matchLabels: { role: 'db' } } }]) })],
      ['10.0.0.2', '192.168.0.1'],
      'allow',
    ],
    [
      'a named port of each destination',
      [
        tier('a', {
          egress: egress('Deny', [{ namespaces: {} }], { protocols: [{ destinationNamedPort: 'web' }] }),
        }),
      ],
      ['10.0.0.2', '10.0.0.1', 8080],
      'deny a#egress[0]',
    ],
    [
      'a port range',
      [
        tier('a', {
          ingress: ingress('Deny', fromApi, {
            protocols: [{ tcp: { destinationPort: { range: { start: 80, end: 90 } } } }],
          }),
        }),
      ],
      API_TO_WEB,
      'deny a#ingress[0]',
    ],
    [
      'an unknown peer: Accept matches nothing',
      [tier('a', { ingress: ingress('Accept', [{}, ...fromApi]) }), CLOSED],
      API_TO_WEB,
      'deny closed#ingress',
    ],
    [
      'Pass denies everything',
      [tier('a', { ingress: ingress('Pass', [{}, ...fromApi]) })],
      JOB_TO_WEB,
      'deny a#ingress[0]',
    ],
    [
      'Deny denies everything, on any port',
      [
        tier('a', {
          egress: egress('Deny', [{}], { protocols: [{ udp: { destinationPort: { number: 9 } } }] }),
        }),
      ],
      JOB_TO_WEB,
      'deny a#egress[0]',
    ],
    [
      'and what is outside',
      [tier('a', { egress: egress('Pass', [{}]) })],
      ['10.0.0.2', '203.0.113.1'],
      'deny a#egress[0]',
    ],
    [
      'and goes on with the rules before it',
      [tier('a', { ingress: [...ingress('Accept'), ...ingress('Deny', [{}])] })],
      API_TO_WEB,
      'allow a#ingress[0]',
    ],
  ])('%s', (_name, policies, asked, expected) => {
    expect(ask(policies, asked)).toBe(expected)
  })

  test.each([
    ['a name', 'www.example.com', ['www.example.com'], 'allow a#egress[0]'],
    ['in any case', 'WWW.Example.com', ['www.example.com'], 'allow a#egress[0]'],
    ['one label', '*.example.com', ['www.example.com'], 'allow a#egress[0]'],
    ['more labels', '*.example.com', ['a.b.c.example.com'], 'allow a#egress[0]'],
    ['no label', '*.example.com', ['example.com'], 'deny a#egress[1]'],
    ['part of a label', '*.example.com', ['badexample.com'], 'deny a#egress[1]'],
    ['no name that led there', '*.example.com', [], 'deny a#egress[1]'],
  ])('domainNames: %s', (_name, pattern, names, expected) => {
    const rules = [
      ...egress('Accept', [{ domainNames: [pattern] }]),
      ...egress('Deny', [{ networks: ['0.0.0.0/0'] }]),
    ]
    const { verdict, by = '' } = modelOf(WORKLOADS, [tier('a', { egress: rules })]).decide({
      source: { ip: '10.0.0.1' },
      destination: { ip: '203.0.113.1' },
      protocol: 'TCP',
      port: 443,
      facts: { names, application: 'unknown' },
    })
    expect(`${verdict} ${by.split('/').at(-1)}`).toBe(expected)
  })

  test('domainNames: a name that leads inside the cluster accepts nothing', () => {
    const rules = [
      ...egress('Accept', [{ domainNames: ['*.example.com'] }]),
      ...egress('Deny', [{ namespaces: {} }]),
    ]
    const { verdict } = modelOf(WORKLOADS, [tier('a', { egress: rules })]).decide({
      source: { ip: '10.0.0.2' },
      destination: { ip: '10.0.0.1' },
      protocol: 'TCP',
      port: 443,
      facts: { names: ['a.example.com'], application: 'unknown' },
    })
    expect(verdict).toBe('deny')
  })

  test('host-network pods are never subject', () => {
    const pod = workload('shop/agent', '192.168.0.1', { hostNetwork: true })
    const model = modelOf(
      [...WORKLOADS, pod],
      [tier('a', { ingress: ingress('Deny', [{ namespaces: {} }]) })],
    )
    expect(model.selecting(pod.id)).toEqual([])
  })

  test('a changed priority changes the table', () => {
    const first = tier('a', { priority: 1, ingress: ingress('Deny') })
    const model = modelOf(WORKLOADS, [first, tier('b', { priority: 2, ingress: ingress('Accept') })])
    const compiler = createTableCompiler(model, { name: NODE, addresses: [] })
    const actions = () =>
      [...compiler.table.chains.values()].map(({ stages }) => stages[0]?.map(rule => rule.action))
    expect(actions()).toEqual([['deny', 'allow']])
    compiler.update(
      model.update({ policies: { set: [tier('a', { priority: 3, ingress: ingress('Deny') })] } }),
    )
    expect(actions()).toEqual([['allow', 'deny']])
  })
})

describe('ClusterNetworkPolicy refuses', () => {
  const rule = (more: Json) => ({ egress: [{ action: 'Accept', to: [{ namespaces: {} }], ...more }] })
  const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)
  test('nothing at 25 of each', () => {
    const full = {
      action: 'Accept',
      to: [...times(24, { namespaces: {} }), { networks: times(25, '::/0') }],
      protocols: times(25, { tcp: { destinationPort: { number: 1 } } }),
    }
    expect(tier('a', { egress: times(25, full) }).sections.egress?.rules).toHaveLength(25)
  })

  test.each<[string, Json, string, RegExp]>([
    ['another tier', { tier: 'Middle' }, 'spec.tier', /must be one of Admin, Baseline/],
    ['a priority out of range', { priority: 1001 }, 'spec.priority', /0 to 1000/],
    ['no subject', { subject: undefined }, 'spec.subject', /required/],
    [
      'both kinds of subject',
      { subject: { namespaces: {}, pods: { podSelector: {} } } },
      'spec.subject',
      /exactly one of/,
    ],
    ['an empty list of peers', rule({ to: [] }), 'spec.egress[0].to', /at least one item/],
    [
      'two fields in one peer',
      rule({ to: [{ nodes: {}, networks: ['::/0'] }] }),
      'spec.egress[0].to[0]',
      /exactly one of/,
    ],
    ['a misspelt peer', rule({ to: [{ podz: {} }] }), 'spec.egress[0].to[0].podz', /did you mean "pods"/],
    [
      'networks as ingress peer',
      { ingress: ingress('Deny', [{ networks: ['::/0'] }]) },
      'spec.ingress[0].from[0].networks',
      /unknown field/,
    ],
    [
      'named ports of networks',
      rule({ to: [{ networks: ['::/0'] }], protocols: [{ destinationNamedPort: 'web' }] }),
      'spec.egress[0].protocols',
      /no named ports/,
    ],
    [
      'Deny by name',
      rule({ action: 'Deny', to: [{ domainNames: ['a.example.com'] }] }),
      'spec.egress[0].to',
      /for Accept only/,
    ],
    [
      'a name with * inside',
      rule({ to: [{ domainNames: ['a.*.com'] }] }),
      'spec.egress[0].to[0].domainNames[0]',
      /only stand at the start/,
    ],
    [
      'a range backwards',
      rule({ protocols: [{ tcp: { destinationPort: { range: { start: 9, end: 9 } } } }] }),
      'spec.egress[0].protocols[0].tcp.destinationPort.range',
      /less than end/,
    ],
    ['too many rules', { egress: times(26, rule({}).egress[0]) }, 'spec.egress', /at most 25/],
    ['too many rules in', { ingress: times(26, ingress('Deny')[0]) }, 'spec.ingress', /at most 25/],
    ['too many peers', rule({ to: times(26, { namespaces: {} }) }), 'spec.egress[0].to', /at most 25/],
    [
      'too many networks',
      rule({ to: [{ networks: times(26, '::/0') }] }),
      'spec.egress[0].to[0].networks',
      /at most 25/,
    ],
    [
      'too many names',
      rule({ to: [{ domainNames: times(26, 'a.example.com') }] }),
      'spec.egress[0].to[0].domainNames',
      /at most 25/,
    ],
    [
      'too many protocols',
      rule({ protocols: times(26, { tcp: { destinationPort: { number: 1 } } }) }),
      'spec.egress[0].protocols',
      /at most 25/,
    ],
    ['no protocol in the list', rule({ protocols: [] }), 'spec.egress[0].protocols', /at least one item/],
    ['no action', rule({ action: undefined }), 'spec.egress[0].action', /required/],
    ['the action of the older API', rule({ action: 'Allow' }), 'spec.egress[0].action', /Accept, Deny, Pass/],
    [
      'pods without podSelector',
      rule({ to: [{ pods: {} }] }),
      'spec.egress[0].to[0].pods.podSelector',
      /required/,
    ],
    ['a long name', rule({ name: 'x'.repeat(101) }), 'spec.egress[0].name', /1 to 100/],
  ])('%s', (_name, spec, path, reason) => {
    const read = validatePolicy(
      source('a', { tier: 'Admin', priority: 0, subject: { namespaces: {} }, ...spec }),
    )
    const found = read.ok ? undefined : read.error.find(problem => problem.path === path)
    expect(found?.reason, JSON.stringify(read)).toMatch(reason)
  })
})
