import { type Protocol, workloadId } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import type { PolicyDocument } from '../src/index.ts'
import { modelOf, networkPolicy, parsed, workload } from './builders.ts'

type Json = Readonly<Record<string, unknown>>

/** `web` is asked by `api` (same namespace), `job` (another), an outside address and its node. */
const WORKLOADS = [
  workload('shop/web', '10.0.0.1 fd00::1', {
    labels: { app: 'web', tier: 'front' },
    ports: [
      { name: 'http', protocol: 'TCP', port: 8080 },
      { name: 'http', protocol: 'UDP', port: 8081 },
    ],
  }),
  workload('shop/api', '10.0.0.2 fd00::2', { ports: [{ name: 'http', protocol: 'TCP', port: 9000 }] }),
  workload('jobs/job', '10.0.1.1 fd00::101'),
  workload('shop/gone', '10.0.0.9', { state: 'finished', labels: { app: 'api' } }),
  workload('shop/going', '10.0.0.8', { state: 'terminating', labels: { app: 'api' } }),
  workload('shop/proxy', '192.168.0.1', { hostNetwork: true, labels: { app: 'api' } }),
]
const OUTSIDE = '203.0.113.9'

interface Ask {
  readonly from?: string
  readonly to?: string
  readonly protocol?: Protocol
  readonly port?: number
}

const end = (text: string) => {
  const [space = '', name = ''] = text.split('/')
  return /[.:]/.test(text) ? { ip: text } : { workload: workloadId('pod', space, name) }
}

function allows(
  policies: readonly PolicyDocument[],
  { from = 'shop/api', to = 'shop/web', protocol = 'TCP', port = 80 }: Ask,
) {
  return (
    modelOf(WORKLOADS, policies).decide({ source: end(from), destination: end(to), protocol, port })
      .verdict === 'allow'
  )
}

const web = { podSelector: { matchLabels: { app: 'web' } } }
const apiPeer = { podSelector: { matchLabels: { app: 'api' } } }
const shop = (spec: Json) => [networkPolicy('shop/p', spec)]

type Row = readonly [meaning: string, spec: Json, ask: Ask, allowed: boolean]

const SELECTION: readonly Row[] = [
  ['an empty podSelector selects all', { podSelector: {} }, {}, false],
  ['a missing podSelector selects all', {}, {}, false],
  ['a null podSelector selects all', { podSelector: null }, {}, false],
  ['only the own namespace is selected', { podSelector: {} }, { to: 'jobs/job' }, true],
  ['matchLabels selects', web, {}, false],
  ['what is not selected is open', web, { from: 'jobs/job', to: 'shop/api' }, true],
  [
    'NotIn matches where the key is absent',
    { podSelector: { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['back'] }] } },
    { from: 'jobs/job', to: 'shop/api' },
    false,
  ],
  [
    'DoesNotExist matches where the key is absent',
    { podSelector: { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] } },
    { from: 'jobs/job', to: 'shop/api' },
    false,
  ],
  [
    'DoesNotExist does not match where it is',
    { podSelector: { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] } },
    {},
    true,
  ],
  [
    'Exists and In',
    {
      podSelector: {
        matchExpressions: [
          { key: 'tier', operator: 'Exists' },
          { key: 'app', operator: 'In', values: ['x', 'web'] },
        ],
      },
    },
    {},
    false,
  ],
]

const ISOLATION: readonly Row[] = [
  ['ingress: [] isolates', { ...web, ingress: [] }, {}, false],
  ['ingress: null isolates', { ...web, ingress: null }, {}, false],
  ['ingress missing isolates', web, {}, false],
  ['ingress: [{}] allows all', { ...web, ingress: [{}] }, {}, true],
  ['from: [] is any peer', { ...web, ingress: [{ from: [] }] }, { from: OUTSIDE }, true],
  ['from: null is any peer', { ...web, ingress: [{ from: null }] }, { from: OUTSIDE }, true],
  ['ports: [] is any port', { ...web, ingress: [{ ports: [] }] }, { protocol: 'UDP', port: 7 }, true],
  ['ports: null is any port', { ...web, ingress: [{ ports: null }] }, { protocol: 'SCTP' }, true],
  ['isolation covers every protocol', web, { protocol: 'ICMP', port: 8 }, false],
  [
    'a rule without ports allows every protocol',
    { ...web, ingress: [{}] },
    { protocol: 'IP/47', port: 0 },
    true,
  ],
]

