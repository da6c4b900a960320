import {
  type EpochMs,
  type Labels,
  type NamedPort,
  type Namespace,
  type NodeName,
  namespace,
  type PolicyDocumentJson,
  type Workload,
  workloadId,
} from '@sekisho/core'
import { type NodeChange, type PolicyDocument, type PolicyKind, validatePolicy } from '../src/index.ts'
import { Random } from './random.ts'

/** How large a generated cluster is, and how many different labels and addresses it draws from. */
export interface Sizes {
  readonly namespaces: number
  readonly nodes: number
  readonly workloads: number
  readonly policies: number
  /** Values of the label `app` in each namespace. */
  readonly apps: number
  /** Odd cases: shared addresses, host network, finished and terminating workloads, unusual selectors. */
  readonly odd: boolean
  /** Everything else that Sekisho knows: hosts and external machines, tiers, entities, names, requests, rules that end. */
  readonly rich?: boolean
  /** Of rules that may ask what is spoken or requested, how many do either; default: a tenth. */
  readonly conditional?: number
}

export const SMALL: Sizes = { namespaces: 3, nodes: 2, workloads: 14, policies: 10, apps: 3, odd: true }

export const RICH: Sizes = { ...SMALL, rich: true }

export interface Cluster {
  readonly namespaces: readonly Namespace[]
  readonly nodes: readonly NodeChange[]
  readonly workloads: readonly Workload[]
  readonly policies: readonly PolicyDocument[]
  readonly now?: EpochMs
}

const NAMED = [
  { name: 'http', numbers: [80, 8080] },
  { name: 'metrics', numbers: [9090, 80] },
] as const
export const PORTS = [53, 80, 443, 5432, 8080, 9090] as const
const PROTOCOLS = ['TCP', 'TCP', 'UDP', 'SCTP'] as const

export const nodeName = (index: number): NodeName => `node-${index}` as NodeName
/** A peer whose destinations have no named ports. */
const isNameless = (peer: unknown): boolean =>
  typeof peer === 'object' &&
  peer !== null &&
  ['ipBlock', 'hostSelector', 'entity', 'fqdn'].some(field => field in peer)
const isNamed = (port: unknown): boolean =>
  typeof port === 'object' && port !== null && 'port' in port && typeof port.port === 'string'

const TIMES = ['2030-01-01T00:00:00Z', '2031-01-01T00:00:00Z'] as const
const ACCOUNTS = ['default', 'api'] as const

const namespaceName = (index: number): string => `ns-${index}`

type Json = Readonly<Record<string, unknown>>

function read(json: PolicyDocumentJson): PolicyDocument {
  const document = validatePolicy(json)
  if (!document.ok)
    throw new TypeError(`the generator drew a bad policy: ${JSON.stringify([json, document.error])}`)
  return document.value
}

/** Draws the parts of a cluster; equal seeds draw equal clusters. */
export class ClusterSource {
  readonly random: Random
  readonly sizes: Sizes
  constructor(seed: number, sizes: Sizes) {
    this.random = new Random(seed)
    this.sizes = sizes
  }

  nodes = (): NodeChange[] =>
    Array.from({ length: this.sizes.nodes }, (_, index) => ({
      name: nodeName(index),
      addresses: [`192.168.0.${index + 1}`, `fd00:1::${index + 1}`],
    }))

  namespace = (index: number): Namespace =>
    namespace(namespaceName(index), { team: this.random.pick(['red', 'blue']) })

  labels(): Labels {
    const { random, sizes } = this
    return {
      app: `app-${random.below(sizes.apps)}`,
      ...(random.chance(0.5) && { tier: random.pick(['front', 'back']) }),
      ...(random.chance(0.2) && { canary: '' }),
    }
  }

  #ports = (): NamedPort[] =>
    this.random.some(2, () => {
      const { name, numbers } = this.random.pick(NAMED)
      return { name, protocol: this.random.pick(['TCP', 'UDP'] as const), port: this.random.pick(numbers) }
    })

