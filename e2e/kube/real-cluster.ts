import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  CLUSTER_NETWORK_POLICIES,
  type ClusterAccess,
  CUSTOM_RESOURCE_DEFINITIONS,
  type JsonRecord,
  type KubeClient,
  KubeObjects,
  NAMESPACES,
  openKubeClient,
  pathOf,
  type ResourceType,
} from '@sekisho/kube'
import { test, vi } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
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

export interface RealCluster extends RealApiServer {
  /** As the server's service account, with what the chart lets it do. */
  readonly serverAccess: ClusterAccess
}

const RBAC = 'rbac.authorization.k8s.io'
const TYPES: readonly ResourceType[] = [
  { group: '', version: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true },
  { group: RBAC, version: 'v1', kind: 'ClusterRole', plural: 'clusterroles', namespaced: false },
  {
    group: RBAC,
    version: 'v1',
    kind: 'ClusterRoleBinding',
    plural: 'clusterrolebindings',
    namespaced: false,
  },
  { group: RBAC, version: 'v1', kind: 'Role', plural: 'roles', namespaced: true },
  { group: RBAC, version: 'v1', kind: 'RoleBinding', plural: 'rolebindings', namespaced: true },
]

/** Makes the server's account as it is delivered. @returns a token of it. */
async function makeAccount(client: KubeClient): Promise<string> {
  const files = join(import.meta.dirname, '../../deploy/helm/sekisho/files')
  const yaml = ['rbac.yaml', 'rbac-pod-conditions.yaml'].map(name => readFileSync(join(files, name), 'utf8'))
  await new KubeObjects(client, NAMESPACES).apply({ name: 'sekisho' }, {}, { fieldManager: 'kubectl' })
  for (const document of parseAllDocuments(yaml.join('\n---\n'))) {
    const object = document.toJS() as JsonRecord & {
      readonly kind: string
      readonly metadata: { readonly name: string; readonly namespace?: string }
    }
    const type = TYPES.find(({ kind }) => kind === object.kind)
    if (!type) throw new TypeError(`the chart's rights have a ${object.kind}`)
    await new KubeObjects(client, type).apply(object.metadata, object, { fieldManager: 'kubectl' })
  }
  const path = '/api/v1/namespaces/sekisho/serviceaccounts/sekisho-server/token'
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
  const answer = await client.call({ method: 'POST', path, body: request })
  return (answer as { readonly status: { readonly token: string } }).status.token
}

/** As the network policy API's own project publishes it. */
export const CLUSTER_NETWORK_POLICY = parse(
  readFileSync(join(import.meta.dirname, 'clusternetworkpolicies.yaml'), 'utf8'),
) as JsonRecord & { readonly metadata: { readonly name: string } }

/** Makes our kinds known, and waits until they are served. */
async function defineKinds(client: KubeClient): Promise<void> {
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
  const { name } = CLUSTER_NETWORK_POLICY.metadata
  await definitions.apply({ name }, CLUSTER_NETWORK_POLICY, { fieldManager: 'sekisho' })
  paths.push(pathOf(CLUSTER_NETWORK_POLICIES))
  // Served a moment after they were accepted.
  await vi.waitFor(() => Promise.all(paths.map(path => client.call({ method: 'GET', path }))))
}

/** A real API server that knows our kinds and our account. */
export async function openRealCluster(programs: Programs): Promise<RealCluster> {
  const server = await openRealApiServer(programs)
  using client = openKubeClient({ access: server.access, userAgent: 'test/0', timers })
  await defineKinds(client)
  const token = await makeAccount(client)
  const serverAccess: ClusterAccess = {
    ...server.access,
    credentials: { kind: 'token', read: () => token },
    namespace: 'sekisho',
  }
  return { ...server, serverAccess }
}
