import { describe, expect, test } from 'vitest'
import { importPolicies, type PolicyDocument } from '../src/index.ts'

const cilium = (spec: string): string =>
  `apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: web, namespace: shop}\nspec: ${spec}\n`

const specs = (documents: readonly PolicyDocument[]): unknown[] => documents.map(({ source }) => source.spec)
const refusals = (text: string): string[] =>
  importPolicies(text).refused.map(({ at, construct }) => `${construct} at ${at.path}`)

describe('Cilium', () => {
  test.each([
    ['an empty rule allows nothing', 'ingress: [{}]', { ingress: [] }],
    [
      'an empty selector is of the namespace',
      'ingress: [{fromEndpoints: [{}]}]',
      { ingress: [{ from: [{ podSelector: {} }] }] },
    ],
    ['an empty list of peers is no peer', 'ingress: [{fromEndpoints: []}]', { ingress: [] }],
    [
      'namespaces are labels',
      'egress: [{toEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": db}}]}]',
      { egress: [{ to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'db' } } }] }] },
    ],
    [
      '"**." is one or more labels',
      'egress: [{toFQDNs: [{matchPattern: "**.example.com"}]}]',
      { egress: [{ to: [{ fqdn: '*.example.com' }] }] },
    ],
  ])('%s', (_name, section, expected) => {
    const { documents, refused } = importPolicies(cilium(`{endpointSelector: {}, ${section}}`))
    expect(refused).toEqual([])
    expect(specs(documents)).toEqual([{ mode: 'Enforce', ...expected }])
  })

  test('a policy that only denies still closes: a document of its own does', () => {
    const { documents } = importPolicies(
      cilium('{endpointSelector: {}, ingressDeny: [{fromEntities: [world]}]}'),
    )
    expect(documents.map(({ name }) => name)).toEqual(['web', 'web-default-deny'])
    expect(documents.map(({ sections }) => sections.ingress?.isolates)).toEqual([false, true])
  })

  test.each([
    [
      'egress: [{toFQDNs: [{matchPattern: "*.example.com"}]}]',
      'matchPattern at spec.egress[0].toFQDNs[0].matchPattern',
    ],
    ['egress: [{toCIDR: [10.0.0.0/8]}]', 'toCIDR at spec.egress[0].toCIDR[0]'],
    ['egress: [{toServices: []}]', 'toServices at spec.egress[0].toServices'],
    ['ingress: [{fromEntities: [health]}]', 'fromEntities at spec.ingress[0].fromEntities[0]'],
    [
      'enableDefaultDeny: {ingress: false}, ingress: [{fromEndpoints: [{}]}]',
      'ingress at spec.enableDefaultDeny.ingress',
    ],
  ])('%s is refused by name', (section, expected) => {
    expect(refusals(cilium(`{endpointSelector: {}, ${section}}`))).toEqual([expected])
  })

  test("with the cluster's own ranges a private block is exact", () => {
    const text = cilium('{endpointSelector: {}, egress: [{toCIDR: [10.0.0.0/8]}]}')
    const { documents } = importPolicies(text, { clusterCidrs: ['10.244.0.0/16'] })
    expect(specs(documents)).toEqual([
      { mode: 'Enforce', egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.244.0.0/16'] } }] }] },
    ])
  })
})

