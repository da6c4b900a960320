import { describe, expect, test } from 'vitest'
import { type FlowQuery, importPolicies, type PolicyDocument } from '../src/index.ts'
import { modelOf, workload } from './builders.ts'

type Json = Readonly<Record<string, unknown>>

const WORKLOADS = [
  workload('demo/front', '10.0.0.1'),
  workload('demo/node', '10.0.0.2'),
  workload('demo/cache', '10.0.0.3', { labels: { app: 'cache', tier: 'data' } }),
  workload('other/front', '10.0.1.1'),
]
const ADDRESS: Readonly<Record<string, string>> = {
  front: '10.0.0.1',
  node: '10.0.0.2',
  cache: '10.0.0.3',
  other: '10.0.1.1',
  outside: '203.0.113.9',
}

const equal = (key: string, value: string) => ({ key, op: '=', value })
const service = (name: string) => ({
  name: `nv.${name}`,
  criteria: [equal('service', name), equal('domain', name.split('.')[1] ?? '')],
})
const group = (name: string, ...criteria: readonly Json[]) => ({ name, criteria })
const rule = (selector: Json, action = 'allow', more: Json = {}): Json => ({
  selector,
  action,
  applications: ['any'],
  ports: 'any',
  name: 'r',
  ...more,
})
const document = (name: string, target: Json, spec: Json = {}, kind = 'NvSecurityRule'): string =>
  JSON.stringify({
    apiVersion: 'neuvector.com/v1',
    kind,
    metadata: { name, namespace: 'demo' },
    spec: { target, process: [], file: null, dlp: { settings: [], status: true }, ...spec },
  })
const protect = (name: string, spec: Json = {}, policymode: string | null = 'Protect'): string =>
  document(`nv.${name}`, { policymode, selector: service(name) }, spec)

const read = (texts: readonly string[]) => importPolicies(texts.join('\n---\n'), { workloads: WORKLOADS })
function policies(...texts: readonly string[]): readonly PolicyDocument[] {
  const { documents, refused } = read(texts)
  expect(refused).toEqual([])
  return documents
}
const refusals = (...texts: readonly string[]): string[] =>
  read(texts).refused.map(({ at, reason }) => `${at.path}: ${reason}`)

function ask(documents: readonly PolicyDocument[], source: string, destination: string, port = 80): string {
  const query: FlowQuery = {
    source: { ip: ADDRESS[source] ?? '' },
    destination: { ip: ADDRESS[destination] ?? '' },
    protocol: 'TCP',
    port,
  }
  return modelOf(WORKLOADS, documents).decide(query).verdict
}

describe('one list of rules decides for both ends', () => {
  test('a rule that one document has allows at the other end too', () => {
    const documents = policies(
      protect('front.demo', {
        egress: [rule(service('node.demo'), 'allow', { ports: 'tcp/80,tcp/8000-8010' })],
      }),
      protect('node.demo'),
    )
    expect([80, 8005, 81].map(port => ask(documents, 'front', 'node', port))).toEqual([
      'allow',
      'allow',
      'deny',
    ])
    expect(ask(documents, 'node', 'front')).toBe('deny')
    expect(ask(documents, 'other', 'node')).toBe('deny')
    expect(ask(documents, 'cache', 'other')).toBe('allow')
  })

  test('modes are those of the services', () => {
    const documents = policies(
      protect('front.demo', {}, 'Discover'),
      protect('node.demo', {}, 'Monitor'),
      protect('cache.demo'),
    )
    expect(documents.map(({ name, mode }) => [name, mode])).toEqual([
      ['nv.front.demo', 'Learn'],
      ['nv.node.demo', 'Audit'],
      ['nv.cache.demo', 'Enforce'],
    ])
  })

  test('the highest priority is asked first, and of equal ones what denies', () => {
    const all = group('containers')
    const ports = { ports: 'tcp/22' }
    const documents = policies(
      protect('node.demo', { ingress: [rule(all), rule(all, 'deny', ports)] }),
      protect('cache.demo', { ingress: [rule(all, 'deny', ports), rule(all, 'allow', { priority: 1 })] }),
    )
    expect([ask(documents, 'other', 'node', 22), ask(documents, 'other', 'node', 80)]).toEqual([
      'deny',
      'allow',
    ])
    expect(ask(documents, 'other', 'cache', 22)).toBe('allow')
  })

  test('rules of groups hold for the services they are about, in pieces where they are about some of them', () => {
    const data = document(
      'data',
      { policymode: null, selector: group('data', equal('tier', 'data')) },
      { ingress: [rule(service('front.demo'))] },
      'NvClusterSecurityRule',
    )
    const documents = policies(data, protect('cache.demo'), protect('node.demo'))
    expect(documents.map(({ name }) => name)).toEqual([
      'nv.cache.demo',
      'nv.cache.demo-2',
      'nv.cache.demo-3',
      'nv.node.demo',
      'nv.node.demo-2',
      'nv.node.demo-3',
    ])
    expect([ask(documents, 'front', 'cache'), ask(documents, 'front', 'node')]).toEqual(['allow', 'deny'])
  })
})

