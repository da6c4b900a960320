import type { EpochMs } from '@sekisho/core'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type ClusterNode, openClusterNode, type Way } from './node.ts'

const [OPEN, OTHER] = [5432, 6000]

describeAsRoot('policies of a cluster on a machine outside', () => {
  const resources = new AsyncDisposableStack()
  let node: ClusterNode

  beforeAll(async () => {
    node = await openClusterNode(resources, {
      prefix: `m${process.pid}`,
      pods: ['web', 'job'],
      machines: ['vm'],
    })
    for (const name of ['web', 'job', 'vm']) node.prober.listen(node.topology.pod(name).netns, [OPEN, OTHER])
    await declare({ app: 'db' })
    node.startAgent('vm')
  }, 120_000)
  afterAll(() => resources.disposeAsync())

  const declare = (labels: Readonly<Record<string, string>>) =>
    node.externals.apply(
      { namespace: 'shop', name: 'orders-db' },
      {
        metadata: { labels },
        spec: {
          addresses: node.topology.pod('vm').addresses,
          ports: [{ name: 'pg', port: OPEN }],
          node: 'vm',
        },
      },
      { fieldManager: 'test', force: true },
    )
  const WAYS: readonly Way[] = [
    ['web', 'vm', OPEN],
    ['web', 'vm', OTHER],
    ['job', 'vm', OPEN],
    ['vm', 'web', OPEN],
    ['vm', 'web', OTHER],
    ['vm', 'job', OPEN],
    ['vm', 'vm', OPEN],
  ]
  const open = (...expected: readonly boolean[]) =>
    vi.waitFor(() => expect(WAYS.map(way => node.reaches(way))).toEqual(expected.map(each => [each, each])))

  test('what selects its labels is enforced there, in both directions and families', async () => {
    await open(true, true, true, true, true, true, true)
    const web = [{ podSelector: { matchLabels: { app: 'web' } } }]
    const spec = {
      mode: 'Enforce',
      subject: { podSelector: { matchLabels: { app: 'db' } } },
      ingress: [{ from: web, ports: [{ port: 'pg' }] }],
      egress: [{ to: web, ports: [{ port: OPEN }] }],
    }
    await node.policies.create({ namespace: 'shop' }, { metadata: { name: 'db' }, spec })
    await open(true, false, false, true, false, false, true)
    await declare({ app: 'other' })
    await open(true, true, true, true, true, true, true)
    await declare({ app: 'db' })
    await open(true, false, false, true, false, false, true)
  })

  test('the cluster is told that its agent speaks and has it in its kernel', async () => {
    await vi.waitFor(async () => {
      const { json } = await node.externals.get({ namespace: 'shop', name: 'orders-db' })
      expect(json.status).toMatchObject({
        policies: 1,
        conditions: [
          { type: 'Accepted', status: 'True' },
          { type: 'Conflicted', status: 'False' },
          { type: 'Connected', status: 'True' },
          { type: 'Programmed', status: 'True' },
          { type: 'Ready', status: 'True' },
        ],
      })
    })
  })

  test('what it sends and refuses is recorded as its own', async () => {
    const window = { since: 0 as EpochMs, until: Number.MAX_SAFE_INTEGER as EpochMs }
    const told = () => node.server.store.records.flows({ limit: 1_000, window }).items
    await vi.waitFor(() => {
      const denied = told().filter(({ outcome }) => outcome === 'denied')
      const ends = new Set(
        denied.map(({ source, destination }) => `${source.workload} ${destination.workload}`),
      )
      expect(ends).toContain('pod:shop/job external:shop/orders-db')
      expect(ends).toContain('external:shop/orders-db pod:shop/job')
    })
    const agents = node.server.store.agents.list().map(({ status }) => status?.ledger)
    expect(agents).toMatchObject([{ 'judgement-disagreements': 0 }])
  })
})
