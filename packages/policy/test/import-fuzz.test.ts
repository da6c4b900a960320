import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { importPolicies } from '../src/index.ts'
import { workload } from './builders.ts'

type Json = Readonly<Record<string, unknown>>

const object = (apiVersion: string, kind: string, spec: Json): Json => ({
  apiVersion,
  kind,
  metadata: {
    name: kind.toLowerCase(),
    ...(!/^Admin|^Global/.test(kind) && { namespace: 'shop' }),
    labels: { app: 'a' },
  },
  spec,
})
const labels = {
  matchLabels: { app: 'a' },
  matchExpressions: [{ key: 'tier', operator: 'In', values: ['x'] }],
}
const nv = { name: 'g', criteria: [{ key: 'app', op: '=', value: 'a' }] }

/** One document of each kind that is read, with as many of its fields as there are. */
const DOCUMENTS: readonly Json[] = [
  object('policy.networking.k8s.io/v1alpha1', 'AdminNetworkPolicy', {
    priority: 1,
    subject: { pods: { namespaceSelector: labels, podSelector: labels } },
    ingress: [
      {
        name: 'a',
        action: 'Allow',
        from: [{ namespaces: labels }],
        ports: [{ portNumber: { protocol: 'TCP', port: 80 } }],
      },
    ],
    egress: [
      {
        action: 'Deny',
        to: [{ networks: ['10.0.0.0/8'] }, { nodes: labels }],
        ports: [{ portRange: { start: 1, end: 9 } }],
      },
      { action: 'Allow', to: [{ domainNames: ['*.example.com'] }] },
    ],
  }),
  object('projectcalico.org/v3', 'GlobalNetworkPolicy', {
    tier: 'default',
    order: 10,
    selector: "app == 'a' && has(tier)",
    types: ['Ingress', 'Egress'],
    ingress: [
      {
        action: 'Allow',
        protocol: 'TCP',
        source: { selector: "a in {'b'}", namespaceSelector: 'all()' },
        destination: { ports: [80, '90:99', 'web'], selector: 'has(x)' },
      },
    ],
    egress: [
      { action: 'Pass', notProtocol: 'UDP', destination: { nets: ['10.0.0.0/8'], notNets: ['10.1.0.0/16'] } },
      { action: 'Deny', protocol: 'ICMP', icmp: { type: 8 } },
    ],
  }),
  object('cilium.io/v2', 'CiliumNetworkPolicy', {
    endpointSelector: labels,
    ingress: [
      {
        fromEndpoints: [labels],
        toPorts: [
          {
            ports: [{ port: '80', protocol: 'TCP' }],
            rules: { http: [{ path: '/a/.*', method: 'GET', headers: ['a: b'] }] },
          },
        ],
      },
    ],
    egress: [
      { toFQDNs: [{ matchName: 'a.example.com' }, { matchPattern: '**.example.com' }] },
      {
        toCIDRSet: [{ cidr: '203.0.113.0/24', except: ['203.0.113.7/32'] }],
        icmps: [{ fields: [{ type: 8, family: 'IPv4' }] }],
      },
    ],
    egressDeny: [{ toEntities: ['world'] }],
    enableDefaultDeny: { ingress: true, egress: true },
  }),
  object('neuvector.com/v1', 'NvSecurityRule', {
    target: {
      policymode: 'Protect',
      selector: {
        name: 'nv.a.shop',
        criteria: [
          { key: 'service', op: '=', value: 'a.shop' },
          { key: 'domain', op: '=', value: 'shop' },
        ],
      },
    },
    ingress: [
      {
        selector: nv,
        action: 'allow',
        applications: ['HTTP'],
        ports: 'tcp/80,udp/1-9',
        name: 'r',
        priority: 1,
      },
    ],
    egress: [
      {
        selector: { name: 'x', criteria: [{ key: 'address', op: '=', value: '203.0.113.1-203.0.113.9' }] },
        action: 'deny',
        applications: ['any'],
        ports: 'any',
        name: 's',
      },
    ],
    process: [{ name: 'sh' }],
  }),
  object('networking.k8s.io/v1', 'NetworkPolicy', {
    podSelector: labels,
    ingress: [{ from: [{ podSelector: labels }], ports: [{ port: 80, endPort: 90 }] }],
  }),
]
const WORKLOADS = [workload('shop/a', '10.0.0.1')]
const read = (documents: readonly unknown[]) =>
  importPolicies(documents.map(one => stringify(one, { aliasDuplicateObjects: false })).join('---\n'), {
    workloads: WORKLOADS,
    clusterName: 'here',
  })

const ODD: fc.Arbitrary<unknown> = fc.constantFrom<unknown>(
  null,
  '',
  'x',
  '*',
  '**.',
  '/((',
  -1,
  70_000,
  1.5,
  true,
  [],
  {},
  [null],
  [[]],
  { key: null },
  '10.0.0.1/99',
  'constructor',
)

/** The value with one of its parts, chosen by `steps`, replaced. */
function spoil(value: unknown, steps: readonly number[], by: unknown): unknown {
  const [step = 0, ...rest] = steps
  if (typeof value !== 'object' || value === null || steps.length === 0) return by
  const keys = Object.keys(value)
  const key = keys[step % Math.max(keys.length, 1)]
  if (key === undefined) return by
  if (Array.isArray(value))
    return value.map((item: unknown, i) => (String(i) === key ? spoil(item, rest, by) : item))
  return { ...value, [key]: spoil((value as Json)[key], rest, by) } // an object's own key
}

test('each of these documents is translated', () => {
  const { documents, refused } = read(DOCUMENTS)
  expect(refused.map(({ at, reason, kept }) => [at.path, reason, kept])).toEqual([
    ['spec.process', 'rules of processes are no network policy', true],
  ])
  expect(documents.length).toBeGreaterThanOrEqual(DOCUMENTS.length)
})

test('a document that is spoilt anywhere is translated or refused, with line, path and reason', () => {
  const steps = fc.array(fc.nat(7), { minLength: 1, maxLength: 9 })
  fc.assert(
    fc.property(fc.constantFrom(...DOCUMENTS), steps, ODD, (document, path, by) => {
      const { documents, refused, notes } = read([spoil(document, path, by)])
      expect(documents.length + refused.length + notes.length).toBeGreaterThan(0)
      for (const { at, construct, reason } of refused) {
        expect(at.line).toBeGreaterThan(0)
        expect([construct, reason].every(text => text.length > 0)).toBe(true)
      }
    }),
    { numRuns: 250 },
  )
})
