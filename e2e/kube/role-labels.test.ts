import { KubeObjects, openKubeClient, PODS } from '@sekisho/kube'
import { expect, test, vi } from 'vitest'
import { ROLE_LABEL, RoleLabels } from '../../packages/control/src/cluster/role-labels.ts'
import { createWatch } from '../../packages/control/src/cluster/watch.ts'
import { openApiServerDouble } from '../../packages/kube/test/double/api-server.ts'
import { ManualTimers } from '../../packages/kube/test/manual-timers.ts'

const namespace = 'sekisho'

test('who leads says which pod leads, and of the others that they do not; who does not lead says nothing', async () => {
  await using double = await openApiServerDouble()
  const timers = new ManualTimers()
  const access = { server: double.url, credentials: { kind: 'none' }, namespace } as const
  using client = openKubeClient({ access, userAgent: 'test/0', timers })
  const pods = new KubeObjects(client, PODS)
  const labels = { 'app.kubernetes.io/name': 'sekisho-server' }
  for (const name of ['sekisho-server-0', 'sekisho-server-1'])
    await pods.create({ namespace }, { metadata: { name, labels } })
  // Its node is gone, and it cannot say so itself.
  await pods.create(
    { namespace },
    { metadata: { name: 'dead', labels: { ...labels, [ROLE_LABEL]: 'leader' } } },
  )
  await pods.create({ namespace }, { metadata: { name: 'other', labels: { [ROLE_LABEL]: 'leader' } } })
  const onTrouble = vi.fn()
  const watch = createWatch({ client, timers, random: () => 0, onTrouble })
  let leader = ''
  const stop = new AbortController()
  const running = ['sekisho-server-0', 'sekisho-server-1'].map(pod =>
    new RoleLabels({ watch, namespace, pod, leads: () => leader === pod }).run(stop.signal),
  )
  const roles = async () => {
    timers.pass(2_000)
    const { objects } = await pods.page({ namespace }, { limit: 10 })
    return objects.map(({ labels: each }) => each[ROLE_LABEL])
  }
  expect(await roles()).toEqual(['leader', 'leader', undefined, undefined])
  leader = 'sekisho-server-1'
  await vi.waitFor(async () => expect(await roles()).toEqual(['standby', 'leader', 'standby', 'leader']))
  leader = 'sekisho-server-0'
  await vi.waitFor(async () => expect(await roles()).toEqual(['standby', 'leader', 'leader', 'standby']))
  expect(onTrouble.mock.calls.filter(([, error]) => error !== undefined)).toEqual([])
  stop.abort()
  await Promise.all(running)
})