  #addresses(index: number): string[] {
    const { random, sizes } = this
    // In odd clusters a few workloads claim the address of another, as when one is re-used.
    const at = sizes.odd && random.chance(0.15) ? random.below(sizes.workloads) : index
    const v4 = `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`
    return sizes.odd && random.chance(0.2) ? [v4] : [v4, `fd00:2::${(at + 1).toString(16)}`]
  }

  workload(index: number): Workload {
    if (this.sizes.rich && index === 0) return this.#host()
    const { random, sizes } = this
    const name = `w-${index}`
    const space = namespaceName(random.below(sizes.namespaces))
    const hostNetwork = sizes.odd && random.chance(0.1)
    const node = random.below(sizes.nodes)
    const kind = sizes.rich ? random.pick(['pod', 'pod', 'pod', 'container', 'external'] as const) : 'pod'
    return {
      id: workloadId('pod', 'any', name),
      kind,
      ...(sizes.rich && { serviceAccount: random.pick(ACCOUNTS) }),
      namespace: space,
      name,
      owner: { kind: 'Deployment', name },
      labels: this.labels(),
      // Agents run on every other external machine.
      node: kind === 'external' && index % 2 === 0 ? ('' as NodeName) : nodeName(node),
      addresses: hostNetwork ? [`192.168.0.${node + 1}`] : this.#addresses(index),
      hostNetwork,
      ports: this.#ports(),
      state: sizes.odd
        ? random.pick(['running', 'running', 'running', 'terminating', 'finished'])
        : 'running',
      ...(sizes.odd && random.chance(0.1) && { protection: 'off' }),
    }
  }

  /** Index 0 of odd clusters is the first node itself. */
  #host(): Workload {
    return {
      id: workloadId('host', '', nodeName(0)),
      kind: 'host',
      namespace: '',
      name: nodeName(0),
      owner: { kind: 'Node', name: nodeName(0) },
      labels: this.labels(),
      node: nodeName(0),
      addresses: ['192.168.0.1'],
      hostNetwork: true,
      ports: [],
      state: 'running',
    }
  }

  #selector(): unknown {
    const { random, sizes } = this
    const app = () => `app-${random.below(sizes.apps)}`
    if (!sizes.odd) return { matchLabels: { app: app() } }
    return random.pick([
      () => ({}),
      () => ({ matchLabels: { app: app() } }),
      () => ({ matchLabels: { app: app(), tier: 'front' } }),
      () => ({ matchExpressions: [{ key: 'app', operator: 'In', values: [app(), app()] }] }),
      () => ({ matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['front'] }] }),
      () => ({ matchExpressions: [{ key: 'canary', operator: 'Exists' }] }),
      () => ({ matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }),
    ])()
  }

  #namespaceSelector(): unknown {
    const { random, sizes } = this
    const name = namespaceName(random.below(sizes.namespaces))
    return random.pick([
      () => ({}),
      () => ({ matchLabels: { 'kubernetes.io/metadata.name': name } }),
      () => ({ matchLabels: { team: 'red' } }),
    ])()
  }

  /** Peers that only Sekisho's own kinds have; those by name or entity are for egress. */
  #ownPeer = (side: 'from' | 'to'): unknown => {
    if (!this.sizes.rich) return this.#peer()
    return this.random.pick([
      () => this.#peer(),
      () => this.#peer(),
      () => ({ podSelector: this.#selector(), serviceAccounts: [this.random.pick(ACCOUNTS)] }),
      () => ({ workloadKinds: [this.random.pick(['pod', 'external'])] }),
      () => ({ hostSelector: this.random.pick([{}, { matchLabels: { app: 'app-1' } }]) }),
      () => ({ externalSelector: this.#selector() }),
      () => ({ entity: this.random.pick(['world', 'cluster', 'host', 'metadata', 'kube-apiserver']) }),
      () => (side === 'to' ? { fqdn: '*.example.com' } : { entity: 'world' }),
    ])()
  }

  #peer = (): unknown => {
    const { random, sizes } = this
    const block = random.below(Math.max(1, sizes.workloads - 4)) & ~3
    return random.pick([
      () => ({ podSelector: this.#selector() }),
      () => ({ namespaceSelector: this.#namespaceSelector() }),
      () => ({ namespaceSelector: this.#namespaceSelector(), podSelector: this.#selector() }),
      () => ({
        ipBlock: {
          cidr: `10.${block >> 16}.${(block >> 8) & 255}.${block & 252}/30`,
          except: random.some(
            1,
            () => `10.${block >> 16}.${(block >> 8) & 255}.${(block & 252) + random.below(4)}/32`,
          ),
        },
      }),
      () => ({ ipBlock: { cidr: random.pick(['0.0.0.0/0', '::/0', 'fd00:2::/64', '203.0.113.0/24']) } }),
    ])()
  }

  #port = (own: boolean): unknown => {
    const { random } = this
    const port = random.pick(PORTS)
    const protocol = random.pick(PROTOCOLS)
    return random.pick([
      () => ({ port }),
      () => ({ protocol, port }),
      () => ({ protocol, port, endPort: port + random.below(100) }),
      () => ({ protocol: random.pick(['TCP', 'UDP'] as const), port: random.pick(NAMED).name }),
      () => ({ protocol }),
      () => (own ? { protocol: 'ICMP', port: 8 } : { port }),
    ])()
  }

  #conditions(): Json {
    const { random } = this
    const { conditional = 0.1 } = this.sizes
    const asks = random.chance(conditional)
    const spoken = asks ? ['http', 'grpc'] : ['http', 'redis', 'icmp', 'ipsec']
    return {
      ...(random.chance(conditional) && { applications: [random.pick(spoken)] }),
      ...(asks && { l7: [{ http: { methods: ['GET'] } }] }),
      ...(random.chance(0.1) && { validUntil: random.pick(TIMES) }),
    }
  }

  #rule = (side: 'from' | 'to', own: boolean): unknown => {
    const peers = this.random.chance(0.85)
      ? this.random.some(2, () => (own ? this.#ownPeer(side) : this.#peer()))
      : undefined
    // One port each: several that are drawn might overlap, which is refused.
    const port = this.random.chance(0.7) ? this.#port(own) : undefined
    const isRefused = side === 'to' && peers?.[0] !== undefined && peers.every(isNameless) && isNamed(port)
    const isPass =
      own &&
      this.sizes.rich &&
      !peers?.some(peer => JSON.stringify(peer).includes('fqdn')) &&
      this.random.chance(0.2)
    return {
      ...(peers && { [side]: peers }),
      ...(port !== undefined && { ports: [isRefused ? { port: 80 } : port] }),
      ...(own && { action: isPass ? 'Pass' : this.random.pick(['Allow', 'Allow', 'Deny']) }),
      ...(own && this.sizes.rich && !isPass && this.#conditions()),
    }
  }

  /** Large clusters have few policies that concern everybody, as real ones do. */
  #kinds(index: number): readonly PolicyKind[] {
    if (!this.sizes.odd)
      return index % 1000 === 0 ? ['ClusterSecurityPolicy'] : ['NetworkPolicy', 'SecurityPolicy']
    return [
      'NetworkPolicy',
      'NetworkPolicy',
      'SecurityPolicy',
      'ClusterSecurityPolicy',
      ...(this.sizes.rich ? (['ClusterNetworkPolicy'] as const) : []),
    ]
  }

  policy(index: number): PolicyDocument {
    const { random } = this
    const kind = random.pick(this.#kinds(index))
    if (kind === 'ClusterNetworkPolicy') return read(this.#tierPolicy(index))
    const own = kind !== 'NetworkPolicy'
    const mode = random.pick(['Enforce', 'Enforce', 'Enforce', 'Audit', 'Learn'])
    const metadata = {
      name: `p-${index}`,
      ...(kind !== 'ClusterSecurityPolicy' && {
        namespace: namespaceName(random.below(this.sizes.namespaces)),
      }),
    }
    const sections = {
      ingress: random.some(3, () => this.#rule('from', own)),
      ...(random.chance(0.5) && { egress: random.some(3, () => this.#rule('to', own)) }),
      ...(random.chance(0.3) && { policyTypes: [random.pick(['Ingress', 'Egress'])] }),
    }
    const json: PolicyDocumentJson = own
      ? {
          apiVersion: 'sekisho.dev/v1alpha1',
          kind,
          metadata,
          spec: {
            mode,
            ...(this.sizes.conditional !== undefined && { onFailure: random.pick(['open', 'closed']) }),
            subject: {
              podSelector: this.#selector(),
              ...(kind === 'ClusterSecurityPolicy' && { namespaceSelector: this.#namespaceSelector() }),
              ...(this.sizes.rich &&
                random.chance(0.15) && { workloadNames: [`w-${random.below(this.sizes.workloads)}`] }),
            },
            ...sections,
          },
        }
      : {
          apiVersion: 'networking.k8s.io/v1',
          kind,
          metadata: { ...metadata, annotations: { 'sekisho.dev/mode': mode } },
          spec: { podSelector: this.#selector(), ...sections },
        }
    return read(json)
  }

  #tierPeer(side: 'from' | 'to'): unknown {
    const pods = { namespaceSelector: this.#namespaceSelector(), podSelector: this.#selector() }
    const cidr = this.random.pick(['0.0.0.0/0', '10.0.0.0/29', 'fd00:2::/64'])
    return this.random.pick([
      () => ({ namespaces: this.#namespaceSelector() }),
      () => ({ pods }),
      () => ({ pods }),
      () => (this.random.chance(0.1) ? {} : { pods }),
      () => (side === 'to' ? { networks: [cidr] } : { pods }),
      () => (side === 'to' ? { nodes: {} } : { pods }),
    ])()
  }

  #tierRule = (side: 'from' | 'to'): unknown => {
    const { random } = this
    const peer = this.#tierPeer(side)
    const number = random.pick(PORTS)
    const isNamable = typeof peer === 'object' && peer !== null && !('networks' in peer || 'nodes' in peer)
    const port = random.pick([
      { tcp: { destinationPort: { number } } },
      { udp: { destinationPort: { range: { start: number, end: number + 20 } } } },
      ...(isNamable ? [{ destinationNamedPort: random.pick(NAMED).name }] : []),
    ])
    return {
      action: random.pick(['Accept', 'Deny', 'Pass']),
      [side]: [peer],
      ...(random.chance(0.6) && { protocols: [port] }),
    }
  }

  #tierPolicy(index: number): PolicyDocumentJson {
    const { random } = this
    return {
      apiVersion: 'policy.networking.k8s.io/v1alpha2',
      kind: 'ClusterNetworkPolicy',
      metadata: {
        name: `p-${index}`,
        annotations: { 'sekisho.dev/mode': random.pick(['Enforce', 'Audit']) },
      },
      spec: {
        tier: random.pick(['Admin', 'Baseline']),
        priority: random.below(3),
        subject: { pods: { namespaceSelector: this.#namespaceSelector(), podSelector: this.#selector() } },
        ingress: random.some(3, () => this.#tierRule('from')),
        egress: random.some(3, () => this.#tierRule('to')),
      },
    }
  }

  cluster(): Cluster {
    const { sizes } = this
    const many = <T>(count: number, make: (index: number) => T) =>
      Array.from({ length: count }, (_, i) => make(i))
    return {
      namespaces: many(sizes.namespaces, this.namespace),
      nodes: this.nodes(),
      workloads: many(sizes.workloads, index => this.workload(index)),
      policies: many(sizes.policies, index => this.policy(index)),
    }
  }
}

export const generateCluster = (seed: number, sizes: Sizes): Cluster =>
  new ClusterSource(seed, sizes).cluster()
