import { describe, expect, test } from 'vitest'
import { type FlowQuery, importPolicies, type PolicyDocument } from '../src/index.ts'
import { modelOf, workload } from './builders.ts'

type Json = Readonly<Record<string, unknown>>

const api = (kind: string, name: string, spec: Json): string =>
  JSON.stringify({ apiVersion: 'policy.networking.k8s.io/v1alpha1', kind, metadata: { name }, spec })
const anp = (spec: Json, name = 'a'): string =>
  api('AdminNetworkPolicy', name, { priority: 5, subject: { namespaces: {} }, ...spec })
const banp = (spec: Json): string =>
  api('BaselineAdminNetworkPolicy', 'default', { subject: { namespaces: {} }, ...spec })

const read = (...texts: readonly string[]): readonly PolicyDocument[] => {
  const { documents, refused } = importPolicies(texts.join('\n---\n'))
  expect(refused).toEqual([])
  return documents
}
const refusals = (...texts: readonly string[]): string[] =>
  importPolicies(texts.join('\n---\n')).refused.map(({ at, reason }) => `${at.path}: ${reason}`)

const house = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } })

describe('each part has its counterpart', () => {
  test('tier, priority, subject, actions, peers and ports', () => {
    const [document] = read(
      anp({
        priority: 7,
        subject: { pods: { namespaceSelector: house('shop'), podSelector: { matchLabels: { app: 'web' } } } },
        ingress: [{ name: 'in', action: 'Allow', from: [{ namespaces: house('jobs') }] }],
        egress: [
          {
            action: 'Deny',
            to: [{ networks: ['10.0.0.9/8', '2001:db8::/32'] }, { nodes: { matchLabels: { role: 'db' } } }],
            ports: [{ portNumber: { port: 80 } }, { portRange: { protocol: 'UDP', start: 1, end: 9 } }],
          },
          {
            action: 'Pass',
            to: [{ pods: { namespaceSelector: {}, podSelector: {} } }],
            ports: [{ namedPort: 'web' }],
          },
          { action: 'Allow', to: [{ domainNames: ['*.Example.com.'] }] },
        ],
      }),
    )
    expect(document?.source).toEqual({
      apiVersion: 'policy.networking.k8s.io/v1alpha2',
      kind: 'ClusterNetworkPolicy',
      metadata: { name: 'a', annotations: { 'sekisho.dev/imported-from': 'AdminNetworkPolicy a' } },
      spec: {
        tier: 'Admin',
        priority: 7,
        subject: { pods: { namespaceSelector: house('shop'), podSelector: { matchLabels: { app: 'web' } } } },
        ingress: [{ name: 'in', action: 'Accept', from: [{ namespaces: house('jobs') }] }],
        egress: [
          {
            action: 'Deny',
            to: [{ nodes: { matchLabels: { role: 'db' } } }, { networks: ['10.0.0.0/8', '2001:db8::/32'] }],
            protocols: [
              { tcp: { destinationPort: { number: 80 } } },
              { udp: { destinationPort: { range: { start: 1, end: 9 } } } },
            ],
          },
          { action: 'Pass', to: [{ namespaces: {} }], protocols: [{ destinationNamedPort: 'web' }] },
          { action: 'Accept', to: [{ domainNames: ['*.example.com'] }] },
        ],
      },
    })
  })

  test('the baseline is of the Baseline tier, behind newer ones, under a name of its own', () => {
    const [a, b] = read(
      anp({}, 'default'),
      banp({ ingress: [{ action: 'Deny', from: [{ namespaces: {} }] }] }),
    )
    expect(a?.name).toBe('default')
    expect(b).toMatchObject({
      kind: 'ClusterNetworkPolicy',
      name: 'baseline-default',
      tier: 'Baseline',
      priority: 1000,
    })
  })

  test('first versions wrote an object around the selector', () => {
    const [document] = read(
      anp({
        ingress: [
          { action: 'Deny', from: [{ namespaces: { namespaceSelector: house('a') } }] },
          { action: 'Deny', from: [{ pods: { namespaces: { namespaceSelector: house('b') } } }] },
        ],
      }),
    )
    const from = document?.sections.ingress?.rules.map(({ peers }) => peers?.[0])
    expect(from).toMatchObject([{ namespaceSelector: house('a') }, { namespaceSelector: house('b') }])
  })
})

