import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type NodeName, type Workload, workloadId } from '@sekisho/core'
import { type ApiServerDouble, openApiServerDouble } from '../packages/kube/test/double/api-server.ts'
import { type SimulatedAgents, simulateAgents } from './cluster-agents.ts'
import { namespaceObject, type Placed, placedPath, podObject, policyObject } from './cluster-objects.ts'
import { percentile } from './dataplane-node.ts'
import { benchCluster } from './policy-cluster.ts'
import { agentsPort, type Program, startServer } from './program.ts'
import { barred, type Row, type Suite } from './report.ts'

const SUITE = 'control/cluster-load'
const NODES = 5_000
const PODS_PER_NODE = 20
const POLICIES = 5_000
/** Of so many nodes; what more of them cost is a multiple. */
const AGENTS = 100
const MEMORY_MOST = 1_024 * 1.048576
/** Of ten seconds after which a server that could not renew its lease stops leading. */
const BLOCKED_MOST_MS = 500
const CHANGES = 100
const CHANGE_EVERY_MS = 100
/** Prime, so that changes go round the nodes. */
const STRIDE = 7_919
const REST_MS = 15_000
const BOOKMARK_MS = 30_000
/** As Node chooses by itself in a container of 1 GiB. */
const HEAP = '--max-old-space-size=512'

const nodeOf = (pod: number): NodeName => `node-${Math.floor(pod / PODS_PER_NODE)}` as NodeName // made here
/** A cluster as an API server has it, and the server program that runs for it. */
class Load implements AsyncDisposable {
  readonly #double: ApiServerDouble
  readonly #workloads: readonly Workload[]
  readonly #data = mkdtempSync(join(tmpdir(), 'sekisho-bench-'))
  readonly nodes = Array.from({ length: NODES }, (_, i) => nodeOf(i * PODS_PER_NODE))
  readonly agents: SimulatedAgents
  readonly #hearing = new Set<(node: NodeName, line: string) => void>()
  #server: Program | undefined

