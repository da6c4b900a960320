import { expect, test } from 'vitest'
import {
  check,
  connect,
  connectOutside,
  lint,
  modelOfManifests,
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

test('ports and labels that no app has do not build', () => {
  // @ts-expect-error a typing mistake in the name of a port
  connect(shop.apps.web, shop.apps.api, 'gprc')
  // @ts-expect-error a typing mistake in the value of a label
  select(shop, 'x', { tier: 'bakc' })
  // @ts-expect-error a label that no app has
  select(shop, 'x', { teir: 'back' })
  expect(() => renderCode({ spaces: [space('Shop', {})], connections: [] })).toThrow(/lower-case/)
})