describe('groups', () => {
  /** Of the policy about all of the service; those about parts of it are for ingress. */
  const egressOf = (selector: Json) =>
    policies(protect('front.demo', { egress: [rule(selector)] }))
      .map(({ source }) => source.spec as Json)
      .find(spec => spec.egress)
  test.each<[string, Json, readonly Json[]]>([
    ['all containers', group('containers'), [{ namespaceSelector: {} }]],
    ['nodes', group('nodes'), [{ hostSelector: {} }]],
    ['what is outside', group('external'), [{ entity: 'world' }, { externalSelector: {} }]],
    [
      'a namespace',
      group('g', equal('domain', 'other')),
      [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'other' } } }],
    ],
    [
      'another than a namespace',
      group('g', { key: 'namespace', op: '!=', value: 'demo' }),
      [
        {
          namespaceSelector: {
            matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['demo'] }],
          },
        },
      ],
    ],
    [
      'labels of one key or another',
      group('g', equal('tier', 'data'), equal('app', 'node')),
      [
        { namespaceSelector: {}, podSelector: { matchLabels: { tier: 'data' } } },
        { namespaceSelector: {}, podSelector: { matchLabels: { app: 'node' } } },
      ],
    ],
    [
      'a label that is there',
      group('g', equal('tier', '*')),
      [{ namespaceSelector: {}, podSelector: { matchExpressions: [{ key: 'tier', operator: 'Exists' }] } }],
    ],
    [
      'a label of the namespace',
      group('g', equal('ns:team', 'red')),
      [{ namespaceSelector: { matchLabels: { team: 'red' } } }],
    ],
    [
      'names',
      group('g', equal('address', 'example.com'), equal('address', '*.Example.com')),
      [{ fqdn: 'example.com' }, { fqdn: '*.example.com' }],
    ],
    [
      'addresses',
      group('g', equal('address', '203.0.113.7'), equal('address', '198.51.100.0/24')),
      [{ ipBlock: { cidr: '203.0.113.7/32' } }, { ipBlock: { cidr: '198.51.100.0/24' } }],
    ],
    [
      'a range',
      group('g', equal('address', '203.0.113.1-203.0.113.6')),
      [1, 2, 4, 6].map((last, i) => ({ ipBlock: { cidr: `203.0.113.${last}/${[32, 31, 31, 32][i]}` } })),
    ],
  ])('%s', (_name, selector, to) => {
    const spec = egressOf(selector)
    expect(spec?.egress).toEqual([{ to: to.map(peer => expect.objectContaining(peer) as Json) }])
  })

  test('a group that is only named is what another document says it is', () => {
    const definition = JSON.stringify({
      apiVersion: 'neuvector.com/v1',
      kind: 'NvGroupDefinition',
      metadata: { name: 'data', namespace: 'neuvector' },
      spec: { selector: group('data', equal('tier', 'data')) },
    })
    const documents = policies(
      definition,
      protect('front.demo', { egress: [rule({ name: 'data', name_referral: true })] }),
    )
    expect([ask(documents, 'front', 'cache'), ask(documents, 'front', 'node')]).toEqual(['allow', 'deny'])
  })
})

test('applications are those that mean the same', () => {
  const [first] = policies(
    protect('front.demo', {
      egress: [rule(group('external'), 'allow', { applications: ['SSL', 'HTTP', 'MSSQL'] })],
    }),
  )
  expect(first?.sections.egress?.rules[0]?.applications).toEqual(['tls', 'http', 'sqlserver'])
})

test('what is no network policy is named, and the rest stays', () => {
  const { documents, refused } = read([
    protect('front.demo', {
      process: [{ name: 'sh', path: '/bin/sh', action: 'allow' }],
      waf: { settings: [{ name: 'sensor', action: 'deny' }], status: true },
    }),
  ])
  expect(documents.map(({ name }) => name)).toEqual(['nv.front.demo'])
  expect(refused.map(({ construct, kept }) => [construct, kept])).toEqual([
    ['process', true],
    ['waf', true],
  ])
})

