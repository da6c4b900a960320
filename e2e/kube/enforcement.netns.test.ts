import { listAt } from '@sekisho/core'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type ClusterNode, openClusterNode } from './node.ts'

const [OPEN, OTHER] = [5432, 6000]

describeAsRoot('policies of a cluster in the kernel of its node', () => {
  const resources = new AsyncDisposableStack()
  let node: ClusterNode

  beforeAll(async () => {
    node = await openClusterNode(resources, {
      prefix: `k${process.pid}`,
      pods: ['web', 'db', 'job'],
    })
    node.prober.listen(node.topology.pod('db').netns, [OPEN, OTHER])
    node.startAgent()
  }, 120_000)
  afterAll(() => resources.disposeAsync())

  const everywhere = (from: string, port: number, expected: boolean) =>
    vi.waitFor(() => expect(node.reaches([from, 'db', port])).toEqual([expected, expected]))

  test('pods are told that their rules are in the kernel', async () => {
    for (const name of ['web', 'db'])
      await vi.waitFor(async () => {
        const { json } = await node.pods.get({ namespace: 'shop', name })
        const told = { type: 'sekisho.dev/Enforced', status: 'True', reason: 'Programmed' }
        expect(listAt(json, 'status', 'conditions')).toMatchObject([told])
      })
  })

  test('a policy, a label and a deletion reach the kernel, both families', async () => {
    await everywhere('job', OPEN, true)
    const ingress = [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: OPEN }] }]
    const subject = { podSelector: { matchLabels: { app: 'db' } } }
    const spec = { mode: 'Enforce', subject, ingress }
    await node.policies.create({ namespace: 'shop' }, { metadata: { name: 'db' }, spec })
    await everywhere('job', OPEN, false)
    await everywhere('web', OTHER, false)
    await everywhere('web', OPEN, true)

    await node.pods.replace({ namespace: 'shop', name: 'job' }, node.podOf('job', { app: 'web' }))
    await everywhere('job', OPEN, true)
    await everywhere('job', OTHER, false)

    await node.policies.remove({ namespace: 'shop', name: 'db' })
    await everywhere('web', OTHER, true)
  })

  test('the cluster is told that the node has it in its kernel', async () => {
    const spec = { mode: 'Enforce', subject: {}, ingress: [{}] }
    await node.policies.create({ namespace: 'shop' }, { metadata: { name: 'told' }, spec })
    await vi.waitFor(async () => {
      const { json } = await node.policies.get({ namespace: 'shop', name: 'told' })
      expect(json.status).toMatchObject({
        workloads: 3,
        nodes: { desired: 1, programmed: 1 },
        conditions: [
          { type: 'Accepted', status: 'True' },
          { type: 'Programmed', status: 'True' },
          { type: 'Ready', status: 'True' },
        ],
      })
    })
  })
})
