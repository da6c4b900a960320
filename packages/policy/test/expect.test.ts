import { describe, expect, test } from 'vitest'
import {
  check,
  modelOfManifests,
  parseEnd,
  parseSentence,
  readExpectations,
  readManifests,
} from '../src/index.ts'

const CLUSTER = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: red}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec: {template: {metadata: {labels: {app: api}}, spec: {containers: [{name: c}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: payments}
spec:
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: c, ports: [{name: sql, containerPort: 5432}]}]
      initContainers: [{name: proxy, restartPolicy: Always, ports: [{name: metrics, containerPort: 9090}]}, {name: once, ports: [{name: never, containerPort: 1}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: payments}
spec:
  podSelector: {}
  ingress:
    - from: [{namespaceSelector: {matchLabels: {team: red}}}]
      ports: [{port: sql}]
`
const tests = (...sentences: string[]) => `
apiVersion: sekisho.dev/v1alpha1
kind: PolicyTest
expect:
${sentences.map(sentence => `  - ${sentence}`).join('\n')}
`

function run(...sentences: string[]) {
  const manifests = readManifests([
    { file: 'cluster.yaml', text: CLUSTER },
    { file: 'tests.yaml', text: tests(...sentences) },
  ])
  expect(manifests.problems).toEqual([])
  const { expectations, problems } = readExpectations(manifests.others)
  const model = modelOfManifests(manifests)
  return { problems, results: expectations.map(one => check(model, one)) }
}

test('manifests become workloads with owners, labels, and the ports of what keeps running', () => {
  const { workloads, namespaces } = readManifests([{ file: 'cluster.yaml', text: CLUSTER }])
  expect(workloads).toMatchObject([
    { namespace: 'shop', owner: { kind: 'Deployment', name: 'api' }, labels: { app: 'api' }, addresses: [] },
    {
      namespace: 'payments',
      owner: { kind: 'StatefulSet', name: 'db' },
      ports: [
        { name: 'sql', protocol: 'TCP', port: 5432 },
        { name: 'metrics', protocol: 'TCP', port: 9090 },
      ],
    },
  ])
  expect(namespaces.map(({ name, labels }) => [name, labels.team])).toEqual([
    ['shop', 'red'],
    ['payments', undefined],
  ])
})

test('mistakes in manifests have file, line and path', () => {
  const text = 'apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: a}\nstatus: {podIP: 10.0.0.300}\n'
  expect(readManifests([{ file: 'pod.yaml', text }]).problems).toMatchObject([
    { file: 'pod.yaml', line: 4, path: 'status.podIP', reason: 'must be an IP address' },
  ])
})

test('a policy that is there twice is refused with the place of the first', () => {
  const file = (name: string) => ({ file: name, text: CLUSTER })
  expect(readManifests([file('a.yaml'), file('b.yaml')]).problems).toMatchObject([
    { file: 'b.yaml', reason: 'NetworkPolicy/payments/db is already in a.yaml, line 21' },
  ])
})

test('what is there twice and differs is refused, what is repeated is not', () => {
  const space = (team: string) =>
    `apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {team: ${team}}}\n`
  const web = (tier: string) =>
    `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: a}\nspec: {template: {metadata: {labels: {tier: ${tier}}}}}\n`
  const files = (...texts: readonly string[]) => texts.map((text, i) => ({ file: `${i}.yaml`, text }))
  expect(readManifests(files(space('x'), space('x'), web('front'), web('front'))).problems).toEqual([])
  expect(readManifests(files(space('x'), space('y'), web('front'), web('back'))).problems).toMatchObject([
    {
      file: '1.yaml',
      path: 'metadata',
      reason: 'Namespace a is already in 0.yaml, line 1, and differs from it',
    },
    {
      file: '3.yaml',
      path: 'metadata',
      reason: 'Deployment a/web is already in 2.yaml, line 1, and differs from it',
    },
  ])
})

test('pods of one owner are one workload, unless they differ', () => {
  const pod = (name: string, app: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: a, labels: {app: ${app}}, ownerReferences: [{kind: ReplicaSet, name: web}]}\n`
  const text = [pod('web-1', 'web'), pod('web-2', 'web'), pod('web-3', 'canary')].join('---\n')
  const { workloads, problems } = readManifests([{ file: 'pods.yaml', text }])
  expect(problems).toEqual([])
  expect(workloads.map(({ name, labels }) => [name, labels.app])).toEqual([
    ['web', 'web'],
    ['web-3', 'canary'],
  ])
})

describe('expectations', () => {
  test.each([
    ['from shop/api to payments/db:5432 allow', 'passed'],
    ['from shop/api to payments/db:5432 deny', 'failed'],
    ['from shop/api to payments/db:5433 deny', 'passed'],
    ['from shop/api to payments/db:any/UDP deny', 'passed'],
    ['from outside to payments/* deny', 'passed'],
    ['from 203.0.113.0/24 to payments/app=db:5432 allow', 'failed'],
    ['from anything to payments/db deny', 'failed'],
    ['from shop/gone to payments/db allow', 'no-flow'],
  ])('%s: %s', (sentence, outcome) => {
    const { problems, results } = run(sentence)
    expect(problems).toEqual([])
    expect(results.map(result => result.outcome)).toEqual([outcome])
  })

  test('written as fields they say the same', () => {
    const { results } = run('{from: shop/api, to: payments/db, port: 5432, verdict: allow}')
    expect(results).toMatchObject([
      {
        outcome: 'passed',
        expectation: { text: 'from shop/api to payments/db:5432 allow', place: { line: 5 } },
      },
    ])
  })

  test.each([
    ['from shop/api to payments/db:99999 allow', /no port from 0 to 65535/],
    ['from shop to payments/db allow', /"shop" is no end/],
    ['shop/api may reach payments/db', /must be a sentence/],
    ['from 10.0.0.1/8 to payments/db allow', /is no end/],
  ])('%s is refused with its line', (sentence, reason) => {
    const { problems } = run(sentence)
    expect(problems).toMatchObject([{ file: 'tests.yaml', line: 5, reason: expect.stringMatching(reason) }])
  })

  test('IPv6 with a port stands in brackets', () => {
    const read = parseSentence('from shop/api to [2001:db8::1]:443 deny')
    expect(read).toMatchObject({ ok: true, value: { port: 443, to: { ranges: [{ family: 6 }] } } })
    expect(parseEnd('2001:db8::/32').ok).toBe(true)
  })
})
