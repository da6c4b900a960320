import type { Protocol, Workload } from '@sekisho/core'
import type { FlowQuery, QueryEnd, RecordedFlow } from '@sekisho/policy'
import { APP_PORT, APPS, type BenchCluster } from './policy-cluster.ts'

/** Mulberry32: equal seeds ask equal questions. */
function randomFrom(seed: number): (count: number) => number {
  let state = seed
  return count => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * count)
  }
}

interface Service {
  readonly protocol: Protocol
  readonly port: number
}

const HTTP: Service = { protocol: 'TCP', port: APP_PORT }
const HTTPS: Service = { protocol: 'TCP', port: 443 }
const DNS: Service = { protocol: 'UDP', port: 53 }
const PING: Service = { protocol: 'ICMP', port: 8 }

/** Questions as a cluster's traffic asks them: to neighbours and strangers, in and out, both families, by name and by address. */
class Traffic {
  readonly #cluster: BenchCluster
  readonly #below: (count: number) => number
  readonly #kinds: readonly (readonly [percent: number, draw: () => FlowQuery])[]

  constructor(cluster: BenchCluster, seed: number) {
    this.#cluster = cluster
    this.#below = randomFrom(seed)
    this.#kinds = [
      [40, () => this.#neighbours()],
      [20, () => this.strangers()],
      [15, () => this.#out()],
      [15, () => this.#in()],
      [5, () => this.#probe()],
      [5, () => this.#between(this.#anyPod(), this.#anyPod(), DNS)],
    ]
  }

  draw(): FlowQuery {
    let at = this.#below(100)
    for (const [percent, draw] of this.#kinds) {
      if (at < percent) return draw()
      at -= percent
    }
    throw new TypeError('the shares of traffic are less than 100 %')
  }

  strangers(): FlowQuery {
    return this.#between(this.#anyPod(), this.#anyPod(), this.#anyService())
  }

  #pod(index: number): Workload {
    const found = this.#cluster.workloads[index]
    if (!found) throw new RangeError(`no pod ${index}`)
    return found
  }
  #anyPod = (): Workload => this.#pod(this.#below(this.#cluster.workloads.length))

  #anyService = (): Service =>
    [HTTP, HTTPS, DNS, PING, { ...HTTP, port: 1 + this.#below(65_535) }][this.#below(5)] ?? HTTP

  /** By name half the time, else by an address of the family that both ends are asked with. */
  #end({ id, addresses }: Workload, family: number): QueryEnd {
    const ip = addresses[family]
    return this.#below(2) === 0 || ip === undefined ? { workload: id } : { ip: `${ip}` }
  }

  #between(source: Workload, destination: Workload, service: Service): FlowQuery {
    const family = this.#below(2)
    return { source: this.#end(source, family), destination: this.#end(destination, family), ...service }
  }

  /** What policies are there for: one app of a namespace asks the next. */
  #neighbours(): FlowQuery {
    const { spaces, workloads } = this.#cluster
    const space = this.#below(spaces)
    const replicas = Math.floor(workloads.length / spaces / APPS)
    const app = this.#below(APPS - 1)
    const replica = (of: number) => this.#pod((this.#below(replicas) * APPS + of) * spaces + space)
    return this.#between(replica(app), replica(app + 1), HTTP)
  }

  #outside(): QueryEnd {
    const [block, host] = [this.#below(16) * 16, this.#below(16)]
    return this.#below(2) === 0
      ? { ip: `198.51.100.${block + host}` }
      : { ip: `2001:db8:${(block + 1).toString(16)}::${(host + 1).toString(16)}` }
  }
  #out(): FlowQuery {
    return { source: { workload: this.#anyPod().id }, destination: this.#outside(), ...HTTPS }
  }
  #in(): FlowQuery {
    return { source: this.#outside(), destination: { workload: this.#anyPod().id }, ...HTTP }
  }

  #probe(): FlowQuery {
    const pod = this.#anyPod()
    return { source: { ip: this.#cluster.nodeAddress(pod) }, destination: { workload: pod.id }, ...HTTP }
  }
}

export function queries(cluster: BenchCluster, count: number): readonly FlowQuery[] {
  const traffic = new Traffic(cluster, 1)
  return Array.from({ length: count }, () => traffic.draw())
}

/** Of any two pods, so that hardly a pair comes again. */
export function strangerQueries(cluster: BenchCluster, count: number): readonly FlowQuery[] {
  const traffic = new Traffic(cluster, 5)
  return Array.from({ length: count }, () => traffic.strangers())
}

/** The same questions as they are read from a message: each has texts of its own, and none is a rope of parts. */
export const asRead = (asked: readonly FlowQuery[]): readonly FlowQuery[] =>
  JSON.parse(JSON.stringify(asked)) as typeof asked // what was written is read

/** How often an edge is seen. */
const WINDOWS = 4

/** Each an object of its own, as a store gives them. */
const recordOf = (query: FlowQuery, at: number): RecordedFlow => ({
  query: { ...query, source: { ...query.source }, destination: { ...query.destination } },
  source: `s${at % 100}`,
  destination: `d${at % 100}`,
  connections: 1,
  first: at as RecordedFlow['first'], // any time will do
  last: at as RecordedFlow['last'], // as above
  attack: false,
})

/** Records of edges that are seen in several windows. */
export function recordedFlows(cluster: BenchCluster, count: number): readonly RecordedFlow[] {
  const traffic = new Traffic(cluster, 2)
  const below = randomFrom(3)
  const edges = Array.from({ length: count / WINDOWS }, () => traffic.draw())
  return Array.from({ length: count }, (_, at) => recordOf(edges[below(edges.length)] ?? traffic.draw(), at))
}

/** Records of any two pods that happen to ask each other: hardly any is like another, so that nothing is known of it. */
export function strangerFlows(cluster: BenchCluster, count: number): readonly RecordedFlow[] {
  const traffic = new Traffic(cluster, 4)
  return Array.from({ length: count }, (_, at) => recordOf(traffic.strangers(), at))
}
