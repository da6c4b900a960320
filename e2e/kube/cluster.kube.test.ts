import { CUSTOM_RESOURCE_DEFINITIONS, type JsonRecord, KubeObjects, openKubeClient } from '@sekisho/kube'
import { test, vi } from 'vitest'
import { parse } from 'yaml'
import { findPrograms } from '../../packages/kube/test/real/programs.ts'
import { openRealApiServer } from '../../packages/kube/test/real/server.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { CRD_FILES } from '../../scripts/crds.ts'
import { clusterSuite } from './cluster.ts'

const programs = findPrograms()
if (typeof programs === 'string') {
  test('a server for a real API server', context => {
    if (process.env.CI) throw new Error(programs)
    process.stderr.write(`skipped: ${programs}\n`)
    context.skip(programs)
  })
} else {
  clusterSuite('kube-apiserver', async () => {
    const server = await openRealApiServer(programs)
    using client = openKubeClient({ access: server.access, userAgent: 'test/0', timers })
    const definitions = new KubeObjects(client, CUSTOM_RESOURCE_DEFINITIONS)
    for (const yaml of Object.values(CRD_FILES)) {
      const definition = parse(yaml) as JsonRecord & { readonly metadata: { readonly name: string } }
      await definitions.apply({ name: definition.metadata.name }, definition, { fieldManager: 'sekisho' })
    }
    await vi.waitFor(() =>
      Promise.all(
        ['securitypolicies', 'clustersecuritypolicies'].map(plural =>
          client.call({ method: 'GET', path: `/apis/sekisho.dev/v1alpha1/${plural}` }),
        ),
      ),
    )
    return server
  })
}