const TYPES: readonly Row[] = [
  ['by default Ingress', web, {}, false],
  ['by default not Egress', web, { from: 'shop/web', to: 'shop/api' }, true],
  [
    'by default Egress where there are egress rules',
    { ...web, egress: [{ to: [apiPeer] }] },
    { from: 'shop/web', to: 'jobs/job' },
    false,
  ],
  ['and Ingress still', { ...web, egress: [{}] }, {}, false],
  [
    'egress: [] without policyTypes is no egress section',
    { ...web, egress: [] },
    { from: 'shop/web', to: 'jobs/job' },
    true,
  ],
  ['[Egress] leaves ingress open', { ...web, policyTypes: ['Egress'] }, {}, true],
  [
    '[Egress] denies all egress',
    { ...web, policyTypes: ['Egress'] },
    { from: 'shop/web', to: 'shop/api' },
    false,
  ],
  ['[Egress] ignores ingress rules', { ...web, policyTypes: ['Egress'], ingress: [] }, {}, true],
  [
    '[Ingress] ignores egress rules',
    { ...web, policyTypes: ['Ingress'], egress: [{ to: [apiPeer] }] },
    { from: 'shop/web', to: 'jobs/job' },
    true,
  ],
]

const PEERS: readonly Row[] = [
  ['podSelector: {} is the own namespace', { ...web, ingress: [{ from: [{ podSelector: {} }] }] }, {}, true],
  ['and not another', { ...web, ingress: [{ from: [{ podSelector: {} }] }] }, { from: 'jobs/job' }, false],
  [
    'namespaceSelector: {} is every workload',
    { ...web, ingress: [{ from: [{ namespaceSelector: {} }] }] },
    { from: 'jobs/job' },
    true,
  ],
  [
    'and no outside address',
    { ...web, ingress: [{ from: [{ namespaceSelector: {} }] }] },
    { from: OUTSIDE },
    false,
  ],
  [
    'both in one item: and',
    { ...web, ingress: [{ from: [{ namespaceSelector: {}, ...apiPeer }] }] },
    { from: 'jobs/job' },
    false,
  ],
  [
    'two items: or',
    { ...web, ingress: [{ from: [{ namespaceSelector: {} }, apiPeer] }] },
    { from: 'jobs/job' },
    true,
  ],
  [
    'kubernetes.io/metadata.name is known',
    {
      ...web,
      ingress: [
        { from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'jobs' } } }] },
      ],
    },
    { from: 'jobs/job' },
    true,
  ],
  [
    'a terminating workload keeps its identity',
    { ...web, ingress: [{ from: [apiPeer] }] },
    { from: '10.0.0.8' },
    true,
  ],
  ['a finished one owns no address', { ...web, ingress: [{ from: [apiPeer] }] }, { from: '10.0.0.9' }, false],
  [
    'hostNetwork is no labelled peer',
    { ...web, ingress: [{ from: [apiPeer] }] },
    { from: 'shop/proxy', to: 'shop/web' },
    true,
  ],
  ['hostNetwork is no subject', { podSelector: {} }, { from: 'jobs/job', to: 'shop/proxy' }, true],
  [
    'hostNetwork as egress peer is its node',
    { ...web, policyTypes: ['Egress'], egress: [{ to: [apiPeer] }] },
    { from: 'shop/web', to: 'shop/proxy' },
    false,
  ],
  [
    'a block reaches the node',
    { ...web, policyTypes: ['Egress'], egress: [{ to: [{ ipBlock: { cidr: '192.168.0.0/24' } }] }] },
    { from: 'shop/web', to: 'shop/proxy' },
    true,
  ],
]

