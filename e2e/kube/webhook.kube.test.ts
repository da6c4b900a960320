import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemTimer } from '@sekisho/control'
import type { EpochMs } from '@sekisho/core'
import {
  EXTERNAL_WORKLOADS,
  KubeError,
  KubeObjects,
  NETWORK_POLICIES,
  openKubeClient,
  SECURITY_POLICIES,
} from '@sekisho/kube'
import { expect, test, vi } from 'vitest'
import { freePort } from '../../packages/kube/test/real/server.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { startFor } from './cluster.ts'
import { openRealCluster, withPrograms } from './real-cluster.ts'

withPrograms('policies are refused before they are stored', programs => {
  test('policies are refused before they are stored, with the sentences of the command line', async () => {
    await using cluster = await openRealCluster(programs)
    using client = openKubeClient({ access: cluster.access, userAgent: 'test/0', timers })
    const policies = new KubeObjects(client, SECURITY_POLICIES)
    const data = mkdtempSync(join(tmpdir(), 'sekisho-webhook-'))
    let made = 0
    const place = { namespace: 'default' }
    const create = (spec: unknown): Promise<unknown> =>
      policies
        .create(place, { metadata: { name: `policy-${++made}` }, spec })
        .catch((error: unknown) => error)
    const misspelt = { ingress: [{ form: [{ entity: 'dns' }] }] }
    {
      await using _server = await startFor(cluster.serverAccess, data, { webhookPort: await freePort() })
      // The API server asks a moment after it was told to.
      await vi.waitFor(async () => expect(await create(misspelt)).toBeInstanceOf(KubeError))
      const refused = await create(misspelt)
      expect(refused).toMatchObject({ status: 422 })
      expect(String(refused)).toMatch(/spec\.ingress\[0\]\.form: .*did you mean "from"/)
      expect(await create({ ingress: [] })).not.toBeInstanceOf(KubeError)
      const machine = { metadata: { name: 'vm' }, spec: { addresses: ['10.0.0.300'] } }
      const refusal: unknown = await new KubeObjects(client, EXTERNAL_WORKLOADS)
        .create(place, machine)
        .catch((error: unknown) => error)
      expect(String(refusal)).toMatch(/spec\.addresses\[0\]: must be an address/)
      // What Kubernetes itself takes is never refused, though it means nothing here.
      const overlapping = [{ ports: [{ port: 80 }, { port: 79, endPort: 90 }] }]
      const foreign = { metadata: { name: 'foreign' }, spec: { podSelector: {}, ingress: overlapping } }
      await new KubeObjects(client, NETWORK_POLICIES).create(place, foreign)
    }
    // Away: nobody is locked out.
    expect(await create(misspelt)).not.toBeInstanceOf(KubeError)
    rmSync(data, { recursive: true })
  })

  test('a certificate of the webhook that ran out locks nobody out, and the next one is believed', async () => {
    await using cluster = await openRealCluster(programs)
    using client = openKubeClient({ access: cluster.access, userAgent: 'test/0', timers })
    const policies = new KubeObjects(client, SECURITY_POLICIES)
    const data = mkdtempSync(join(tmpdir(), 'sekisho-webhook-'))
    const webhookPort = await freePort()
    let made = 0
    const wrong = (): Promise<unknown> => {
      const object = { metadata: { name: `wrong-${++made}` }, spec: { ingress: [{ form: [] }] } }
      return policies.create({ namespace: 'default' }, object).catch((error: unknown) => error)
    }
    const refuses = () => vi.waitFor(async () => expect(await wrong()).toBeInstanceOf(KubeError))
    {
      await using _server = await startFor(cluster.serverAccess, data, { webhookPort })
      await refuses()
    }
    {
      // As after months without a renewal: what it shows ended ten days ago.
      const then = () => (Date.now() - 100 * 86_400_000) as EpochMs
      const time = { clock: { ...timers, now: then }, timer: systemTimer }
      await using _server = await startFor(cluster.serverAccess, data, { webhookPort, time })
      expect(await wrong()).not.toBeInstanceOf(KubeError)
    }
    {
      await using _server = await startFor(cluster.serverAccess, data, { webhookPort })
      await refuses()
    }
    rmSync(data, { recursive: true })
  })
})
