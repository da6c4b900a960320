import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WorkloadId } from '@sekisho/core'
import {
  CUSTOM_RESOURCE_DEFINITIONS,
  isNotFound,
  KubeObjects,
  NAMESPACES,
  OPEN_REPORTS,
  openKubeClient,
  PODS,
  POLICY_REPORTS,
  pathOf,
} from '@sekisho/kube'
import { expect, test, vi } from 'vitest'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { startFor } from './cluster.ts'
import { openRealCluster, withPrograms } from './real-cluster.ts'
import { REPORT_DEFINITIONS } from './report-kinds.ts'

const TYPES = [POLICY_REPORTS, OPEN_REPORTS]

withPrograms('findings are reports of the cluster', programs => {
  test('findings are reports of the cluster, as their published definitions want them', async () => {
    await using cluster = await openRealCluster(programs)
    using client = openKubeClient({ access: cluster.access, userAgent: 'test/0', timers })
    const definitions = new KubeObjects(client, CUSTOM_RESOURCE_DEFINITIONS)
    for (const definition of REPORT_DEFINITIONS) await definitions.create({}, definition)
    await vi.waitFor(() => Promise.all(TYPES.map(type => client.call({ method: 'GET', path: pathOf(type) }))))
    for (const name of ['shop', 'calm'])
      await new KubeObjects(client, NAMESPACES).create({}, { metadata: { name } })
    const labels = { 'sekisho.dev/firewall': 'disabled' }
    const spec = { nodeName: 'node-1', containers: [{ name: 'main', image: 'none' }] }
    for (const metadata of [{ name: 'web' }, { name: 'free', labels }])
      await new KubeObjects(client, PODS).create({ namespace: 'shop' }, { metadata, spec })
    // Left by a server before; there is nothing to say of that namespace any more.
    const left = { metadata: { name: 'sekisho' }, results: [{ policy: 'old' }] }
    for (const type of TYPES) await new KubeObjects(client, type).create({ namespace: 'calm' }, left)

    const data = mkdtempSync(join(tmpdir(), 'sekisho-reports-'))
    {
      await using server = await startFor(cluster.serverAccess, data)
      const known = () => server.store.records.inventory().workloads.map(({ id }) => id)
      await vi.waitFor(() => expect(known()).toContain('pod:shop/free' as WorkloadId))
    }
    {
      // The first look of a server is at what it knows from before.
      await using _ = await startFor(cluster.serverAccess, data)
      for (const type of TYPES) {
        const reports = new KubeObjects(client, type)
        const { json } = await vi.waitFor(() => reports.get({ namespace: 'shop', name: 'sekisho' }))
        expect(json).toMatchObject({
          scope: { kind: 'Namespace', name: 'shop' },
          summary: { fail: 0, warn: 2 },
          results: [
            {
              source: 'sekisho',
              policy: 'workload-unprotected',
              severity: 'high',
              result: 'warn',
              resources: [{ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'free' }],
            },
            { severity: 'medium', resources: [{ name: 'web' }] },
          ],
        })
        const gone = () => reports.get({ namespace: 'calm', name: 'sekisho' }).catch(isNotFound)
        await vi.waitFor(async () => expect(await gone()).toBe(true))
      }
    }
    rmSync(data, { recursive: true })
  })
})