const block = (cidr: string, except?: string[]) => ({ ipBlock: { cidr, ...(except && { except }) } })
const fromBlocks = (...from: Json[]) => ({ ...web, ingress: [{ from }] })
const BLOCKS: readonly Row[] = [
  ['a block matches outside addresses', fromBlocks(block('203.0.113.0/24')), { from: OUTSIDE }, true],
  ['a block matches addresses of workloads too', fromBlocks(block('10.0.0.0/24')), {}, true],
  ['except takes out', fromBlocks(block('10.0.0.0/24', ['10.0.0.2/32'])), {}, false],
  [
    'another block brings back',
    fromBlocks(block('10.0.0.0/24', ['10.0.0.2/32']), block('10.0.0.2/32')),
    {},
    true,
  ],
  ['overlapping exceptions', fromBlocks(block('10.0.0.0/8', ['10.0.0.0/16', '10.0.0.0/24'])), {}, false],
  [
    'a block of one family says nothing of the other',
    fromBlocks(block('0.0.0.0/0')),
    { from: 'fd00::2', to: 'fd00::1' },
    false,
  ],
  ['IPv6', fromBlocks(block('fd00::/64', ['fd00::101/128'])), { from: 'fd00::2', to: 'fd00::1' }, true],
  [
    'IPv6 except',
    fromBlocks(block('fd00::/64', ['fd00::101/128'])),
    { from: 'fd00::101', to: 'fd00::1' },
    false,
  ],
  [
    'selectors hold for both families',
    { ...web, ingress: [{ from: [apiPeer] }] },
    { from: 'fd00::2', to: 'fd00::1' },
    true,
  ],
  ['isolation holds for both families', web, { from: 'fd00::2', to: 'fd00::1' }, false],
]

const onPorts = (...ports: Json[]) => ({ ...web, ingress: [{ ports }] })
const PORTS: readonly Row[] = [
  ['a missing protocol is TCP', onPorts({ port: 80 }), {}, true],
  ['and only TCP', onPorts({ port: 80 }), { protocol: 'UDP' }, false],
  ['also where nothing else is given', onPorts({}), { protocol: 'UDP' }, false],
  [
    'a null port is every port of the protocol',
    onPorts({ protocol: 'UDP', port: null }),
    { protocol: 'UDP', port: 5 },
    true,
  ],
  ['SCTP alone isolates TCP', onPorts({ protocol: 'SCTP', port: 80 }), {}, false],
  ['SCTP', onPorts({ protocol: 'SCTP', port: 80 }), { protocol: 'SCTP' }, true],
  ['endPort is inside', onPorts({ port: 80, endPort: 90 }), { port: 90 }, true],
  ['beyond endPort', onPorts({ port: 80, endPort: 90 }), { port: 91 }, false],
  ['endPort may equal port', onPorts({ port: 80, endPort: 80 }), {}, true],
  ['a name is looked up on the destination', onPorts({ port: 'http' }), { port: 8080 }, true],
  [
    'by name and protocol',
    onPorts({ port: 'http', protocol: 'UDP' }),
    { port: 8080, protocol: 'UDP' },
    false,
  ],
  [
    'each protocol its own number',
    onPorts({ port: 'http', protocol: 'UDP' }),
    { port: 8081, protocol: 'UDP' },
    true,
  ],
  ['a name nobody has matches nothing', onPorts({ port: 'metrics' }), { port: 8080 }, false],
  [
    'a name with a block on ingress is the subject’s',
    { ...web, ingress: [{ from: [block('10.0.0.0/24')], ports: [{ port: 'http' }] }] },
    { port: 8080 },
    true,
  ],
]