describe('requests', () => {
  const http = (rule: string) =>
    cilium(
      `{endpointSelector: {}, ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: "80", protocol: TCP}], rules: {http: [${rule}]}}]}]}`,
    )
  const noQuery = { query: { exact: '' } }
  test.each<[string, string, unknown]>([
    ['any request', '{}', {}],
    ['a path whole', '{path: "/public"}', { path: { exact: '/public' }, ...noQuery }],
    ['with anchors', '{path: "^/public$"}', { path: { exact: '/public' }, ...noQuery }],
    ['by its beginning, whatever the query', '{path: "/v1/.*"}', { path: { prefix: '/v1/' } }],
    ['every path', '{path: ".*"}', {}],
    ['a pattern', '{path: "/v[12]/orders"}', { path: { regex: '/v[12]/orders' }, ...noQuery }],
    ['alternatives, of which one is open', '{path: "/a|/b/.*"}', { path: { regex: '/a|/b/.*' }, ...noQuery }],
    ['alternatives in a group', '{path: "/(a|b)/.*"}', { path: { regex: '/(a|b)/.*' } }],
    ['methods', '{method: "GET|HEAD"}', { methods: ['GET', 'HEAD'] }],
    ['methods in a group', '{method: "^(GET|HEAD)$"}', { methods: ['GET', 'HEAD'] }],
    ['a host', '{host: "api"}', { headers: [{ name: 'host', exact: 'api' }] }],
    [
      'headers',
      '{headers: ["X-Tenant: blue", "X-Here"]}',
      { headers: [{ name: 'x-tenant', exact: 'blue' }, { name: 'x-here' }] },
    ],
    [
      'header matches',
      '{headerMatches: [{name: X-Tenant, value: blue}]}',
      { headers: [{ name: 'x-tenant', exact: 'blue' }] },
    ],
  ])('%s', (_name, rule, expected) => {
    const { documents, refused } = importPolicies(http(rule))
    expect(refused).toEqual([])
    const from = [{ podSelector: {} }]
    expect(specs(documents)).toEqual([
      {
        mode: 'Enforce',
        ingress: [{ from, ports: [{ protocol: 'TCP', port: 80 }], l7: [{ http: expected }] }],
      },
    ])
  })

  test('a dot that could have been the "?" is noted', () => {
    expect(importPolicies(http('{path: "/v1.0/.*"}')).notes.map(({ path }) => path)).toEqual([
      'spec.ingress[0].toPorts[0].rules.http[0].path',
    ])
  })

  const egress = (toPorts: string) => cilium(`{endpointSelector: {}, egress: [{toPorts: [${toPorts}]}]}`)
  test.each<[string, string, unknown[]]>([
    [
      'every name',
      '{ports: [{port: "53", protocol: UDP}], rules: {dns: [{matchPattern: "*"}]}}',
      [{ dns: {} }],
    ],
    [
      'names and what is below them',
      '{ports: [{port: "53", protocol: UDP}], rules: {dns: [{matchName: a.example.com.}, {matchPattern: "**.example.org"}]}}',
      [{ dns: { names: ['a.example.com', '*.example.org'] } }],
    ],
    [
      'servers that TLS asks for',
      '{ports: [{port: "53", protocol: UDP}], serverNames: [a.example.com, "**.example.org"]}',
      [{ tls: { sni: ['a.example.com', '*.example.org'] } }],
    ],
  ])('%s', (_name, toPorts, l7) => {
    const { documents, refused } = importPolicies(egress(toPorts))
    expect(refused).toEqual([])
    expect(specs(documents)).toEqual([
      { mode: 'Enforce', egress: [{ ports: [{ protocol: 'UDP', port: 53 }], l7 }] },
    ])
  })

  test('ports with and without requests are rules of their own', () => {
    const text = egress(
      '{ports: [{port: "80", protocol: TCP}], rules: {http: [{}]}}, {ports: [{port: "443", protocol: TCP}]}',
    )
    const rules = importPolicies(text).documents[0]?.sections.egress?.rules
    expect(
      rules?.map(({ ports, l7 }) => [ports?.map(port => 'first' in port && port.first), l7?.length]),
    ).toEqual([
      [[443], undefined],
      [[80], 1],
    ])
  })

  const rules = 'spec.ingress[0].toPorts[0].rules'
  test.each([
    [http('{path: "/a\\\\?b"}'), `path at ${rules}.http[0].path`],
    [http('{path: "("}'), `path at ${rules}.http[0].path`],
    [http('{method: "P.*"}'), `method at ${rules}.http[0].method`],
    [
      http('{headerMatches: [{name: a, value: b, mismatch: ADD}]}'),
      `mismatch at ${rules}.http[0].headerMatches[0].mismatch`,
    ],
    [
      egress('{ports: [{port: "53"}], rules: {dns: [{matchPattern: "*.example.com"}]}}'),
      'matchPattern at spec.egress[0].toPorts[0].rules.dns[0].matchPattern',
    ],
    [
      egress('{ports: [{port: "9092"}], rules: {kafka: [{topic: a}]}}'),
      'kafka at spec.egress[0].toPorts[0].rules.kafka',
    ],
    [
      egress('{ports: [{port: "443"}], terminatingTLS: {}}'),
      'terminatingTLS at spec.egress[0].toPorts[0].terminatingTLS',
    ],
    [
      cilium(
        '{endpointSelector: {}, ingressDeny: [{toPorts: [{ports: [{port: "80"}], rules: {http: [{}]}}]}]}',
      ),
      'toPorts at spec.ingressDeny[0].toPorts',
    ],
  ])('%s is refused by name', (text, expected) => {
    expect(refusals(text)).toContain(expected)
  })
})

