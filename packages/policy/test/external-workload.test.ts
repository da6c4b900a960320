import { describe, expect, test } from 'vitest'
import { createModel, modelOfManifests, readManifests, validateExternalWorkload } from '../src/index.ts'
import { workload } from './builders.ts'

const document = (spec: unknown, more: Readonly<Record<string, unknown>> = {}) => ({
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'ExternalWorkload',
  metadata: { name: 'orders-db', namespace: 'shop', labels: { app: 'db' } },
  spec,
  ...more,
})
function mistakes(json: unknown): readonly string[] {
  const result = validateExternalWorkload(json)
  return result.ok ? [] : result.error.map(({ path, reason }) => `${path}: ${reason}`)
}

test('is read with all that it can say, as a workload', () => {
  const read = validateExternalWorkload(
    document(
      {
        addresses: ['10.20.0.7', '2001:DB8::0:7'],
        ports: [
          { name: 'pg', port: 5432 },
          { name: 'metrics', port: 9187, protocol: 'UDP' },
        ],
        serviceAccount: 'db',
        node: 'vm-1.example.org',
      },
      {
        metadata: {
          name: 'orders-db',
          namespace: 'shop',
          labels: { app: 'db' },
          annotations: { 'sekisho.dev/firewall': 'disabled', 'sekisho.dev/profile': 'strict' },
        },
      },
    ),
  )
  expect(read).toEqual({
    ok: true,
    value: {
      word: 'disabled',
      workload: {
        id: 'external:shop/orders-db',
        kind: 'external',
        namespace: 'shop',
        name: 'orders-db',
        owner: { kind: 'ExternalWorkload', name: 'orders-db' },
        labels: { app: 'db', 'sekisho.dev/profile': 'strict' },
        serviceAccount: 'db',
        node: 'vm-1.example.org',
        addresses: ['10.20.0.7', '2001:db8::7'],
        hostNetwork: false,
        ports: [
          { name: 'pg', protocol: 'TCP', port: 5432 },
          { name: 'metrics', protocol: 'UDP', port: 9187 },
        ],
        state: 'running',
      },
    },
  })
})

test('needs no agent, and is then of no node', () => {
  const read = validateExternalWorkload(document({ addresses: ['203.0.113.9'] }))
  expect(read.ok && read.value.workload.node).toBe('')
})

test.each<[string, unknown, readonly string[]]>([
  ['nothing', {}, ['spec.addresses: needs at least one address']],
  ['no spec', undefined, ['spec: is required', 'spec.addresses: needs at least one address']],
  ['an empty list', { addresses: [] }, ['spec.addresses: needs at least one address']],
  ['no list', { addresses: '10.0.0.1' }, ['spec.addresses: must be a list, not a string']],
  [
    'a block',
    { addresses: ['10.0.0.0/8'] },
    ['spec.addresses[0]: must be one address; a block belongs into an ipBlock'],
  ],
  ['a name', { addresses: ['db.example.org'] }, ['spec.addresses[0]: must be an address']],
  [
    'an address of two spellings',
    { addresses: ['2001:db8::7', '2001:DB8:0::7'] },
    ['spec.addresses[1]: 2001:db8::7 is written twice'],
  ],
  [
    'addresses that name no machine',
    { addresses: ['127.0.0.1', '::1', '0.0.0.0', 'fe80::1', '169.254.1.1', '224.0.0.1', 'ff02::1'] },
    [
      'spec.addresses[0]: is a loopback address, which is no machine’s own',
      'spec.addresses[1]: is a loopback address, which is no machine’s own',
      'spec.addresses[2]: is a this host address, which is no machine’s own',
      'spec.addresses[3]: is a link-local address, which is no machine’s own',
      'spec.addresses[4]: is a link-local address, which is no machine’s own',
      'spec.addresses[5]: is a multicast or reserved address, which is no machine’s own',
      'spec.addresses[6]: is a multicast or reserved address, which is no machine’s own',
    ],
  ],
  [
    'too many addresses',
    { addresses: Array.from({ length: 65 }, (_, index) => `10.0.0.${index}`) },
    ['spec.addresses: has 65 items; at most 64 are allowed'],
  ],
  [
    'ports',
    {
      addresses: ['10.0.0.1'],
      ports: [
        { name: 'PG', port: 0 },
        { name: 'a', port: 1, protocol: 'ICMP' },
        { port: 5 },
        { name: 'b', prot: 1 },
      ],
    },
    [
      'spec.ports[0].name: a port name is at most 15 lower-case letters, digits and single "-", with at least one letter',
      'spec.ports[0].port: must be a whole number from 1 to 65535',
      'spec.ports[1].protocol: must be one of TCP, UDP, SCTP; did you mean "TCP"?',
      'spec.ports[2].name: is required',
      'spec.ports[3].prot: unknown field; did you mean "port"?',
      'spec.ports[3].port: must be a whole number from 1 to 65535',
    ],
  ],
  [
    'a port name for two ports',
    {
      addresses: ['10.0.0.1'],
      ports: [
        { name: 'a', port: 1 },
        { name: 'a', port: 2 },
      ],
    },
    ['spec.ports[1]: a is written twice'],
  ],
  [
    'a node that no agent can have',
    { addresses: ['10.0.0.1'], node: '-vm' },
    ['spec.node: must be the name under which the agent joined: letters, digits, ".", "_" and "-"'],
  ],
  [
    'what stands elsewhere',
    { addresses: ['10.0.0.1'], labels: { app: 'db' }, serviceAccount: 'A' },
    [
      'spec.labels: unknown field',
      'spec.serviceAccount: must be lower-case letters, digits, "-" and ".", with a letter or digit at both ends of each part',
    ],
  ],
])('%s is refused', (_, spec, expected) => {
  expect(mistakes(document(spec))).toEqual(expected)
})

