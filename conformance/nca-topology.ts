import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Namespace, Workload } from '@sekisho/core'
import { readManifests as readClusterFiles } from '@sekisho/policy'
import { parseAllDocuments } from 'yaml'
import { field, type Manifest, textField } from './manifests.ts'

/** A scheme asks for something that is not answered here; the text names it. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported'
}

/** A list of anything, or nothing. */
export const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]

function flat(value: unknown): Manifest[] {
  if (Array.isArray(value)) return value.flatMap(flat)
  if (typeof value !== 'object' || value === null) return []
  const items = field(value, 'items')
  if (!Array.isArray(items)) return [value as Manifest] // an object of a file
  // Items of a NamespaceList need not say what they are.
  const kind = textField(value, 'kind').replace(/List$/, '')
  return items.flatMap(flat).map(item => (kind ? { apiVersion: 'v1', kind, ...item } : item))
}

const parsed = new Map<string, readonly Manifest[]>()

function read(path: string): readonly Manifest[] {
  const held = parsed.get(path)
  if (held) return held
  const documents = parseAllDocuments(readFileSync(path, 'utf8'), { uniqueKeys: false, strict: false })
  const manifests = documents.flatMap(document => flat(document.toJS({ maxAliasCount: 1000 })))
  parsed.set(path, manifests)
  return manifests
}

/** A file (YAML or JSON) or a folder; `/**` is all below it. */
export function load(folder: string, reference: string): readonly Manifest[] {
  if (/^(?:https?:|k8s$|calico$|istio$)/.test(reference))
    throw new Unsupported('resources of a network or cluster')
  const path = join(folder, reference.replace(/\/\*\*$/, ''))
  if (!existsSync(path)) throw new Unsupported('resources that are not there')
  if (!statSync(path).isDirectory()) return read(path)
  const files = readdirSync(path, { recursive: reference.endsWith('**'), encoding: 'utf8' })
  return files.filter(name => /\.(?:ya?ml|json)$/.test(name)).flatMap(name => read(join(path, name)))
}

/** Pods and interfaces as the analyzer counts them. */
export interface Topology {
  readonly namespaces: readonly Namespace[]
  readonly workloads: readonly Workload[]
  /** By workload id. */
  readonly owners: ReadonlyMap<string, Owner>
}

/** What made a pod, in the analyzer's words. */
export interface Owner {
  readonly name: string
  /** `namespace/name[Kind]`. */
  readonly title: string
  /** Equal for pods that count as one workload. */
  readonly workload: string
}

interface Peer {
  readonly name: string
  readonly namespace: string
  readonly labels: unknown
  readonly ports: readonly unknown[]
  readonly owner: { readonly name: string; readonly kind: string }
  readonly kind: 'pod' | 'host'
}

const CONTROLLERS = new Set([
  'Deployment',
  'ReplicaSet',
  'StatefulSet',
  'DaemonSet',
  'Job',
  'CronJob',
  'ReplicationController',
])

const namespaceOf = (manifest: unknown): string => textField(manifest, 'metadata', 'namespace') || 'default'
const containerPorts = (spec: unknown): readonly unknown[] =>
  listOf(field(spec, 'containers')).flatMap(container => listOf(field(container, 'ports')))

/** Calico's endpoints name ports as pods do, in another word. */
const endpointPorts = (spec: unknown): readonly unknown[] =>
  listOf(field(spec, 'ports')).map(each => ({
    name: field(each, 'name'),
    protocol: field(each, 'protocol'),
    containerPort: field(each, 'port'),
  }))

function ownerOf(pod: Manifest, name: string): Peer['owner'] {
  const [owner] = listOf(field(pod, 'metadata', 'ownerReferences'))
  const own = textField(owner, 'name')
  return own === '' ? { name, kind: 'Pod' } : { name: own, kind: textField(owner, 'kind') }
}

/** A ReplicaSet whose name ends like a hash is made by a Deployment, and counts as that. */
function ownerNames({ namespace, owner: { name, kind } }: Peer): Owner {
  const isMade = kind === 'ReplicaSet' && /-[\da-f]*$/i.test(name)
  const workload = isMade ? name.slice(0, name.lastIndexOf('-')) : `${name}(${kind})`
  return { name, title: `${namespace}/${name}[${kind}]`, workload: `${namespace}/${workload}` }
}

