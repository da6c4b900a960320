import type { Clock, EpochMs, NodeName, Workload } from '@sekisho/core'
import { namespace, workloadId } from '@sekisho/core'
import { type Dataplane, type DataplaneInspection, openDataplane } from '@sekisho/dataplane'
import { type Nftables, openNftables } from '@sekisho/linux'
import {
  createModel,
  createTableCompiler,
  type Model,
  type ModelChange,
  type PolicyDocument,
  type TableCompiler,
  validatePolicy,
} from '@sekisho/policy'
import { buildTopology, type Pod, type Topology } from '../topology.ts'
import { createProber, type Probe, type Prober } from './prober.ts'

export const NODE = 'node-0' as NodeName
export const systemClock: Clock = {
  now: () => Date.now() as EpochMs,
  monotonic: () => performance.now(),
}

/** A node as the agent runs it, short of the agent: pods in namespaces, model, compiler, data plane and kernel. */
export interface TestNode extends AsyncDisposable {
  readonly topology: Topology
  readonly model: Model
  readonly compiler: TableCompiler
  readonly dataplane: Dataplane
  readonly nft: Nftables
  readonly prober: Prober
  /** What the kernel refused. */
  readonly errors: unknown[]
  /** From the model to the kernel's commit. */
  change(change: ModelChange): Promise<void>
  /** A probe between two pods, by family. */
  probe(from: string, to: string, what?: Partial<Probe> & { readonly family?: 4 | 6 }): Probe
  reaches(...probe: Parameters<TestNode['probe']>): boolean
}

export interface TestNodeOptions {
  readonly prefix: string
  readonly pods: readonly string[]
  readonly ports: readonly number[]
  readonly inspection?: DataplaneInspection
}

export async function openTestNode({ prefix, pods, ports, inspection }: TestNodeOptions): Promise<TestNode> {
  await using stack = new AsyncDisposableStack()
  const topology = stack.use(buildTopology({ prefix, pods }))
  const prober = stack.use(createProber())
  for (const pod of topology.pods.values()) prober.listen(pod.netns, ports)
  prober.listen(topology.node, ports)
  const nft = stack.use(openNftables({ netns: topology.node }))
  const errors: unknown[] = []
  const dataplane = openDataplane({
    nft,
    clock: systemClock,
    onError: error => errors.push(error),
    ...(inspection && { inspection }),
  })
  const model = createModel()
  model.update({ nodes: { set: [{ name: NODE, addresses: topology.nodeAddresses }] } })
  const compiler = createTableCompiler(model, { name: NODE, addresses: topology.nodeAddresses })
  await dataplane.sync(compiler.table)
  const close = stack.move()
  const probe: TestNode['probe'] = (from, to, { family = 4, ...what } = {}) => {
    const source = topology.pod(from)
    const at = family === 4 ? 0 : 1
    const destination = topology.pod(to).addresses[at]
    return {
      from: source.netns,
      source: source.addresses[at],
      destination,
      protocol: 'TCP',
      port: 80,
      ...what,
    }
  }
  return {
    topology,
    model,
    compiler,
    dataplane,
    nft,
    prober,
    errors,
    probe,
    reaches: (...asked) => prober.send([probe(...asked)])[0] === true,
    async change(change) {
      await dataplane.update(compiler.table, compiler.update(model.update(change)))
    },
    [Symbol.asyncDispose]: () => close.disposeAsync(),
  }
}

/** A running workload for a pod of the topology, in namespace `shop`, labelled with its own name. */
export const workloadOf = (pod: Pod, change: Partial<Workload> = {}): Workload => ({
  id: workloadId('pod', 'shop', pod.name),
  kind: 'pod',
  namespace: 'shop',
  name: pod.name,
  owner: { kind: 'Deployment', name: pod.name },
  labels: { app: pod.name },
  node: NODE,
  addresses: pod.addresses,
  hostNetwork: false,
  ports: [],
  state: 'running',
  interface: pod.interface,
  interfaceIndex: pod.interfaceIndex,
  ...change,
})

export const SHOP = namespace('shop')

/** A NetworkPolicy of namespace `shop` from its spec. */
export function networkPolicy(name: string, spec: unknown, mode = 'Enforce'): PolicyDocument {
  const read = validatePolicy({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: 'shop', annotations: { 'sekisho.dev/mode': mode } },
    spec,
  })
  if (!read.ok) throw new TypeError(JSON.stringify(read.error))
  return read.value
}

/** Rules enough, with and without ports, for the data plane to look peers up instead of walking through them. */
export function manyPeers(namespace: string): PolicyDocument {
  const peers = ['k1', 'k2', 'app', 'tier'].map(key => ({
    podSelector: { matchExpressions: [{ key, operator: 'DoesNotExist' }] },
  }))
  const rules = (side: 'from' | 'to') => [
    { [side]: peers, ports: [{ port: 80 }] },
    { [side]: peers.slice(2) },
  ]
  const read = validatePolicy({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'many-peers', namespace },
    spec: {
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      ingress: rules('from'),
      egress: rules('to'),
    },
  })
  if (!read.ok) throw new TypeError(JSON.stringify(read.error))
  return read.value
}