const out = (egress: Json) => ({ ...web, policyTypes: ['Egress'], egress: [egress] })
const toApi = { from: 'shop/web', to: 'shop/api' }
const EGRESS_NAMES: readonly Row[] = [
  [
    'a name is looked up on each peer',
    out({ to: [apiPeer], ports: [{ port: 'http' }] }),
    { ...toApi, port: 9000 },
    true,
  ],
  ['not on the subject', out({ to: [apiPeer], ports: [{ port: 'http' }] }), { ...toApi, port: 8080 }, false],
  ['for any peer: any workload', out({ ports: [{ port: 'http' }] }), { ...toApi, port: 9000 }, true],
  [
    'a block has no names',
    out({
      to: [block('10.0.0.0/24'), { podSelector: { matchLabels: { app: 'nobody' } } }],
      ports: [{ port: 'http' }],
    }),
    { ...toApi, port: 9000 },
    false,
  ],
  [
    'outside there are none',
    out({ ports: [{ port: 'http' }] }),
    { from: 'shop/web', to: OUTSIDE, port: 9000 },
    false,
  ],
]

const PASSES: readonly Row[] = [
  ['the own node always passes', web, { from: '192.168.0.1' }, true],
  ['also over IPv6', web, { from: 'fd00:1::1', to: 'fd00::1' }, true],
  ['another node does not', web, { from: '192.168.0.2' }, false],
  [
    'egress to the own node is subject',
    { ...web, policyTypes: ['Egress'] },
    { from: 'shop/web', to: '192.168.0.1' },
    false,
  ],
  [
    'self traffic is not subject',
    { ...web, policyTypes: ['Ingress', 'Egress'] },
    { from: 'shop/web', to: 'shop/web' },
    true,
  ],
  ['also between its families’ addresses', web, { from: '10.0.0.1', to: '10.0.0.1' }, true],
]

describe.each([
  ['selection', SELECTION],
  ['isolation', ISOLATION],
  ['policy types', TYPES],
  ['peers', PEERS],
  ['blocks', BLOCKS],
  ['ports', PORTS],
  ['names on egress', EGRESS_NAMES],
  ['what passes', PASSES],
] as const)('NetworkPolicy: %s', (_, rows) => {
  test.each(rows)('%s', (_meaning, spec, ask, allowed) => {
    expect(allows(shop(spec), ask)).toBe(allowed)
  })
})

describe('NetworkPolicy: several', () => {
  const ingress = networkPolicy('shop/in', { ...web, ingress: [{ from: [apiPeer] }] })
  const egress = networkPolicy('shop/out', {
    ...apiPeer,
    policyTypes: ['Egress'],
    egress: [{ ports: [{ port: 443 }] }],
  })

  test('both sides must allow', () => {
    expect(allows([ingress], {})).toBe(true)
    expect(allows([ingress, egress], {})).toBe(false)
    expect(allows([ingress, egress], { port: 443 })).toBe(true)
  })

  test('policies add up', () => {
    const none = networkPolicy('shop/none', { podSelector: {} })
    expect(allows([none], {})).toBe(false)
    expect(allows([none, ingress], {})).toBe(true)
  })

  test('a re-used address never inherits', () => {
    const model = modelOf(WORKLOADS, [ingress])
    const ask = () =>
      model.decide({ source: { ip: '10.0.0.2' }, destination: end('shop/web'), protocol: 'TCP', port: 80 })
    expect(ask().verdict).toBe('allow')
    const api = workload('shop/api', '10.0.0.2')
    model.update({ workloads: { set: [{ ...api, state: 'finished' }] } })
    expect(ask()).toMatchObject({ verdict: 'deny', why: 'isolated' })
    model.update({ workloads: { set: [workload('shop/other', '10.0.0.2')] } })
    expect(model.workloadAt('10.0.0.2')?.name).toBe('other')
    expect(ask().verdict).toBe('deny')
  })

  test('of two that claim an address the running one owns it', () => {
    const model = modelOf([...WORKLOADS, workload('shop/new', '10.0.0.8')])
    expect(model.workloadAt('10.0.0.8')?.name).toBe('new')
    model.update({ workloads: { removed: [workloadId('pod', 'shop', 'new')] } })
    expect(model.workloadAt('10.0.0.8')?.name).toBe('going')
  })

  test('a workload that is known no more is only its address', () => {
    const model = modelOf(WORKLOADS, [ingress])
    const source = { workload: workloadId('pod', 'shop', 'unknown'), ip: '10.0.0.2' }
    expect(model.decide({ source, destination: end('shop/web'), protocol: 'TCP', port: 80 }).verdict).toBe(
      'deny',
    )
  })

  test('labels of workloads and namespaces select at once', () => {
    const model = modelOf(WORKLOADS, [
      networkPolicy('shop/p', {
        ...web,
        ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'blue' } } }] }],
      }),
    ])
    const ask = () =>
      model.decide({ source: end('jobs/job'), destination: end('shop/web'), protocol: 'TCP', port: 80 })
        .verdict
    expect(ask()).toBe('deny')
    model.update({ namespaces: { set: [{ name: 'jobs', labels: { team: 'blue' } }] } })
    expect(ask()).toBe('allow')
    model.update({ namespaces: { removed: ['jobs'] } })
    expect(ask()).toBe('deny')
    model.update({ workloads: { set: [workload('shop/web', '10.0.0.1', { labels: { app: 'other' } })] } })
    expect(ask()).toBe('allow')
  })

  test('a policy goes, and what it said goes with it', () => {
    const model = modelOf(WORKLOADS, [ingress])
    model.update({ policies: { removed: [ingress.id] } })
    expect(
      model.decide({ source: end('jobs/job'), destination: end('shop/web'), protocol: 'TCP', port: 80 }).why,
    ).toBe('not-selected')
  })
})

