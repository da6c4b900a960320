import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  type Cidr,
  type Family,
  familyBits,
  formatCidr,
  formatIp,
  type Namespace,
  type Protocol,
  parseIp,
  type Workload,
} from '@sekisho/core'
import {
  createModel,
  importPolicies,
  type Model,
  type PolicyDocument,
  type QueryEnd,
  readManifests as readClusterFiles,
} from '@sekisho/policy'
import { parseAllDocuments, stringify } from 'yaml'
import { field, type Manifest, textField } from './manifests.ts'

/** A scheme asks for something that is not answered here; the text names it. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported'
}

export interface Scheme {
  readonly folder: string
  readonly json: Manifest
}

/** One named set of policies on a topology. */
export interface Config {
  readonly name: string
  readonly namespaces: readonly Namespace[]
  readonly workloads: readonly Workload[]
  readonly policies: readonly Manifest[]
}

const texts = (value: unknown): string[] =>
  (Array.isArray(value) ? value : value === undefined ? [] : [value]).map(String)

function flat(value: unknown): Manifest[] {
  if (typeof value !== 'object' || value === null) return []
  const items = field(value, 'items')
  if (!Array.isArray(items)) return [value as Manifest] // an object of a file
  // Items of a NamespaceList need not say what they are.
  const kind = textField(value, 'kind').replace(/List$/, '')
  return items.flatMap(flat).map(item => (kind ? { apiVersion: 'v1', kind, ...item } : item))
}

/** A file (YAML or JSON) or a folder; `/**` is all below it. */
function load(folder: string, reference: string): Manifest[] {
  if (/^(?:https?:|k8s$|calico$|istio$)/.test(reference)) throw new Unsupported(`resources from ${reference}`)
  const path = join(folder, reference.replace(/\/\*\*$/, ''))
  if (!existsSync(path)) throw new Unsupported('resources that are not there')
  if (statSync(path).isDirectory()) {
    const files = readdirSync(path, { recursive: reference.endsWith('**'), encoding: 'utf8' })
    return files.filter(name => /\.(?:ya?ml|json)$/.test(name)).flatMap(name => load(path, name))
  }
  const documents = parseAllDocuments(readFileSync(path, 'utf8'), { uniqueKeys: false, strict: false })
  return documents.flatMap(document => flat(document.toJS({ maxAliasCount: 1000 })))
}

const isPolicy = (manifest: Manifest): boolean => {
  const kind = textField(manifest, 'kind')
  return (
    /Policy$|^Tier$|NetworkSet$|^Profile$|^HostEndpoint$|^Ingress$/.test(kind) &&
    !/^PodSecurityPolicy$/.test(kind)
  )
}

export function readScheme(path: string): Scheme {
  const json: unknown = parseAllDocuments(readFileSync(path, 'utf8'))[0]?.toJS()
  return { folder: dirname(path), json: json as Manifest } // a scheme is an object
}

/** Resources of a scheme or of one of its configurations, nearest first. */
function resources(scheme: Scheme, own: unknown, key: 'namespaceList' | 'podList'): Manifest[] {
  const named = field(own, key) ?? field(own, 'resourceList') ?? scheme.json[key] ?? scheme.json.resourceList
  return texts(named).flatMap(each => load(scheme.folder, each))
}

/** Live dumps say `ports: {}`, and pods of the node's network are peers like all others to the analyzer. */
function simplified(manifest: Manifest): Manifest {
  if (textField(manifest, 'kind') !== 'Pod') return manifest
  const containers = field(manifest, 'spec', 'containers')
  const ports = (Array.isArray(containers) ? containers : []).flatMap((container: unknown) => {
    const written = field(container, 'ports')
    return Array.isArray(written) ? (written as unknown[]) : []
  })
  // Without owners, so that each pod stands for itself.
  const { name, namespace, labels } = manifest.metadata as Manifest // a pod has metadata
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: { containers: [{ name: 'all', image: 'any', ports }] },
  }
}