  constructor(double: ApiServerDouble) {
    this.#double = double
    const cluster = benchCluster({ pods: NODES * PODS_PER_NODE, policies: POLICIES })
    this.#workloads = cluster.workloads.map((pod, i) => ({ ...pod, node: nodeOf(i) }))
    for (const name of new Set(this.#workloads.map(pod => pod.namespace))) this.put(namespaceObject(name, {}))
    for (const pod of this.#workloads) this.put(podObject(pod))
    for (const { source } of cluster.policies) this.put(policyObject(source))
    this.agents = simulateAgents({
      data: this.#data,
      nodes: this.nodes,
      onLine: (node, line) => {
        for (const hear of this.#hearing) hear(node, line)
      },
    })
  }

  put(object: Placed): void {
    this.#double.objects.create(placedPath(object), object.json)
  }

  pod(index: number): Workload {
    const pod = this.#workloads[index % this.#workloads.length]
    if (!pod) throw new RangeError('a cluster without pods')
    return pod
  }

  get server(): Program {
    if (!this.#server) throw new Error('the server was not started')
    return this.#server
  }

  /** @returns the port for agents. */
  async start(): Promise<number> {
    this.#server = startServer(this.#data, this.#double.url, { env: { NODE_OPTIONS: HEAP }, probe: true })
    return agentsPort(this.#server)
  }

  /** Resolves when a node was told its pods and its policies. */
  async told(node: NodeName): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const missing = new Set(['workloads', 'policies'])
    const hear = (to: NodeName, line: string) => {
      if (to !== node) return
      for (const part of missing)
        if (new RegExp(`"${part}":(?:\\{"set":)?\\[\\{`).test(line)) missing.delete(part)
      if (missing.size === 0) resolve()
    }
    this.#hearing.add(hear)
    await promise
    this.#hearing.delete(hear)
  }

  /** From one write in the API server to the line at the agent of the pod's node, of each. */
  async churn(changes: number, everyMs: number): Promise<readonly number[]> {
    const begun = new Map<string, number>()
    const took: number[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    const hear = (_: NodeName, line: string) => {
      for (const [, marker = ''] of line.matchAll(/"bench":"(c\d+)"/g)) {
        const at = begun.get(marker)
        if (at === undefined) continue
        begun.delete(marker)
        took.push(performance.now() - at)
        if (took.length === changes) resolve()
      }
    }
    this.#hearing.add(hear)
    for (let i = 0; i < changes; i++) {
      begun.set(`c${i}`, performance.now())
      this.#change(i)
      await pause(everyMs)
    }
    await promise
    this.#hearing.delete(hear)
    return took
  }

  /** A label of a pod changes; a pod comes, and goes with the next change. */
  #change(i: number): void {
    const pod = this.pod((i * STRIDE) % (AGENTS * PODS_PER_NODE))
    const changed = podObject({ ...pod, labels: { ...pod.labels, bench: `c${i}` } })
    this.#double.objects.replace(placedPath(changed), changed.json)
    const guest = (at: number) => {
      const { namespace } = pod
      const name = `guest-${at}`
      return podObject({
        ...this.pod(0),
        id: workloadId('pod', namespace, name),
        name,
        addresses: [`10.200.${at >> 8}.${at & 255}`],
      })
    }
    this.put(guest(i))
    if (i > 0) this.#double.objects.remove(placedPath(guest(i - 1)))
  }

  /** Requests since the last time that this was asked. */
  requests(): readonly string[] {
    return this.#double.requests.splice(0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.agents[Symbol.dispose]()
    await this.#server?.[Symbol.asyncDispose]()
    rmSync(this.#data, { recursive: true })
  }
}

/** Requests of a kind, whosever they are, for the eye. */
function kinds(requests: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const request of requests) {
    const kind = request.replace(/\/namespaces\/[^/]+/, '').replace(/(\/[a-z]+)\/[^/]+(\/status)?$/, '$1/*$2')
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(', ')
}

interface Passed {
  readonly ms: number
  readonly cpuMs: number
  readonly requests: readonly string[]
}

/** What the server did meanwhile. */
async function during(load: Load, work: () => Promise<unknown>): Promise<Passed> {
  load.requests()
  const [started, cpu] = [performance.now(), load.server.cpuMs()]
  await work()
  return {
    ms: performance.now() - started,
    cpuMs: load.server.cpuMs() - cpu,
    requests: load.requests(),
  }
}

const row = (measure: string, value: number, unit: string): Row => ({ suite: SUITE, measure, value, unit })
const memory = (measure: string, value: number): Row => barred(row(measure, value, 'MB'), '≤', MEMORY_MOST)
const blocked = async (when: string, { server }: Load): Promise<Row> =>
  barred(
    row(`longest block of the main thread, ${when}`, await server.longestTurn(), 'ms'),
    '≤',
    BLOCKED_MOST_MS,
  )
const perSecond = ({ requests, ms }: Passed): number => (requests.length * 1e3) / ms

async function begin(load: Load): Promise<readonly Row[]> {
  const started = performance.now()
  const port = await load.start()
  const [first, ...others] = load.nodes.slice(0, AGENTS)
  if (first === undefined) throw new RangeError('a cluster without nodes')
  const told = load.told(first)
  await load.agents.connect([first], port)
  await told
  const begun = [
    row('from nothing to the first agent’s state', (performance.now() - started) / 1e3, 's'),
    row('the same', load.server.cpuMs() / 1e3, 's CPU'),
    row('requests of the API for that', load.requests().length, ''),
    memory('memory meanwhile, at most', load.server.resident().peak),
  ]
  const came = await during(load, () => load.agents.connect(others, port))
  return [
    ...begun,
    row('agents', load.agents.connected, ''),
    row('one that comes', came.cpuMs / others.length, 'ms CPU'),
    await blocked('until then', load),
  ]
}

async function change(load: Load, rest: Passed): Promise<readonly Row[]> {
  load.server.resetPeak()
  let took: readonly number[] = []
  const churn = await during(load, async () => {
    took = await load.churn(CHANGES, CHANGE_EVERY_MS)
  })
  const own = churn.cpuMs - (rest.cpuMs * churn.ms) / rest.ms
  return [
    row('requests of the API in churn', perSecond(churn), 'per second'),
    row('a label that changes, a pod that comes and one that goes', own / CHANGES, 'ms CPU'),
    row('from the change of a label to the line at its agent, p50', percentile(took, 0.5), 'ms'),
    row('the same, p99', percentile(took, 0.99), 'ms'),
    memory('memory in churn, at most', load.server.resident().peak),
    await blocked('in churn', load),
    row('alive in the heap then', await load.server.liveHeap(), 'MB'),
  ]
}

/** A server for a large cluster: what it keeps in memory, what it asks of the API server, what a change costs. */
export const clusterLoad: Suite = {
  name: SUITE,
  async run(progress) {
    await using stack = new AsyncDisposableStack()
    const double = stack.use(await openApiServerDouble())
    // As the real one does once a minute, so that clients know that nothing happened.
    const bookmarks = setInterval(() => double.bookmark(), BOOKMARK_MS)
    stack.defer(() => clearInterval(bookmarks))
    const load = stack.use(new Load(double))
    progress(`${NODES} nodes of ${PODS_PER_NODE} pods, ${POLICIES} policies`)
    const begun = await begin(load)
    progress('agents have their states')
    // The statuses of policies are written once that the agents told theirs.
    await pause(REST_MS)
    const rest = await during(load, () => pause(REST_MS))
    progress(`at rest: ${kinds(rest.requests)}`)
    return [
      ...begun,
      row('requests of the API at rest', perSecond(rest), 'per second'),
      row('CPU at rest', (rest.cpuMs * 100) / rest.ms, '% of a core'),
      row('memory at rest', load.server.resident().now, 'MB'),
      await blocked('at rest', load),
      ...(await change(load, rest)),
    ]
  },
}
