import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type NodeName, type Workload, workloadId } from '@sekisho/core'
import { createNetns, deleteNetns, setSysctl } from '@sekisho/linux'
import { callPlugin, type PluginCall } from '../apps/agent/test/cni-plugin.ts'
import { openApiServerDouble } from '../packages/kube/test/double/api-server.ts'
import { namespaceObject, type Placed, placedPath, podObject, policyObject } from './cluster-objects.ts'
import { percentile } from './dataplane-node.ts'
import { type AgentPlace, agentsPort, type Program, startAgent, startServer } from './program.ts'
import { barred, type Row, type Suite } from './report.ts'

const SUITE = 'agent/pod-start'
const NODE = 'node-of-pods' as NodeName // made here
const SPACE = 'shop'
/** Pods that run already, and those whose start is measured. */
const RESIDENTS = 30
const STARTS = 40
const ADDED_MOST_MS = 30
/** What follows a start is over. */
const SETTLE_MS = 300

const pod = (name: string): Workload => ({
  id: workloadId('pod', SPACE, name),
  kind: 'pod',
  namespace: SPACE,
  name,
  owner: { kind: 'Deployment', name: 'web' },
  labels: { app: 'web' },
  node: NODE,
  addresses: [],
  hostNetwork: false,
  ports: [],
  state: 'running',
})
const POLICY = policyObject({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'web', namespace: SPACE },
  spec: {
    podSelector: { matchLabels: { app: 'web' } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }] }],
  },
})

const BRIDGE = '/usr/lib/cni/bridge'

async function answerOf(program: string, call: PluginCall): Promise<string> {
  const { code, output } = await callPlugin(program, call)
  if (code !== 0) throw new Error(`${program}: ${output}`)
  return output
}

/** A node whose pods meet on a bridge: network namespaces, and the plugin that makes their networks. */
class Network implements Disposable {
  readonly node: string
  readonly #prefix: string
  readonly #config: Readonly<Record<string, unknown>>
  readonly #made: string[] = []

  constructor(prefix: string, directory: string) {
    this.#prefix = prefix
    this.node = this.#make('node')
    setSysctl(this.node, 'net.ipv4.ip_forward', 1)
    setSysctl(this.node, 'net.bridge.bridge-nf-call-iptables', 1)
    const ipam = {
      type: 'host-local',
      dataDir: join(directory, prefix),
      ranges: [[{ subnet: '10.97.0.0/24' }]],
    }
    this.#config = {
      cniVersion: '1.0.0',
      name: 'pods',
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      ipam,
    }
  }

  #make(name: string): string {
    const netns = `${this.#prefix}-${name}`
    createNetns(netns)[Symbol.dispose]()
    this.#made.push(netns)
    return netns
  }

  /** Makes a pod's network, and asks a plugin after that. @returns how long that took, and all, in milliseconds. */
  async add(name: string, plugin?: string): Promise<{ readonly plugin: number; readonly all: number }> {
    const call = {
      command: 'ADD',
      container: name,
      netns: `/run/netns/${this.#make(name)}`,
      args: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${SPACE};K8S_POD_NAME=${name}`,
    }
    const place = ['nsenter', `--net=/run/netns/${this.node}`, '--']
    const since = performance.now()
    const made = await answerOf(BRIDGE, { ...call, place, config: this.#config })
    const between = performance.now()
    if (plugin !== undefined) {
      const config = { ...this.#config, type: 'sekisho-cni', prevResult: JSON.parse(made) as object }
      await answerOf(plugin, { ...call, config })
    }
    const now = performance.now()
    return { plugin: now - between, all: now - since }
  }

  [Symbol.dispose](): void {
    for (const name of this.#made.toReversed()) deleteNetns(name)
  }
}

/** An agent whose plugin is in the node's network configuration. */
function startGate(place: AgentPlace): Promise<Program> {
  const { data } = place
  mkdirSync(join(data, 'net.d'))
  writeFileSync(
    join(data, 'net.d/10-pods.conflist'),
    JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'bridge' }] }),
  )
  return startAgent(place, [
    `--cni-config=${join(data, 'net.d')}`,
    `--cni-plugins=${data}`,
    `--cni-directory=${join(data, 'cni')}`,
    '--cni-wait=60',
  ])
}

const row = (measure: string, value: number, unit: string): Row => ({ suite: SUITE, measure, value, unit })

/** What a pod's start waits for its rules: from the moment when the API has the pod, on a node with other pods. */
export const podStart: Suite = {
  name: SUITE,
  async run(progress) {
    await using stack = new AsyncDisposableStack()
    const data = mkdtempSync(join(tmpdir(), 'sekisho-bench-'))
    stack.defer(() => rmSync(data, { recursive: true }))
    const plain = stack.use(new Network(`ep${process.pid}`, data))
    const guarded = stack.use(new Network(`es${process.pid}`, data))
    const double = stack.use(await openApiServerDouble())
    const create = (object: Placed) => void double.objects.create(placedPath(object), object.json)
    create(namespaceObject(SPACE, {}))
    create(POLICY)
    const server = stack.use(startServer(data, double.url))
    const place = { data, port: await agentsPort(server), node: NODE, netns: guarded.node }
    const agent = stack.use(await startGate(place))
    const plugin = join(data, 'sekisho-cni')
    const begin = (name: string) => {
      create(podObject(pod(name)))
      return guarded.add(name, plugin)
    }
    for (let i = 0; i < RESIDENTS; i++) {
      await begin(`resident-${i}`)
      await plain.add(`resident-${i}`)
    }
    progress('a server, and two nodes')
    const without: number[] = []
    const having: number[] = []
    const waited: number[] = []
    const cpu = agent.cpuMs()
    for (let i = 0; i < STARTS; i++) {
      without.push((await plain.add(`pod-${i}`)).all)
      await pause(SETTLE_MS)
      const { all, plugin: wait } = await begin(`pod-${i}`)
      having.push(all)
      waited.push(wait)
      await pause(SETTLE_MS)
    }
    const cpuMs = (agent.cpuMs() - cpu) / STARTS
    return [
      row('network of a pod p50, without', percentile(without, 0.5), 'ms'),
      row('network of a pod p50, with', percentile(having, 0.5), 'ms'),
      barred(row('of which it waits for its rules p50', percentile(waited, 0.5), 'ms'), '≤', ADDED_MOST_MS),
      row('of which it waits for its rules p99', percentile(waited, 0.99), 'ms'),
      row('the agent for it', cpuMs, 'ms CPU'),
    ]
  },
}