const isPlace = (manifest: Manifest): boolean =>
  textField(manifest, 'kind') !== 'Service' && !isPolicy(manifest)

/** Workloads, and the namespaces that are declared or only mentioned. */
function readTopology(topology: readonly Manifest[]): Pick<Config, 'namespaces' | 'workloads'> {
  const files = topology.filter(isPlace).map((manifest, i) => ({
    file: `${i}.yaml`,
    text: stringify(simplified(manifest), { aliasDuplicateObjects: false }),
  }))
  const { namespaces, workloads } = readClusterFiles(files)
  return { namespaces, workloads }
}

/** Two workloads of each kind that no policy of the scheme can tell apart stand for all of that kind. */
function distinct(workloads: readonly Workload[], text: string): readonly Workload[] {
  const counts = new Map<string, number>()
  return workloads.filter(({ namespace, labels, ports }) => {
    const told = Object.entries(labels).filter(([key]) => text.includes(key))
    const group = JSON.stringify([namespace, told.map(([key, value]) => `${key}=${value}`).toSorted(), ports])
    const count = (counts.get(group) ?? 0) + 1
    counts.set(group, count)
    return count <= 2
  })
}

export function readConfig(scheme: Scheme, own: unknown): Config {
  const topology = [...resources(scheme, own, 'namespaceList'), ...resources(scheme, own, 'podList')]
  const policies = field(own, 'networkPolicyList') ?? field(own, 'resourceList')
  const loaded = texts(policies).flatMap(each => load(scheme.folder, each))
  return { name: textField(own, 'name'), ...readTopology(topology), policies: loaded.filter(isPolicy) }
}

const validName = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')

/** Blocks as they are meant: Sekisho refuses bits after the prefix, which the analyzer's own cases are full of. */
function canonical(value: unknown): unknown {
  if (typeof value === 'string') {
    const block =
      /^[\da-f.:]+\/\d+$/i.test(value) || /^\d+\.\d+\.\d+\.\d+$/.test(value) ? masked(value) : undefined
    return block ? formatCidr(block) : value
  }
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, canonical(inner)]))
}

/** Names with capitals mean nothing here, and an API server refuses them. */
const named = (policy: Manifest): Manifest => ({
  ...(canonical(policy) as Manifest), // the same shape
  metadata: { ...(policy.metadata as Manifest), name: validName(textField(policy, 'metadata', 'name')) }, // it has metadata
})

export interface Loaded {
  readonly model: Model
  readonly documents: readonly PolicyDocument[]
}

/** The policies through the importer, on the workloads of the configuration. */
export function loadModel({ namespaces, workloads, policies }: Config): Loaded {
  // Calico's WorkloadEndpoints are not read: without workloads every answer would be the same.
  if (workloads.length === 0) throw new Unsupported('a topology of no pods (WorkloadEndpoint)')
  const text = policies
    .map(policy => stringify(named(policy), { aliasDuplicateObjects: false }))
    .join('---\n')
  const { documents, refused } = importPolicies(text || 'kind: List\napiVersion: v1\nitems: []')
  const [first] = refused
  if (first) throw new Unsupported(`${first.construct}: ${first.reason}`)
  const model = createModel()
  model.update({
    namespaces: { set: namespaces },
    workloads: { set: workloads },
    policies: { set: documents },
  })
  return { model, documents }
}

const PROTOCOLS = ['TCP', 'UDP', 'SCTP', 'ICMP', 'ICMPv6', 'IP/50'] as const satisfies readonly Protocol[]

/** The places where some policy of the scheme may change its mind; between two of them all is judged alike. */
export interface Cells {
  /** All policies as one text: labels that are not in it tell nothing apart. */
  readonly text: string
  readonly outside: readonly string[]
  readonly ports: readonly number[]
}

const PORT_KEYS = new Set(['port', 'endPort', 'ports', 'notPorts', 'icmp', 'notICMP'])

