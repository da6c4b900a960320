import { expect, test } from 'vitest'
import {
  check,
  connect,
  connectOutside,
  type FlowFacts,
  lint,
  type Model,
  modelOfManifests,
  named,
  never,
  only,
  outside,
  parseSentence,
  policyToYaml,
  readManifests,
  renderCode,
  select,
  space,
} from '../src/index.ts'

const shop = space('shop', {
  web: { labels: { app: 'web', tier: 'front' }, ports: { http: 8080 } },
  api: {
    labels: { app: 'api', tier: 'back' },
    ports: { grpc: 9000, metrics: { port: 9090, protocol: 'TCP' } },
  },
})
const payments = space('payments', { db: { labels: { app: 'db' }, ports: { postgres: 5432 } } })
const backs = select(shop, 'backs', { tier: 'back' })

const CODE = {
  spaces: [shop, payments],
  connections: [
    connect(outside('0.0.0.0/0', '10.0.0.0/8'), shop.apps.web, 'http'),
    connect(shop.apps.web, shop.apps.api, 'grpc'),
    connect(backs, payments.apps.db, 'postgres'),
    connectOutside(shop.apps.api, outside('203.0.113.0/24'), 443),
  ],
}

const deployment = (namespace: string, app: string, tier: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${app}, namespace: ${namespace}}
spec: {template: {metadata: {labels: {app: ${app}, tier: ${tier}}}}}
`

const manifests = () =>
  readManifests([
    { file: 'policies.yaml', text: renderCode(CODE).map(policyToYaml).join('---\n') },
    {
      file: 'apps.yaml',
      text: [
        deployment('shop', 'web', 'front'),
        deployment('shop', 'api', 'back'),
        deployment('payments', 'db', 'x'),
      ].join('---'),
    },
  ])

test.each([
  ['from outside to shop/web:8080 deny', 'failed'],
  ['from 198.51.100.0/24 to shop/web:8080 allow', 'passed'],
  ['from 10.0.0.0/8 to shop/web deny', 'passed'],
  ['from shop/web to shop/api:9000 allow', 'passed'],
  ['from shop/web to shop/api:9090 deny', 'passed'],
  ['from shop/api to payments/db:5432 allow', 'passed'],
  ['from shop/web to payments/db deny', 'passed'],
  ['from shop/api to 203.0.113.0/24:443 allow', 'passed'],
  ['from payments/db to anything:443 deny', 'passed'],
])('the same engine says of what is rendered: %s is %s', (sentence, outcome) => {
  const read = manifests()
  expect(read.problems).toEqual([])
  const expectation = parseSentence(sentence)
  if (!expectation.ok) throw new TypeError(expectation.error)
  expect(check(modelOfManifests(read), expectation.value).outcome).toBe(outcome)
})

test('what is rendered has no lint but the labels that namespaces lack', () => {
  expect(lint(manifests()).filter(({ severity }) => severity !== 'note')).toEqual([])
})

/** The same cluster, where ports do not say enough. */
const SAID = {
  spaces: [shop, payments],
  connections: [
    connect(outside('0.0.0.0/0'), shop.apps.web, 'http'),
    only(connect(shop.apps.web, shop.apps.api, 'grpc'), {
      requests: [{ grpc: { service: 'shop.v1.Orders' } }, { http: { path: { prefix: '/orders/' } } }],
    }),
    only(connect(shop.apps.api, payments.apps.db, 'postgres'), { applications: ['postgresql'] }),
    never(connect(outside('198.51.100.0/24'), shop.apps.web, 'http')),
    connectOutside(shop.apps.api, named('api.example.com', '*.example.net'), 443),
    only(connectOutside(shop.apps.web, outside('203.0.113.0/24'), 443), {
      requests: [{ tls: { sni: ['a.example'] } }],
    }),
  ],
}

function modelOf(code: Parameters<typeof renderCode>[0]): Model {
  const read = readManifests([
    { file: 'policies.yaml', text: renderCode(code).map(policyToYaml).join('---\n') },
    {
      file: 'apps.yaml',
      text: [
        deployment('shop', 'web', 'front'),
        deployment('shop', 'api', 'back'),
        deployment('payments', 'db', 'x'),
      ].join('---'),
    },
  ])
  expect(read.problems).toEqual([])
  return modelOfManifests(read)
}

test('what ports cannot say is a SecurityPolicy, of whom it is about only', () => {
  const kinds = renderCode(SAID).map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`)
  expect(kinds).toEqual([
    'NetworkPolicy shop/default-deny',
    'NetworkPolicy payments/default-deny',
    'SecurityPolicy shop/web',
    'SecurityPolicy shop/api',
    'SecurityPolicy payments/db',
  ])
})

const grpc = (service: string) => ({ kind: 'grpc', service, method: 'Get' }) as const
test.each<[string, string, number, FlowFacts, 'allow' | 'deny']>([
  ['shop/web', 'shop/api', 9000, { application: 'grpc', request: grpc('shop.v1.Orders') }, 'allow'],
  ['shop/web', 'shop/api', 9000, { application: 'grpc', request: grpc('shop.v1.Admin') }, 'deny'],
  ['shop/api', 'payments/db', 5432, { application: 'postgresql' }, 'allow'],
  ['shop/api', 'payments/db', 5432, { application: 'ssh' }, 'deny'],
  ['shop/web', 'payments/db', 5432, { application: 'postgresql' }, 'deny'],
  ['192.0.2.1', 'shop/web', 8080, {}, 'allow'],
  ['198.51.100.1', 'shop/web', 8080, {}, 'deny'],
  [
    'shop/api',
    '192.0.2.9',
    443,
    { names: ['api.example.com'], application: 'tls', request: { kind: 'tls', sni: 'api.example.com' } },
    'allow',
  ],
  ['shop/api', '192.0.2.9', 443, { names: ['example.net'] }, 'deny'],
  [
    'shop/web',
    '203.0.113.9',
    443,
    { application: 'tls', request: { kind: 'tls', sni: 'a.example' } },
    'allow',
  ],
  [
    'shop/web',
    '203.0.113.9',
    443,
    { application: 'tls', request: { kind: 'tls', sni: 'b.example' } },
    'deny',
  ],
])('from %s to %s:%d saying %j: %s', (from, to, port, facts, verdict) => {
  const model = modelOf(SAID)
  const end = (text: string) => {
    const found = [...model.workloads.values()].find(each => `${each.namespace}/${each.owner.name}` === text)
    return found ? { workload: found.id } : { ip: text }
  }
  const query = { source: end(from), destination: end(to), protocol: 'TCP', port, facts } as const
  expect(model.decide(query).verdict).toBe(verdict)
})

test('ports and labels that no app has do not build', () => {
  // @ts-expect-error a typing mistake in the name of a port
  connect(shop.apps.web, shop.apps.api, 'gprc')
  // @ts-expect-error a typing mistake in the value of a label
  select(shop, 'x', { tier: 'bakc' })
  // @ts-expect-error a field that such a request does not have
  only(connect(shop.apps.web, shop.apps.api, 'grpc'), { requests: [{ grpc: { path: '/' } }] })
  // @ts-expect-error a label that no app has
  select(shop, 'x', { teir: 'back' })
  expect(() => renderCode({ spaces: [space('Shop', {})], connections: [] })).toThrow(/lower-case/)
})
