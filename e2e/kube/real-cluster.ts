import { CUSTOM_RESOURCE_DEFINITIONS, type JsonRecord, KubeObjects, openKubeClient } from '@sekisho/kube'
import { test, vi } from 'vitest'
import { parse } from 'yaml'
import { findPrograms, type Programs } from '../../packages/kube/test/real/programs.ts'
import { openRealApiServer, type RealApiServer } from '../../packages/kube/test/real/server.ts'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { CRD_FILES } from '../../scripts/crds.ts'

/** Runs the tests where the programs of a real API server are there; else says so, and in CI fails. */
export function withPrograms(what: string, tests: (programs: Programs) => void): void {
  const programs = findPrograms()
  if (typeof programs !== 'string') tests(programs)
  else
    test(what, context => {
      if (process.env.CI) throw new Error(programs)
      process.stderr.write(`skipped: ${programs}\n`)
      context.skip(programs)
    })
}

/** A real API server that knows our kinds. */
export async function openRealCluster(programs: Programs): Promise<RealApiServer> {
  const server = await openRealApiServer(programs)
  using client = openKubeClient({ access: server.access, userAgent: 'test/0', timers })
  const definitions = new KubeObjects(client, CUSTOM_RESOURCE_DEFINITIONS)
  const paths: string[] = []
  for (const yaml of Object.values(CRD_FILES)) {
    // Made by our own script.
    const definition = parse(yaml) as JsonRecord & {
      readonly metadata: { readonly name: string }
      readonly spec: { readonly group: string; readonly names: { readonly plural: string } }
    }
    await definitions.apply({ name: definition.metadata.name }, definition, { fieldManager: 'sekisho' })
    paths.push(`/apis/${definition.spec.group}/v1alpha1/${definition.spec.names.plural}`)
  }
  // Served a moment after they were accepted.
  await vi.waitFor(() => Promise.all(paths.map(path => client.call({ method: 'GET', path }))))
  return server
}