/** Numbers of ports and ICMP types, and address blocks, wherever they stand. */
function collect(value: unknown, isPort: boolean, into: { ports: Set<number>; blocks: Set<string> }): void {
  if (typeof value === 'number' || typeof value === 'string') {
    const numbers = isPort ? (String(value).match(/\d{1,5}/g) ?? []).map(Number) : []
    for (const cut of numbers.flatMap(number => [number, number + 1]))
      if (cut >= 1 && cut <= 65_535) into.ports.add(cut)
    if (!isPort && masked(String(value))) into.blocks.add(String(value))
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) collect(inner, isPort || PORT_KEYS.has(key), into)
  }
}

/** A block as the analyzer reads it: bits after the prefix do not count, and an address is a block of one. */
function masked(text: string): Cidr | undefined {
  const [address = '', written] = text.split('/')
  const ip = parseIp(address)
  const bits = ip && familyBits(ip.family)
  const prefix = Number(written ?? bits)
  if (!ip || bits === undefined || !(prefix >= 0 && prefix <= bits)) return undefined
  const size = 1n << BigInt(bits - prefix)
  const first = ip.value - (ip.value % size)
  return { family: ip.family, prefix, first, last: first + size - 1n }
}

/** First addresses of the pieces that the blocks cut each family into. */
function pieces(blocks: readonly Cidr[], family: Family): string[] {
  const end = 1n << BigInt(familyBits(family))
  const own = blocks.filter(block => block.family === family)
  const cuts = new Set([0n, ...own.flatMap(({ first, last }) => [first, last + 1n])])
  return [...cuts]
    .filter(cut => cut < end)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map(value => formatIp({ family, value }))
}

export function cells(configs: readonly Config[]): Cells {
  const ports = new Set([1])
  const blocks = new Set<string>()
  for (const { policies, workloads } of configs) {
    for (const policy of policies) collect(policy.spec, false, { ports, blocks })
    for (const workload of workloads) collect(workload.ports, false, { ports, blocks })
  }
  const ranges = [...blocks].flatMap(text => masked(text) ?? [])
  return {
    text: JSON.stringify(configs.map(({ policies }) => policies)),
    outside: [...pieces(ranges, 4), ...pieces(ranges, 6)],
    ports: [...ports].toSorted((a, b) => a - b),
  }
}

export const ALLOWED = 1
/** A policy selects one of the ends, in the direction that matters. */
export const CAPTURED = 2

/** So that the whole suite is a matter of a minute or two. */
const MOST_QUESTIONS = 30_000

/** What is allowed between all ends: a byte for each pair, protocol and range of ports. */
export interface Connectivity {
  readonly ends: readonly string[]
  /** How many of the ends, the first ones, are workloads. */
  readonly inside: number
  at(source: number, destination: number): Uint8Array
}

export function connectivityOf(model: Model, config: Config, { text, outside, ports }: Cells): Connectivity {
  const workloads = distinct(config.workloads, text)
  const questions = (workloads.length + outside.length) ** 2 * ports.length * PROTOCOLS.length
  if (questions > MOST_QUESTIONS) throw new Unsupported('a scheme of too many pieces to try them all')
  const ends: QueryEnd[] = [...workloads.map(({ id }) => ({ workload: id })), ...outside.map(ip => ({ ip }))]
  const rows = new Map<number, Uint8Array>()
  return {
    ends: [...workloads.map(({ id }) => id), ...outside],
    inside: workloads.length,
    at(source, destination) {
      const key = source * ends.length + destination
      const held = rows.get(key)
      if (held) return held
      const bytes = new Uint8Array(PROTOCOLS.length * ports.length)
      PROTOCOLS.forEach((protocol, p) => {
        ports.forEach((port, i) => {
          const [from, to] = [ends[source], ends[destination]]
          if (!from || !to) return
          const { verdict, egress, ingress } = model.decide({ source: from, destination: to, protocol, port })
          const captured = egress.why !== 'not-selected' || ingress.why !== 'not-selected'
          bytes[p * ports.length + i] = (verdict === 'allow' ? ALLOWED : 0) | (captured ? CAPTURED : 0)
        })
      })
      rows.set(key, bytes)
      return bytes
    },
  }
}
