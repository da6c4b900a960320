import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Namespace, Workload } from '@sekisho/core'
import { readManifests as readClusterFiles, type SourceFile } from '@sekisho/policy'
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

const yamlFiles = (folder: string): SourceFile[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map(entry => ({ file: entry.name, text: readFileSync(join(entry.parentPath, entry.name), 'utf8') }))

/** All YAML documents below a folder, lists flattened. A file that is not YAML is an error of that file. */
export function readManifests(folder: string): { manifests: Manifest[]; errors: string[] } {
  const manifests: Manifest[] = []
  const errors: string[] = []
  for (const { file, text } of yamlFiles(folder)) {
    for (const document of parseAllDocuments(text)) {
      const [error] = document.errors
      if (error) errors.push(`${file}: ${error.message.split('\n')[0]}`)
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

/** As the engine itself reads manifests: JSON is YAML. */
const read = (manifests: readonly Manifest[]) =>
  readClusterFiles(manifests.map((manifest, at) => ({ file: `${at}`, text: JSON.stringify(manifest) })))

/** Workloads by np-guard's name, `namespace/owner[Kind]`. */
export function readWorkloads(manifests: readonly Manifest[]): Map<string, Workload> {
  const byOwner = new Map<string, Workload>()
  for (const workload of read(manifests).workloads) {
    const key = `${workload.namespace}/${workload.owner.name}[${workload.owner.kind}]`
    if (!byOwner.has(key)) byOwner.set(key, workload)
  }
  return byOwner
}

/** Declared namespaces, and those that workloads and policies only mention. */
export const readNamespaces = (manifests: readonly Manifest[]): readonly Namespace[] =>
  read(manifests).namespaces

/** What is wrong with workloads and namespaces; policies are the importer's. */
export const readProblems = (manifests: readonly Manifest[]) =>
  read(manifests.filter(manifest => !textField(manifest, 'kind').endsWith('NetworkPolicy'))).problems
