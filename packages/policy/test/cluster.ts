import {
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
}

export const SMALL: Sizes = { namespaces: 3, nodes: 2, workloads: 14, policies: 10, apps: 3, odd: true }

export interface Cluster {
  readonly namespaces: readonly Namespace[]
  readonly nodes: readonly NodeChange[]
  readonly workloads: readonly Workload[]
  readonly policies: readonly PolicyDocument[]
}

const NAMED = [
  { name: 'http', numbers: [80, 8080] },
  { name: 'metrics', numbers: [9090, 80] },
] as const
export const PORTS = [53, 80, 443, 5432, 8080, 9090] as const
const PROTOCOLS = ['TCP', 'TCP', 'UDP', 'SCTP'] as const

export const nodeName = (index: number): NodeName => `node-${index}` as NodeName
const isBlock = (peer: unknown): boolean => typeof peer === 'object' && peer !== null && 'ipBlock' in peer
const isNamed = (port: unknown): boolean =>
  typeof port === 'object' && port !== null && 'port' in port && typeof port.port === 'string'

const namespaceName = (index: number): string => `ns-${index}`

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
    const { random, sizes } = this
    const name = `w-${index}`
    const space = namespaceName(random.below(sizes.namespaces))
    const hostNetwork = sizes.odd && random.chance(0.1)
    const node = random.below(sizes.nodes)
    return {
      id: workloadId('pod', 'any', name),
      kind: 'pod',
      namespace: space,
      name,
      owner: { kind: 'Deployment', name },
      labels: this.labels(),
      node: nodeName(node),
      addresses: hostNetwork ? [`192.168.0.${node + 1}`] : this.#addresses(index),
      hostNetwork,
      ports: this.#ports(),
      state: sizes.odd
        ? random.pick(['running', 'running', 'running', 'terminating', 'finished'])
        : 'running',
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

  #rule = (side: 'from' | 'to', own: boolean): unknown => {
    const peers = this.random.chance(0.85) ? this.random.some(2, this.#peer) : undefined
    // One port each: several that are drawn might overlap, which is refused.
    const port = this.random.chance(0.7) ? this.#port(own) : undefined
    const isRefused = side === 'to' && peers?.[0] !== undefined && peers.every(isBlock) && isNamed(port)
    return {
      ...(peers && { [side]: peers }),
      ...(port !== undefined && { ports: [isRefused ? { port: 80 } : port] }),
      ...(own && { action: this.random.pick(['Allow', 'Allow', 'Deny']) }),
    }
  }

  /** Large clusters have few policies that concern everybody, as real ones do. */
  #kinds(index: number): readonly PolicyKind[] {
    if (!this.sizes.odd)
      return index % 1000 === 0 ? ['ClusterSecurityPolicy'] : ['NetworkPolicy', 'SecurityPolicy']
    return ['NetworkPolicy', 'NetworkPolicy', 'SecurityPolicy', 'ClusterSecurityPolicy']
  }

  policy(index: number): PolicyDocument {
    const { random } = this
    const kind = random.pick(this.#kinds(index))
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
            subject: {
              podSelector: this.#selector(),
              ...(kind === 'ClusterSecurityPolicy' && { namespaceSelector: this.#namespaceSelector() }),
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
    const read = validatePolicy(json)
    if (!read.ok)
      throw new TypeError(`the generator drew a bad policy: ${JSON.stringify([json, read.error])}`)
    return read.value
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