describe('the order of decisions is kept', () => {
  const WORKLOADS = [
    workload('shop/web', '10.0.0.1', { ports: [{ name: 'web', protocol: 'TCP', port: 8080 }] }),
    workload('jobs/job', '10.0.1.1'),
  ]
  const ask = (documents: readonly PolicyDocument[], port: number, destination = '10.0.0.1') => {
    const query: FlowQuery = {
      source: { ip: '10.0.1.1' },
      destination: { ip: destination },
      protocol: 'TCP',
      port,
    }
    return modelOf(WORKLOADS, documents).decide(query).verdict
  }
  const rule = (action: string, port: number) => ({
    action,
    from: [{ namespaces: {} }],
    ports: [{ portNumber: { port } }],
  })

  test('Admin by priority, then NetworkPolicies, then the baseline; Pass goes past the Admin tier', () => {
    const documents = read(
      anp({ priority: 2, ingress: [rule('Deny', 80), rule('Deny', 81), rule('Pass', 82)] }, 'later'),
      anp({ priority: 1, ingress: [rule('Allow', 80), rule('Pass', 81)] }, 'first'),
      banp({ ingress: [{ action: 'Deny', from: [{ namespaces: {} }] }] }),
    )
    expect([80, 81, 82].map(port => ask(documents, port))).toEqual(['allow', 'deny', 'deny'])
  })

  test('a hundred rules are as many policies as they need, asked in the order they had', () => {
    // Two rules that contradict each other for each port: only the first of both may count.
    const ports = Array.from({ length: 50 }, (_, i) => 1000 + i)
    const first = (port: number) => (port % 2 === 0 ? 'Allow' : 'Deny')
    const ingress = ports.flatMap(port => [rule(first(port), port), rule(first(port + 1), port)])
    const documents = read(anp({ ingress }))
    expect(documents.map(({ name }) => name)).toEqual(['a', 'a-2', 'a-3', 'a-4'])
    expect(ports.map(port => ask(documents, port))).toEqual(ports.map(port => first(port).toLowerCase()))
  })

  test('more than 25 peers and ports are rules of one action after one another', () => {
    const ports = Array.from({ length: 60 }, (_, i) => ({ portNumber: { port: 2000 + i } }))
    const from = Array.from({ length: 30 }, (_, i) => ({ namespaces: house(i === 29 ? 'jobs' : `n${i}`) }))
    const documents = read(anp({ ingress: [{ action: 'Deny', from, ports }] }))
    expect([1999, 2000, 2025, 2059, 2060].map(port => ask(documents, port))).toEqual([
      'allow',
      'deny',
      'deny',
      'deny',
      'allow',
    ])
  })

  test('a named port beside addresses is asked of pods only', () => {
    const to = [{ networks: ['10.0.0.0/16', '203.0.113.0/24'] }, { namespaces: house('shop') }]
    const ports = [{ namedPort: 'web' }, { portNumber: { port: 443 } }]
    const documents = read(anp({ egress: [{ action: 'Deny', to, ports }] }))
    expect([8080, 443, 80].map(port => ask(documents, port))).toEqual(['deny', 'deny', 'allow'])
    expect([8080, 443].map(port => ask(documents, port, '203.0.113.1'))).toEqual(['allow', 'deny'])
  })
})

describe('refused with place and reason', () => {
  const from = [{ namespaces: {} }]
  test.each<[string, readonly string[], string]>([
    [
      'relative peers',
      [anp({ ingress: [{ action: 'Deny', from: [{ namespaces: { sameLabels: ['team'] } }] }] })],
      'spec.ingress[0].from[0].namespaces.sameLabels: compares',
    ],
    [
      'the same among pods',
      [anp({ ingress: [{ action: 'Deny', from: [{ pods: { namespaces: { notSameLabels: ['t'] } } }] }] })],
      'spec.ingress[0].from[0].pods.namespaces.notSameLabels: compares',
    ],
    ['a priority twice', [anp({}, 'a'), anp({}, 'b')], 'spec.priority: is that of a too'],
    [
      'no priority',
      [api('AdminNetworkPolicy', 'a', { subject: { namespaces: {} } })],
      'spec.priority: must be',
    ],
    ['a priority of the baseline', [banp({ priority: 1 })], 'spec.priority: unknown field'],
    [
      'another baseline',
      [api('BaselineAdminNetworkPolicy', 'b', { subject: { namespaces: {} } })],
      'metadata.name: must be "default"',
    ],
    [
      'Pass in the baseline',
      [banp({ ingress: [{ action: 'Pass', from }] })],
      'spec.ingress[0].action: must be one of Allow, Deny',
    ],
    [
      'names in the baseline',
      [banp({ egress: [{ action: 'Allow', to: [{ domainNames: ['a.example.com'] }] }] })],
      'spec.egress[0].to[0].domainNames: unknown field',
    ],
    [
      'an empty peer',
      [anp({ ingress: [{ action: 'Deny', from: [{}] }] })],
      'spec.ingress[0].from[0]: must have exactly one of',
    ],
    ['no peers', [anp({ ingress: [{ action: 'Deny' }] })], 'spec.ingress[0].from: needs at least one'],
    [
      'both subjects',
      [anp({ subject: { namespaces: {}, pods: {} } })],
      'spec.subject: must have exactly one of',
    ],
    [
      'a denied name',
      [anp({ egress: [{ action: 'Deny', to: [{ domainNames: ['a.example.com'] }] }] })],
      'spec.egress[0].to: domainNames are for Allow only',
    ],
    [
      'names of ports of addresses',
      [
        anp({
          egress: [{ action: 'Deny', to: [{ networks: ['10.0.0.0/8'] }], ports: [{ namedPort: 'web' }] }],
        }),
      ],
      'spec.egress[0].ports: networks',
    ],
    [
      'a range upside down',
      [anp({ ingress: [{ action: 'Deny', from, ports: [{ portRange: { start: 9, end: 1 } }] }] })],
      'spec.ingress[0].ports[0].portRange: start',
    ],
    [
      '101 rules',
      [anp({ ingress: Array.from({ length: 101 }, () => ({ action: 'Deny', from })) })],
      'spec.ingress: has 101 items',
    ],
    ['an unknown field', [anp({ tier: 'Admin' })], 'spec.tier: unknown field'],
  ])('%s', (_name, texts, expected) => {
    expect(refusals(...texts)).toContainEqual(expect.stringContaining(expected))
  })
})
