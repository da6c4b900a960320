import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Namespace,
  type NodeName,
  namespace,
  type Protocol,
  type Workload,
  workloadId,
} from '@sekisho/core'
import { parseAllDocuments } from 'yaml'

/** Any object of a manifest; fields are looked at one by one. */
export type Manifest = Readonly<Record<string, unknown>>

export const field = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Manifest)[key] : undefined), // any own field, or none
    value,
  )
export const textField = (value: unknown, ...path: readonly string[]): string => {
  const found = field(value, ...path)
  return typeof found === 'string' ? found : ''
}
const items = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const labels = (value: unknown): Record<string, string> =>
  Object.fromEntries(Object.entries((value ?? {}) as Manifest).map(([key, text]) => [key, String(text)])) // a map of labels

/** All YAML documents below a folder, lists flattened. A file that is not YAML is an error of that file. */
export function readManifests(folder: string): { manifests: Manifest[]; errors: string[] } {
  const manifests: Manifest[] = []
  const errors: string[] = []
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.ya?ml$/.test(entry.name)) continue
    for (const document of parseAllDocuments(readFileSync(join(entry.parentPath, entry.name), 'utf8'))) {
      const [error] = document.errors
      if (error) errors.push(`${entry.name}: ${error.message.split('\n')[0]}`)
      else collect(document.toJS({ maxAliasCount: 100 }), manifests)
    }
  }
  return { manifests, errors }
}

function collect(value: unknown, into: Manifest[]): void {
  if (typeof value !== 'object' || value === null) return
  const kind = textField(value, 'kind')
  if (kind.endsWith('List')) for (const item of items(field(value, 'items'))) collect(item, into)
  else if (kind) into.push(value as Manifest) // an object with a kind
}

const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
  VirtualMachine: ['spec', 'template'],
}

const containerPorts = (spec: unknown): Workload['ports'] =>
  items(field(spec, 'containers')).flatMap(container =>
    items(field(container, 'ports')).flatMap(port => {
      const name = textField(port, 'name')
      const number = field(port, 'containerPort')
      if (!name || typeof number !== 'number') return []
      return [{ name, protocol: (textField(port, 'protocol') || 'TCP') as Protocol, port: number }] // Kubernetes' names are ours
    }),
  )

/**
 * One workload per controller (or free pod), as np-guard groups them: `namespace/name[Kind]`.
 * Addresses are IPv6 of a private block, so that no ipBlock of the cases holds a workload by accident.
 */
export function readWorkloads(manifests: readonly Manifest[]): Map<string, Workload> {
  const workloads = new Map<string, Workload>()
  for (const manifest of manifests) {
    const kind = textField(manifest, 'kind')
    const template = TEMPLATES[kind]
    if (!template) continue
    const pod = field(manifest, ...template)
    const space = textField(manifest, 'metadata', 'namespace') || 'default'
    const owner = kind === 'Pod' ? items(field(manifest, 'metadata', 'ownerReferences'))[0] : undefined
    const ownerKind = textField(owner, 'kind') || kind
    const ownerName = textField(owner, 'name') || textField(manifest, 'metadata', 'name')
    const key = `${space}/${ownerName}[${ownerKind}]`
    if (workloads.has(key)) continue
    const index = workloads.size + 1
    workloads.set(key, {
      id: workloadId('pod', space, `${ownerName}.${ownerKind}`),
      kind: 'pod',
      namespace: space,
      name: ownerName,
      owner: { kind: ownerKind, name: ownerName },
      labels: labels(field(pod, 'metadata', 'labels')),
      serviceAccount: textField(pod, 'spec', 'serviceAccountName') || 'default',
      node: `node-${index}` as NodeName,
      addresses: [`fd66:c0f0::${index.toString(16)}`],
      hostNetwork: field(pod, 'spec', 'hostNetwork') === true,
      ports: containerPorts(field(pod, 'spec')),
      state: 'running',
    })
  }
  return workloads
}

/** Declared namespaces, and those that workloads and policies only mention. */
export function readNamespaces(manifests: readonly Manifest[]): Namespace[] {
  const found = new Map<string, Namespace>()
  for (const manifest of manifests.filter(each => textField(each, 'kind') === 'Namespace')) {
    const name = textField(manifest, 'metadata', 'name')
    found.set(name, namespace(name, labels(field(manifest, 'metadata', 'labels'))))
  }
  for (const manifest of manifests) {
    const name = textField(manifest, 'metadata', 'namespace') || 'default'
    if (!found.has(name)) found.set(name, namespace(name))
  }
  return [...found.values()]
}