describe('refused by name', () => {
  const to = (selector: Json, more: Json = {}) =>
    protect('front.demo', { egress: [rule(selector, 'allow', more)] })
  const criterion = (key: string, op: string, value: string) => to(group('g', { key, op, value }))
  const at = 'spec.egress[0].selector'
  test.each<[string, string, string]>([
    ['images', criterion('image', '=', 'nginx'), `${at}.criteria[0].key: workloads cannot`],
    ['nodes by name', criterion('node', '=', 'n1'), `${at}.criteria[0].key: workloads cannot`],
    ['patterns', criterion('app', '=', 'web*'), `${at}.criteria[0].value: labels and names`],
    ['regular expressions', criterion('app', 'regex', 'w.*'), `${at}.criteria[0].op: labels and names`],
    [
      'a service that is not known',
      criterion('service', '=', 'gone.demo'),
      `${at}.criteria[0].value: no workload`,
    ],
    [
      'a Service of Kubernetes',
      to({ name: 'nv.ip.front.demo', criteria: [equal('domain', 'demo')] }),
      `${at}.name: nv.ip.front.demo is the address`,
    ],
    [
      'virtual hosts',
      criterion('address', '=', 'vh:a.example.com'),
      `${at}.criteria[0].value: virtual hosts`,
    ],
    [
      'private blocks',
      criterion('address', '=', '10.0.0.0/8'),
      `${at}.criteria[0].value: 10.0.0.0/8 holds private`,
    ],
    [
      'addresses and workloads',
      to(group('g', equal('address', '203.0.113.1'), equal('app', 'a'))),
      `${at}: addresses and workloads`,
    ],
    [
      'several negative labels',
      to(group('g', equal('a', 'b'), { key: 'c', op: '!=', value: 'd' })),
      `${at}: labels that are compared`,
    ],
    ['a group that is nowhere defined', to({ name: 'gone' }), `${at}.name: gone is nowhere defined`],
    [
      'products over HTTP',
      to(group('external'), { applications: ['nginx'] }),
      'spec.egress[0].applications[0]: nginx is no application',
    ],
    [
      'what nothing recognises',
      to(group('external'), { applications: ['COUCHBASE', 'SPARK'] }),
      'spec.egress[0].applications[1]: SPARK is no application',
    ],
    ['ports without protocol', to(group('external'), { ports: '80' }), 'spec.egress[0].ports: 80 is of TCP'],
    ['other protocols', to(group('external'), { ports: 'ip:47' }), 'spec.egress[0].ports: ip:47 is no port'],
    [
      'names that connect',
      protect('front.demo', { ingress: [rule(group('g', equal('address', 'a.example.com')))] }),
      'spec.ingress[0].selector: who connects',
    ],
    [
      'another namespace',
      document('x', { policymode: 'Protect', selector: service('front.other') }),
      'spec.target: is not only about namespace demo',
    ],
    ['a mode that is none', protect('front.demo', {}, 'Enforce'), 'spec.target.policymode: must be one of'],
    [
      'rules without a service',
      document(
        'x',
        { policymode: null, selector: group('other', equal('domain', 'other')) },
        { ingress: [rule(group('external'))] },
        'NvClusterSecurityRule',
      ),
      'spec: is about no service',
    ],
    [
      'other kinds',
      '{"apiVersion": "neuvector.com/v1", "kind": "NvDlpSecurityRule", "metadata": {"name": "a"}}',
      'kind: NvDlpSecurityRule of NeuVector',
    ],
  ])('%s', (_name, text, expected) => {
    expect(refusals(text)).toContainEqual(expect.stringContaining(expected))
  })

  test('a definition that cannot be read, once, and all that may use it', () => {
    const definition = JSON.stringify({
      apiVersion: 'neuvector.com/v1',
      kind: 'NvGroupDefinition',
      metadata: { name: 'data' },
      spec: { selector: group('data', { key: 'image', op: '=', value: 'x' }) },
    })
    const uses = protect('front.demo', { egress: [rule({ name: 'data' }), rule({ name: 'data' }, 'deny')] })
    expect(refusals(definition, uses)).toEqual([
      'spec.selector.criteria[0].key: workloads cannot be selected by image',
      'spec: is one list with the rules of data, which has no translation',
    ])
  })

  test('a mode of what is no service', () => {
    const text = document('x', { policymode: 'Protect', selector: group('data', equal('domain', 'demo')) })
    expect(refusals(text)).toEqual([expect.stringContaining('spec.target.policymode: data is no service')])
  })

  test('services without the workloads', () => {
    const { refused } = importPolicies(protect('front.demo'))
    expect(refused[0]?.reason).toContain('say which workloads there are')
  })

  test('a list with a hole is no list: the other documents are refused too', () => {
    expect(refusals(criterion('image', '=', 'nginx'), protect('node.demo'))).toContainEqual(
      'spec: is one list with the rules of nv.front.demo, which has no translation',
    )
  })

  test('two modes of one service', () => {
    const other = document('again', { policymode: 'Monitor', selector: service('front.demo') })
    expect(refusals(protect('front.demo'), other)).toContainEqual(
      'spec.target.policymode: nv.front.demo is in another mode in nv.front.demo',
    )
  })
})