describe('what decided is said', () => {
  const model = modelOf(WORKLOADS, [
    networkPolicy('shop/in', {
      ...web,
      ingress: [{ from: [{ namespaceSelector: {} }], ports: [{ port: 443 }] }, { from: [apiPeer] }],
    }),
  ])
  test.each([
    [
      'a rule',
      { from: 'shop/api', port: 80 },
      { verdict: 'allow', by: 'NetworkPolicy/shop/in#ingress[1]', why: 'rule-allow', direction: 'ingress' },
    ],
    ['the first of them', { from: 'shop/api', port: 443 }, { by: 'NetworkPolicy/shop/in#ingress[0]' }],
    [
      'the isolation',
      { from: 'jobs/job', port: 80 },
      { verdict: 'deny', by: 'NetworkPolicy/shop/in#ingress', why: 'isolated' },
    ],
    ['nothing', { from: 'shop/web', to: 'shop/api' }, { verdict: 'allow', why: 'not-selected' }],
    ['itself', { from: 'shop/web', to: 'shop/web' }, { why: 'self' }],
    ['its node', { from: '192.168.0.1' }, { why: 'own-node' }],
  ] as const)('%s', (_name, ask: Ask, decision) => {
    const { from = '', to = 'shop/web', protocol = 'TCP', port = 80 } = ask
    expect(model.decide({ source: end(from), destination: end(to), protocol, port })).toMatchObject(decision)
  })

  test('policies that select a workload', () => {
    expect(model.selecting(workloadId('pod', 'shop', 'web'))).toMatchObject([
      { ingress: true, egress: false },
    ])
    expect(model.selecting(workloadId('pod', 'shop', 'api'))).toEqual([])
  })
})

test('a dual-stack question picks addresses of one family', () => {
  const policy = networkPolicy('shop/p', { ...web, ingress: [{ from: [block('fd00::/64')] }] })
  const model = modelOf(WORKLOADS, [policy])
  const ask = { protocol: 'TCP', port: 80 } as const
  expect(
    model.decide({ ...ask, source: end('shop/api'), destination: { ...end('shop/web'), ip: 'fd00::1' } })
      .verdict,
  ).toBe('allow')
  expect(model.decide({ ...ask, source: end('shop/api'), destination: end('shop/web') }).verdict).toBe('deny')
})

test('YAML of the conformance base: podSelector with nothing after it', () => {
  const policies = parsed(
    'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: d, namespace: shop}\nspec:\n  podSelector:\n',
  )
  expect(allows(policies, {})).toBe(false)
})