test('another version or a label that is none is refused', () => {
  const metadata = { name: 'x', labels: { a: '-' } }
  expect(mistakes(document({ addresses: ['10.0.0.1'] }, { apiVersion: 'v1', metadata }))).toEqual([
    'apiVersion: must be sekisho.dev/v1alpha1 for kind ExternalWorkload',
    'metadata.labels.a: must be letters, digits, "-", "_" and ".", with a letter or digit at both ends',
  ])
})

test('who stands for an entity of the cluster is said in kube-system only', () => {
  const resolver = (namespace: string) =>
    mistakes(
      document(
        { addresses: ['10.0.0.53'] },
        { metadata: { name: 'dns', namespace, labels: { 'sekisho.dev/entity': 'dns' } } },
      ),
    )
  expect(resolver('kube-system')).toEqual([])
  expect(resolver('shop')).toEqual([
    'metadata.labels["sekisho.dev/entity"]: is for namespace kube-system only',
  ])
})

const FILE = `
apiVersion: sekisho.dev/v1alpha1
kind: ExternalWorkload
metadata: { name: orders-db, namespace: shop, labels: { app: db } }
spec: { addresses: [10.20.0.7], ports: [{ name: pg, port: 5432 }], node: vm-1 }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, labels: { app: web } }
status: { podIP: 10.0.0.1 }
---
apiVersion: v1
kind: Pod
metadata: { name: job, namespace: shop, labels: { app: job } }
status: { podIP: 10.0.0.2 }
---
apiVersion: sekisho.dev/v1alpha1
kind: SecurityPolicy
metadata: { name: db, namespace: shop }
spec:
  mode: Enforce
  subject: { podSelector: { matchLabels: { app: db } } }
  ingress: [{ from: [{ podSelector: { matchLabels: { app: web } } }], ports: [{ port: pg }] }]
`
const read = (text: string) => readManifests([{ file: 'all.yaml', text }])

describe('among the files of a cluster', () => {
  test('one policy speaks of pods and machines alike, in both directions', () => {
    const manifests = read(FILE)
    expect(manifests.problems).toEqual([])
    const model = modelOfManifests(manifests)
    const verdict = (ip: string, port: number) =>
      model.judge({ source: { ip }, destination: { ip: '10.20.0.7' }, protocol: 'TCP', port }).outcome
    expect([verdict('10.0.0.1', 5432), verdict('10.0.0.1', 22), verdict('10.0.0.2', 5432)]).toEqual([
      'allowed',
      'denied',
      'denied',
    ])
  })

  test('where no agent runs its own policies are decided and not enforced', () => {
    const model = modelOfManifests(read(FILE.replace(', node: vm-1', '')))
    const query = {
      source: { ip: '10.0.0.2' },
      destination: { ip: '10.20.0.7' },
      protocol: 'TCP',
      port: 5432,
    } as const
    expect(model.decide(query).verdict).toBe('deny')
    expect(model.judge(query).outcome).toBe('allowed')
  })

  test.each<[string, string, string]>([
    ['a mistake', FILE.replace('[10.20.0.7]', '[]'), 'spec.addresses: needs at least one address'],
    [
      'an address that is a pod’s',
      FILE.replace('10.20.0.7', '10.0.0.2'),
      'spec.addresses[0]: 10.0.0.2 is already the address of a Pod in all.yaml, line 12',
    ],
    [
      'one that is declared twice',
      `${FILE}---${FILE.split('---')[0]?.replace('orders-db', 'other')}`,
      'spec.addresses[0]: 10.20.0.7 is already the address of a ExternalWorkload in all.yaml, line 2',
    ],
  ])('%s is a problem with its place', (_, text, expected) => {
    expect(read(text).problems.map(({ path, reason }) => `${path}: ${reason}`)).toEqual([expected])
  })
})

test('an address is a pod’s, whatever is declared of it, and whoever came first', () => {
  const pod = workload('shop/web', '10.0.0.1', { state: 'terminating' })
  const claim = workload('shop/claim', '10.0.0.1', { kind: 'external' })
  for (const set of [
    [pod, claim],
    [claim, pod],
  ]) {
    const model = createModel()
    for (const each of set) model.update({ workloads: { set: [each] } })
    expect(model.workloadAt('10.0.0.1')?.id).toBe(pod.id)
  }
})