describe('what Cilium knows of endpoints', () => {
  const label = (key: string, values: string) =>
    cilium(
      `{endpointSelector: {}, ingress: [{fromEndpoints: [{matchExpressions: [{key: ${key}, operator: In, values: [${values}]}]}]}]}`,
    )
  const sections = (documents: readonly PolicyDocument[]) => documents.map(({ source }) => source.spec)

  test('service accounts', () => {
    const { documents } = importPolicies(label('io.cilium.k8s.policy.serviceaccount', 'client, batch'))
    expect(sections(documents)).toEqual([
      { mode: 'Enforce', ingress: [{ from: [{ podSelector: {}, serviceAccounts: ['batch', 'client'] }] }] },
    ])
  })

  test('service accounts of the subject', () => {
    const text = cilium(
      '{endpointSelector: {matchLabels: {io.cilium.k8s.policy.serviceaccount: client}}, ingress: [{}]}',
    )
    expect(sections(importPolicies(text).documents)).toEqual([
      { mode: 'Enforce', subject: { serviceAccounts: ['client'] }, ingress: [] },
    ])
  })

  test.each([
    ['here', 'here, there', [{ from: [{ podSelector: {} }] }]],
    ['elsewhere', 'here, there', []],
  ])('the cluster %s', (clusterName, values, ingress) => {
    const { documents, refused } = importPolicies(label('io.cilium.k8s.policy.cluster', values), {
      clusterName,
    })
    expect(refused).toEqual([])
    expect(sections(documents)).toEqual([{ mode: 'Enforce', ingress }])
  })

  test('a cluster whose name nobody said is refused', () => {
    expect(refusals(label('io.cilium.k8s.policy.cluster', 'here'))).toEqual([
      'key at spec.ingress[0].fromEndpoints[0].matchExpressions[0].key',
    ])
  })

  test('the own node and the others are every node', () => {
    const { documents } = importPolicies(
      cilium('{endpointSelector: {}, egress: [{toEntities: [host, remote-node]}]}'),
    )
    expect(sections(documents)).toEqual([{ mode: 'Enforce', egress: [{ to: [{ hostSelector: {} }] }] }])
    expect(refusals(cilium('{endpointSelector: {}, egress: [{toEntities: [remote-node]}]}'))).toHaveLength(1)
  })

  test('policies of nodes are about hosts', () => {
    const text =
      'apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata: {name: hosts}\nspec: {nodeSelector: {matchLabels: {role: db}}, ingress: [{fromEntities: [cluster]}]}\n'
    expect(sections(importPolicies(text).documents)).toEqual([
      {
        mode: 'Enforce',
        subject: { hostSelector: { matchLabels: { role: 'db' } } },
        ingress: [{ from: [{ entity: 'cluster' }] }],
      },
    ])
  })
})