/** Two pods stand for all replicas. */
function replicas(controller: Manifest): readonly Peer[] {
  const job =
    textField(controller, 'kind') === 'CronJob' ? field(controller, 'spec', 'jobTemplate') : controller
  const template = field(job, 'spec', 'template')
  const count = Number(field(controller, 'spec', 'replicas') ?? field(controller, 'spec', 'parallelism') ?? 1)
  const name = textField(controller, 'metadata', 'name')
  return Array.from({ length: Math.min(count, 2) }, (_, index) => ({
    name: `${name}-${index + 1}`,
    namespace: namespaceOf(controller),
    labels: field(template, 'metadata', 'labels'),
    ports: containerPorts(field(template, 'spec')),
    owner: { name, kind: textField(controller, 'kind') },
    kind: 'pod',
  }))
}

function peersOf(manifest: Manifest): readonly Peer[] {
  const kind = textField(manifest, 'kind')
  if (CONTROLLERS.has(kind)) return replicas(manifest)
  const [labels, spec] = [field(manifest, 'metadata', 'labels'), manifest.spec]
  const name = textField(manifest, 'metadata', 'name')
  const namespace = namespaceOf(manifest)
  switch (kind) {
    case 'Pod':
      return [
        { name, namespace, labels, ports: containerPorts(spec), owner: ownerOf(manifest, name), kind: 'pod' },
      ]
    case 'WorkloadEndpoint': {
      const pod = textField(spec, 'pod')
      return [
        {
          name: pod,
          namespace,
          labels,
          ports: endpointPorts(spec),
          owner: { name: pod, kind: 'Pod' },
          kind: 'pod',
        },
      ]
    }
    case 'HostEndpoint':
      return [
        {
          name,
          namespace: '',
          labels,
          ports: endpointPorts(spec),
          owner: { name, kind: 'HostEndpoint' },
          kind: 'host',
        },
      ]
    default:
      return []
  }
}

/** Of peers that nothing tells apart two are kept, so that there is traffic between them. */
function representatives(peers: readonly Peer[]): readonly Peer[] {
  const counts = new Map<string, number>()
  return peers.filter(peer => {
    const labels = Object.entries(peer.labels ?? {}).map(pair => pair.join('='))
    const form = [peer.kind, ownerNames(peer).workload, ...labels.toSorted()].join()
    const count = (counts.get(form) ?? 0) + 1
    counts.set(form, count)
    return count <= 2
  })
}

/** Without address: to the analyzer no block holds a pod. Without owner, so that each stands for itself. */
const podManifest = ({ name, namespace, labels, ports }: Peer): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: namespace || 'default', ...(labels !== undefined && { labels }) },
  spec: { containers: [{ name: 'all', image: 'any', ports: ports.filter(port => textField(port, 'name')) }] },
})

/** An interface of a host is a machine of no namespace: selected like a pod, by whatever is not for one namespace. */
const asHost = (workload: Workload): Workload => ({ ...workload, kind: 'external', namespace: '' })

const topologies = new Map<string, Topology>()

function build(manifests: readonly Manifest[]): Topology {
  const peers = representatives(manifests.flatMap(peersOf))
  const kept = manifests.filter(manifest => textField(manifest, 'kind') === 'Namespace')
  const files = [...kept, ...peers.map(podManifest)].map((manifest, at) => ({
    file: `${at}`,
    text: JSON.stringify(manifest),
  }))
  const { namespaces, workloads, problems } = readClusterFiles(files)
  const [problem] = problems
  if (problem) throw new Unsupported(`a topology with ${problem.path}: ${problem.reason}`)
  const byName = new Map(peers.map(peer => [`${peer.namespace || 'default'}/${peer.name}`, peer]))
  const owners = new Map<string, Owner>()
  const known = workloads.map(workload => {
    const peer = byName.get(`${workload.namespace}/${workload.name}`)
    if (peer) owners.set(workload.id, ownerNames(peer))
    return peer?.kind === 'host' ? asHost(workload) : workload
  })
  return { namespaces, workloads: known, owners }
}

/** @param key equal for equal manifests: most configurations share their topology. */
export function topologyOf(key: string, manifests: readonly Manifest[]): Topology {
  const held = topologies.get(key)
  if (held) return held
  const made = build(manifests)
  topologies.set(key, made)
  return made
}
