import { type Workload, workloadId } from '@sekisho/core'
import type { ModelChange } from '@sekisho/policy'
import { expect, test } from 'vitest'
import { describeAsRoot } from '../../packages/linux/test/privilege.ts'
import { ClusterSource, RICH } from '../../packages/policy/test/cluster.ts'
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

describeAsRoot('reference and kernel', () => {
  test('generated policies: every probe arrives exactly where `decide` allows it', async () => {
    await using node = await openTestNode({ prefix: `eq${process.pid}`, pods: PODS, ports: PORTS })
    const seed = Date.now() % 1_000_000
    const source = new ClusterSource(seed, { ...RICH, odd: true })
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
        const allowed = expected(node, probe)
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
