import { KubeError, OPEN_REPORTS, POLICY_REPORTS } from '@sekisho/kube'
import { expect, test } from 'vitest'
import { ReportWriter } from '../../src/cluster/report-writer.ts'
import type { Finding, FindingsView } from '../../src/insight/findings.ts'
import { Rounds } from './rounds.ts'

const LOOK_MS = 300_000
const HOUR_MS = 3_600_000

const finding = (message: string, since = 5_001): Finding => ({
  category: 'denied-connection',
  policy: 'SecurityPolicy/shop/db',
  rule: 'ingress',
  subject: { kind: 'Deployment', name: 'db' },
  result: 'fail',
  severity: 'medium',
  message,
  properties: { port: '22' },
  since: since as NonNullable<Finding['since']>, // any time
})
const findings = (...all: readonly Finding[]) => ({ findings: all, leftOut: { fail: 0, warn: 0 } })

/** A cluster with the kinds of reports that it has, in which a server led before; the first look is taken at once. */
function setUp(found: FindingsView, kinds: readonly string[] = ['reports']) {
  const rounds = new Rounds()
  const world = { leads: true, found, isAway: false }
  rounds.answer = ({ method, path }) => {
    if (method !== 'GET' && world.isAway) throw new Error('away')
    if (method !== 'GET') return undefined
    if (!kinds.some(plural => path.endsWith(`/${plural}`)))
      throw new KubeError({ status: 404, reason: 'NotFound', message: 'not here' })
    const items = [{ metadata: { name: 'sekisho', namespace: 'old', resourceVersion: '1' } }]
    return { metadata: { resourceVersion: '1' }, items }
  }
  const writer = new ReportWriter({
    watch: rounds.watch,
    types: [POLICY_REPORTS, OPEN_REPORTS],
    find: async () => world.found,
    leads: () => world.leads,
  })
  const writes = () =>
    rounds.calls.flatMap(({ method, path }) => (method === 'GET' ? [] : [`${method} ${path}`]))
  return Object.assign(rounds.begin(writer), { world, writes })
}

const REPORT = '/apis/wgpolicyk8s.io/v1alpha2/namespaces/shop/policyreports/sekisho'
const OPEN = '/apis/openreports.io/v1alpha1/namespaces/shop/reports/sekisho'

test('findings are told in each kind that the cluster has, once, and taken back when they are over', async () => {
  await using cluster = setUp({ shop: findings(finding('from shop/web')) }, ['policyreports', 'reports'])
  await cluster.round(10_000)
  const old = (path: string) => path.replace('/shop/', '/old/')
  expect(cluster.writes()).toEqual([
    `DELETE ${old(REPORT)}`,
    `PATCH ${REPORT}`,
    `DELETE ${old(OPEN)}`,
    `PATCH ${OPEN}`,
  ])
  expect(cluster.calls.find(({ path }) => path === REPORT)?.body).toEqual({
    apiVersion: 'wgpolicyk8s.io/v1alpha2',
    kind: 'PolicyReport',
    metadata: {
      name: 'sekisho',
      namespace: 'shop',
      labels: { 'app.kubernetes.io/managed-by': 'sekisho' },
    },
    scope: { apiVersion: 'v1', kind: 'Namespace', name: 'shop' },
    summary: { pass: 0, fail: 1, warn: 0, error: 0, skip: 0 },
    results: [
      {
        source: 'sekisho',
        policy: 'SecurityPolicy/shop/db',
        rule: 'ingress',
        category: 'denied-connection',
        result: 'fail',
        severity: 'medium',
        scored: true,
        message: 'from shop/web',
        resources: [{ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'db' }],
        properties: { port: '22' },
        timestamp: { seconds: 5, nanos: 1_000_000 },
      },
    ],
  })
  for (let rounds = 0; rounds < 3; rounds++) await cluster.round(LOOK_MS)
  expect(cluster.writes()).toHaveLength(4)
  cluster.world.found = {}
  await cluster.round(LOOK_MS)
  expect(cluster.writes().slice(4)).toEqual([`DELETE ${REPORT}`, `DELETE ${OPEN}`])
})

test('other findings are told at the next look, other times once an hour', async () => {
  await using cluster = setUp({ shop: findings(finding('a')) })
  await cluster.round(10_000)
  const begun = cluster.writes().length
  cluster.world.found = { shop: findings(finding('a', 9_000)) }
  await cluster.round(LOOK_MS)
  expect(cluster.writes()).toHaveLength(begun)
  cluster.world.found = { shop: findings(finding('a', 9_000), finding('b')) }
  await cluster.round(LOOK_MS)
  expect(cluster.writes()).toHaveLength(begun + 1)
  cluster.world.found = { shop: findings(finding('a', 9_999), finding('b')) }
  await cluster.round(HOUR_MS)
  expect(cluster.writes()).toHaveLength(begun + 2)
})

test('what found no room is counted', async () => {
  await using cluster = setUp({ shop: { findings: [finding('a')], leftOut: { fail: 7, warn: 2 } } })
  await cluster.round(10_000)
  expect(cluster.calls.at(-1)?.body).toMatchObject({
    metadata: { annotations: { 'sekisho.dev/left-out': '9' } },
    summary: { fail: 8, warn: 2 },
  })
})

test('a cluster that has no such kinds is asked for them now and then, and nothing is looked for', async () => {
  await using cluster = setUp({}, [])
  for (let rounds = 0; rounds < 3; rounds++) await cluster.round(10_000)
  expect(cluster.calls.map(({ method }) => method)).toEqual(['GET', 'GET'])
})

test('thousands of namespaces are told of in turns, and only by who leads', async () => {
  const names = Array.from({ length: 120 }, (_, i) => `n${i}`)
  await using cluster = setUp(Object.fromEntries(names.map(name => [name, findings(finding('a'))])))
  await cluster.round(10_000)
  // Two rounds, of which the first also removed what is left of the server before.
  expect(cluster.writes()).toHaveLength(100)
  cluster.world.leads = false
  await cluster.round(10_000)
  expect(cluster.writes()).toHaveLength(100)
})

test('what failed is said, and tried again at the next look while others are told', async () => {
  await using cluster = setUp({ shop: findings(finding('a')) })
  await cluster.round(10_000)
  cluster.world.found = { shop: findings(finding('b')) }
  cluster.world.isAway = true
  await cluster.round(LOOK_MS)
  await cluster.round(10_000)
  expect(cluster.troubles).toContainEqual(['the Report of shop could not be written', true])
  const tries = cluster.writes().length
  cluster.world.isAway = false
  await cluster.round(10_000)
  expect(cluster.writes()).toHaveLength(tries)
  await cluster.round(LOOK_MS)
  expect(cluster.writes()).toHaveLength(tries + 1)
  expect(cluster.troubles).toContainEqual(['the Report of shop could not be written', false])
})
