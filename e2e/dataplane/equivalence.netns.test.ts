import { type Workload, workloadId } from '@sekisho/core'
import type { DataplaneInspection } from '@sekisho/dataplane'
import { type ModelChange, treatByTable } from '@sekisho/policy'
import { expect, test } from 'vitest'
import { describeAsRoot } from '../../packages/linux/test/privilege.ts'
import { ClusterSource, RICH, type Sizes } from '../../packages/policy/test/cluster.ts'
import { manyPeers, NODE, openTestNode, type TestNode } from './node.ts'
import type { Probe } from './prober.ts'

/** Ports that generated policies name, and one that none does. */
const PORTS = [53, 80, 443, 9090, 7]
const PODS = ['w0', 'w1', 'w2', 'w3', 'w4', 'outside']
const BUDGET_MS = 20_000

/** Generated labels, ports and states on real pods; every other one behind a shared interface, so without its own. */
function localWorkload(node: TestNode, source: ClusterSource, index: number): Workload {
  const drawn = source.workload(index)
  const pod = node.topology.pod(`w${index}`)
  const { interface: _, ...rest } = drawn
  return {
    ...rest,
    id: workloadId('pod', 'any', pod.name),
    kind: 'pod',
    node: NODE,
    addresses: pod.addresses,
    hostNetwork: false,
    ...(index % 2 === 0 && { interface: pod.interface }),
  }
}

function nextChange(node: TestNode, source: ClusterSource): ModelChange {
  const { random, sizes } = source
  const workload = () => localWorkload(node, source, random.below(PODS.length - 1))
  return random.pick<() => ModelChange>([
    () => ({ workloads: { set: [workload()] } }),
    () => ({ workloads: { removed: [workload().id] } }),
    () => ({ workloads: { set: [source.workload(100 + random.below(20))] } }),
    () => ({ namespaces: { set: [source.namespace(random.below(sizes.namespaces))] } }),
    () => ({ policies: { set: [source.policy(random.below(sizes.policies))] } }),
    () => ({ policies: { set: [source.policy(random.below(sizes.policies))] } }),
    () => ({ policies: { removed: [source.policy(random.below(sizes.policies)).id] } }),
    () => ({ policies: { set: [manyPeers(source.namespace(random.below(sizes.namespaces)).name)] } }),
    () => ({ policies: { removed: [manyPeers(source.namespace(random.below(sizes.namespaces)).name).id] } }),
  ])()
}

/** A random sample over all pairs of hosts, both families, all protocols. */
function probes(node: TestNode, source: ClusterSource, count: number): Probe[] {
  const { random } = source
  const { node: name, nodeAddresses, pods } = node.topology
  const hosts = [...pods.values(), { netns: name, addresses: nodeAddresses }]
  return Array.from({ length: count }, () => {
    const from = random.pick(hosts)
    const to = random.pick(hosts.filter(host => host !== from))
    const at = random.pick([0, 1] as const)
    return {
      from: from.netns,
      source: from.addresses[at],
      destination: to.addresses[at],
      protocol: random.pick(['TCP', 'UDP', 'SCTP', at === 0 ? 'ICMP' : 'ICMPv6'] as const),
      port: random.pick(PORTS),
    }
  })
}

const typeOf = { ICMP: 8, ICMPv6: 128 } as const

function expected(node: TestNode, { source, destination, protocol, port }: Probe): boolean {
  const asked = protocol === 'ICMP' || protocol === 'ICMPv6' ? typeOf[protocol] : port
  const query = { source: { ip: source }, destination: { ip: destination }, protocol, port: asked }
  return node.model.decide(query).verdict === 'allow'
}

/** What is open arrives where it fails open, for nobody listens to the queues. */
function expectedUnread(node: TestNode, { source, destination, protocol, port }: Probe): boolean {
  const asked = protocol === 'ICMP' || protocol === 'ICMPv6' ? typeOf[protocol] : port
  const treatment = treatByTable(node.compiler.table, { source, destination, protocol, port: asked })
  return treatment.kind === 'inspect' ? treatment.onFailure === 'open' : treatment.kind === 'pass'
}

const UNREAD: DataplaneInspection = {
  queues: { first: 60, workers: 2 },
  identify: 'services',
  revise: () => Promise.resolve(),
}

describeAsRoot('reference and kernel', () => {
  test.each<[string, Partial<Sizes>, DataplaneInspection | undefined, typeof expected]>([
    ['exactly where `decide` allows it', {}, undefined, expected],
    ['or fails open exactly where the table says so', { conditional: 0.5 }, UNREAD, expectedUnread],
  ])('generated policies: every probe arrives %s', async (_what, sizes, inspection, isExpected) => {
    await using node = await openTestNode({
      prefix: `eq${process.pid}`,
      pods: PODS,
      ports: PORTS,
      ...(inspection && { inspection }),
    })
    const seed = Date.now() % 1_000_000
    const source = new ClusterSource(seed, { ...RICH, odd: true, ...sizes })
    await node.change({
      namespaces: { set: [0, 1, 2].map(source.namespace) },
      workloads: { set: [0, 1, 2, 3, 4].map(index => localWorkload(node, source, index)) },
      policies: { set: [0, 1, 2, 3].map(index => source.policy(index)) },
    })
    const end = performance.now() + BUDGET_MS
    let checked = 0
    let denied = 0
    for (let step = 0; performance.now() < end; step++) {
      await node.change(nextChange(node, source))
      const asked = probes(node, source, 120)
      const arrived = node.prober.send(asked)
      for (const [at, probe] of asked.entries()) {
        const allowed = isExpected(node, probe)
        expect(arrived[at], JSON.stringify({ seed, step, probe })).toBe(allowed)
        if (!allowed) denied++
      }
      checked += asked.length
    }
    expect(node.errors).toEqual([])
    process.stderr.write(`kernel ≡ reference: ${checked} probes, ${denied} denied, seed ${seed}\n`)
    expect(denied).toBeGreaterThan(checked / 50)
  })
})
