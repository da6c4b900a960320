import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listAt } from '@sekisho/core'
import { KubeObjects, NAMESPACES, openKubeClient, PODS } from '@sekisho/kube'
import { expect, test, vi } from 'vitest'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { startFor } from './cluster.ts'
import { openRealCluster, withPrograms } from './real-cluster.ts'

withPrograms('pods are told', programs => {
  test('pods are told by a condition beside those of the kubelet, with the rights of the chart', async () => {
    await using cluster = await openRealCluster(programs)
    using client = openKubeClient({ access: cluster.access, userAgent: 'test/0', timers })
    const pods = new KubeObjects(client, PODS)
    const place = { namespace: 'shop', name: 'web' }
    await new KubeObjects(client, NAMESPACES).create({}, { metadata: { name: 'shop' } })
    const containers = [{ name: 'main', image: 'none' }]
    const readinessGates = [{ conditionType: 'sekisho.dev/Enforced' }]
    const spec = { nodeName: 'node-1', containers, readinessGates }
    await pods.create(place, { metadata: { name: 'web' }, spec })
    const conditions = [{ type: 'PodScheduled', status: 'True' }]
    const status = { phase: 'Running', podIP: '10.9.0.1', podIPs: [{ ip: '10.9.0.1' }], conditions }
    await pods.apply({ ...place, subresource: 'status' }, { status }, { fieldManager: 'kubelet' })

    const data = mkdtempSync(join(tmpdir(), 'sekisho-conditions-'))
    {
      await using _ = await startFor(cluster.serverAccess, data, { podConditions: true })
      await vi.waitFor(async () =>
        expect(listAt((await pods.get(place)).json, 'status', 'conditions')).toMatchObject([
          { type: 'PodScheduled', status: 'True' },
          { type: 'sekisho.dev/Enforced', status: 'False', reason: 'NoAgent' },
        ]),
      )
    }
    rmSync(data, { recursive: true })
  })
})
