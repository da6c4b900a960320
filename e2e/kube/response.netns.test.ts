import { EVENTS, RESPONSE_RULES } from '@sekisho/kube'
import { describeAsRoot } from '@sekisho/linux/test/privilege'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type ClusterNode, openClusterNode } from './node.ts'

const [CLOSED, OPEN] = [5432, 6000]

describeAsRoot('what is found is responded to in the kernel', () => {
  const resources = new AsyncDisposableStack()
  let node: ClusterNode

  beforeAll(async () => {
    node = await openClusterNode(resources, {
      prefix: `r${process.pid}`,
      pods: ['web', 'db', 'job'],
    })
    node.prober.listen(node.topology.pod('db').netns, [CLOSED, OPEN])
    node.startAgent()
  }, 120_000)
  afterAll(() => resources.disposeAsync())

  const reaches = (from: string, port: number) => node.reaches([from, 'db', port])
  const everywhere = (from: string, port: number, expected: boolean) =>
    vi.waitFor(() => expect(reaches(from, port)).toEqual([expected, expected]), { timeout: 60_000 })

  test('a pod that tries what it may not is cut off, the cluster is told, and deleting the rule lets it back', async () => {
    const subject = { podSelector: { matchLabels: { app: 'db' } } }
    const ingress = [
      { from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: CLOSED }] },
      { ports: [{ port: OPEN }] },
    ]
    const spec = { mode: 'Enforce', subject, ingress }
    await node.policies.create({ namespace: 'shop' }, { metadata: { name: 'db' }, spec })
    await everywhere('job', CLOSED, false)
    await everywhere('job', OPEN, true)

    const rules = node.objects(RESPONSE_RULES)
    const match = { findings: ['denied-attempts'], count: 5 }
    const rule = { mode: 'Enforce', match, actions: [{ quarantine: {} }] }
    await rules.create({}, { metadata: { name: 'contain' }, spec: rule })
    await vi.waitFor(
      () => {
        reaches('job', CLOSED)
        expect(reaches('job', OPEN)).toEqual([false, false])
      },
      { timeout: 120_000, interval: 1_000 },
    )
    await everywhere('web', OPEN, true)

    await vi.waitFor(
      async () => {
        const { json } = await rules.get({ name: 'contain' })
        expect(json.status).toMatchObject({ active: 1, firedLastDay: 1 })
        const about = { namespace: 'shop', fieldSelector: 'involvedObject.name=job' }
        const { objects } = await node.objects(EVENTS).page(about, { limit: 10 })
        expect(objects.map(({ json: event }) => event.reason)).toContain('Quarantined')
      },
      { timeout: 60_000 },
    )

    await rules.remove({ name: 'contain' })
    await everywhere('job', OPEN, true)
    await everywhere('job', CLOSED, false)
  }, 300_000)
})
