import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type NodeName, type Workload, workloadId } from '@sekisho/core'
import { nodeScope } from '@sekisho/policy'
import { buildTopology, type Pod, type Topology } from '../e2e/topology.ts'
import { openApiServerDouble } from '../packages/kube/test/double/api-server.ts'
import { namespaceObject, type Placed, placedPath, podObject, policyObject } from './cluster-objects.ts'
import { openConnectLoad } from './connect-load.ts'
import { benchCluster } from './policy-cluster.ts'
import { type AgentPlace, agentsPort, type Program, startAgent, startServer } from './program.ts'
import { barred, type Row, type Suite } from './report.ts'

const SUITE = 'agent/memory'
const NODE = 'node-of-120' as NodeName // made here
const SIZE = { pods: 100_000, policies: 5_000 }
/** Every so many pods are the node's: 120 of all namespaces and apps. */
const STRIDE = 833
const IDLE_MOST = 150
const INSPECTING_MOST = 250
/** After the last word of its start: what is garbage then is collected, or counts. */
const SETTLE_MS = 20_000
const TRAFFIC_MS = 15_000
const PORT = 8_080
const SPACE = 'traffic'

/** Nobody's policies select them, so that what they say is only read. */
const trafficPod = ({ name, addresses }: Pod): Workload => ({
  id: workloadId('pod', SPACE, name),
  kind: 'pod',
  namespace: SPACE,
  name,
  owner: { kind: 'Deployment', name },
  labels: { app: name },
  node: NODE,
  addresses,
  hostNetwork: false,
  ports: [],
  state: 'running',
})

/** What a server would tell the node, as objects of the API. */
function* objectsOfNode(topology: Topology): Generator<Placed> {
  const cluster = benchCluster(SIZE)
  const model = cluster.build()
  const own = cluster.workloads.filter((_, i) => i % STRIDE === 0).map(pod => ({ ...pod, node: NODE }))
  const guests = [...topology.pods.values()].map(trafficPod)
  model.update({ workloads: { set: [...own, ...guests] } })
  const scope = nodeScope(
    model,
    NODE,
    [...own, ...guests].map(({ id }) => id),
  )
  for (const { name, labels } of model.namespaces.values()) yield namespaceObject(name, labels)
  yield namespaceObject(SPACE, {})
  for (const id of scope.workloads()) {
    const workload = model.workloads.get(id)
    if (workload) yield podObject(workload)
  }
  for (const id of scope.policies) {
    const policy = model.policies.get(id)
    if (policy) yield policyObject(policy.source)
  }
}

/** One that has what the server told it in its kernel. */
async function startSettled(place: AgentPlace, options: readonly string[]): Promise<Program> {
  const agent = await startAgent(place, options)
  await pause(SETTLE_MS)
  return agent
}

const row = (measure: string, value: number, unit: string): Row => ({ suite: SUITE, measure, value, unit })

/** The memory of the agent of a node of 120 pods in a cluster of 5,000 nodes. */
export const agentMemory: Suite = {
  name: SUITE,
  async run(progress) {
    await using stack = new AsyncDisposableStack()
    const topology = stack.use(buildTopology({ prefix: `m${process.pid}`, pods: ['client', 'server'] }))
    const data = mkdtempSync(join(tmpdir(), 'sekisho-bench-'))
    stack.defer(() => rmSync(data, { recursive: true }))
    const double = stack.use(await openApiServerDouble())
    for (const object of objectsOfNode(topology)) double.objects.create(placedPath(object), object.json)
    const server = stack.use(startServer(data, double.url))
    const port = await agentsPort(server)
    // Whoever asks to join while all of it is written waits too long.
    while (!double.requests.includes('WATCH /api/v1/pods')) await pause(100)
    const place = { data, port, node: NODE, netns: topology.node }
    progress('a server, and a node')
    const rows: Row[] = []
    {
      await using agent = await startSettled(place, ['--no-inspection'])
      rows.push(barred(row('idle, nothing is inspected', agent.resident().now, 'MB'), '≤', IDLE_MOST))
      rows.push(row('idle, nothing is inspected: its own', agent.resident().own, 'MB'))
    }
    {
      await using agent = await startSettled(place, ['--identify=all'])
      rows.push(barred(row('idle, inspection on', agent.resident().now, 'MB'), '≤', INSPECTING_MOST))
      rows.push(row('idle, inspection on: its own', agent.resident().own, 'MB'))
      await using load = await openConnectLoad(topology.pod('client'), topology.pod('server'), { port: PORT })
      const cpu = agent.cpuMs()
      const { perSecond } = await load.run(TRAFFIC_MS)
      rows.push(row('connections, each read', perSecond, 'per second'))
      rows.push(row('one of them', ((agent.cpuMs() - cpu) * 1e6) / (perSecond * TRAFFIC_MS), 'µs CPU'))
      rows.push(barred(row('inspection on, at most', agent.resident().peak, 'MB'), '≤', INSPECTING_MOST))
    }
    return rows
  },
}
