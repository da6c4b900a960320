import { execFileSync } from 'node:child_process'
import { buildTopology, type Topology } from '../e2e/topology.ts'
import { type ConnectLoad, type ConnectResult, openConnectLoad } from './connect-load.ts'
import { masquerade } from './container-host.ts'
import { linearChain, PORT } from './dataplane-cluster.ts'
import { openEyes } from './dataplane-eyes.ts'
import { type LoadedNode, loadNode, median } from './dataplane-node.ts'
import { openOneStream } from './one-stream.ts'
import { barred, type Row } from './report.ts'

/** Many short turns of each peer meet the same noise. */
const STREAM_ROUNDS = 15
const CONNECT_ROUNDS = 31
/** Longer than events gather: most of what the agent does with those of a turn must be done in that turn. */
const CONNECT_MS = 300
const THROUGHPUT_MIN = 0.97
const CONNECTIONS_MIN = 0.9

/**
 * What stands between client and server. `none` is a container host without a firewall: it routes and masquerades,
 * so connection tracking is on, as on every node with Docker or Kubernetes. `bare` is a router without even that;
 * the difference between the two is the kernel's, not Sekisho's.
 */
const PEERS = ['bare', 'none', 'linear', 'sekisho', 'sekisho+events'] as const
type Peer = (typeof PEERS)[number]

/** One router with client and server behind it, all of its own, so that nothing is reinstalled between rounds. */
interface Bench extends AsyncDisposable {
  readonly connect: ConnectLoad
  /** Gigabits per second of one TCP stream. */
  stream(): Promise<number>
}

const inNode = (topology: Topology, command: readonly string[], input: string): void =>
  void execFileSync('ip', ['netns', 'exec', topology.node, ...command], {
    input,
    stdio: ['pipe', 'ignore', 'inherit'],
  })

/** The rules of a peer; what it opened is closed with the stack. */
async function install(
  peer: Peer,
  topology: Topology,
  size: number,
  stack: AsyncDisposableStack,
): Promise<void> {
  const [client, server] = [topology.pod('client'), topology.pod('server')]
  if (peer !== 'bare') masquerade(topology.node)
  switch (peer) {
    case 'bare':
    case 'none':
      return
    case 'linear':
      return inNode(
        topology,
        ['iptables-nft-restore'],
        linearChain(size, [client.addresses[0], server.addresses[0]]),
      )
    case 'sekisho':
    case 'sekisho+events': {
      const node: LoadedNode = stack.use(await loadNode(topology.node, size, [client, server]))
      if (node.dataplane.stats.programErrors > 0) throw new Error('the kernel refused the table')
      if (peer === 'sekisho') return
      stack.use(await openEyes(node, topology.node))
    }
  }
}

async function openBench(peer: Peer, size: number): Promise<Bench> {
  await using building = new AsyncDisposableStack()
  const prefix = `bench${process.pid}${PEERS.indexOf(peer)}`
  const topology = building.use(buildTopology({ prefix, pods: ['client', 'server'] }))
  const [client, server] = [topology.pod('client'), topology.pod('server')]
  await install(peer, topology, size, building)
  const one = building.use(await openOneStream(client, server))
  const connect = building.use(await openConnectLoad(client, server, PORT))
  const stack = building.move()
  return {
    connect,
    stream: () => one.measure(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

type Round<T> = Readonly<Record<Peer, T>>

/** All peers one after the other, so that what else the machine does meets each of them; medians of ratios do the rest. */
async function round<T>(benches: Round<Bench>, measure: (bench: Bench) => Promise<T>): Promise<Round<T>> {
  const results: [Peer, T][] = []
  for (const peer of PEERS) results.push([peer, await measure(benches[peer])])
  return Object.fromEntries(results) as Record<Peer, T>
}

/** Compilers of all the programs that take part need some turns to have their say. */
const WARM_UP_ROUNDS = 5

async function rounds<T>(count: number, once: () => Promise<T>): Promise<T[]> {
  for (let index = 0; index < WARM_UP_ROUNDS; index++) await once()
  const all: T[] = []
  for (let index = 0; index < count; index++) all.push(await once())
  return all
}

interface Measured {
  readonly suite: string
  readonly measure: string
  readonly unit: string
  /** What the ratio to `none` must reach with 10,000 policies. */
  readonly bar?: number
}

/** The median of each peer, and the median of each round's ratio to `none` where there is a bar. */
function rows(
  size: number,
  { suite, measure, unit, bar }: Measured,
  values: readonly Round<number>[],
): Row[] {
  const row = (what: string, peer: Peer) => ({
    suite: `dataplane/${suite}`,
    measure: `${what}, ${peer}, ${size} policies`,
  })
  const medians = PEERS.map(peer => ({
    ...row(measure, peer),
    value: median(values.map(one => one[peer])),
    unit,
  }))
  if (bar === undefined) return medians
  const ratios = PEERS.filter(peer => peer !== 'none').map(peer => {
    const value = median(values.map(one => one[peer] / one.none))
    const ratio = { ...row('ratio to none', peer), value, unit: '' }
    return peer.startsWith('sekisho') && size === 10_000 ? barred(ratio, '≥', bar) : ratio
  })
  return [...medians, ...ratios]
}

export async function dataplaneTraffic(size: number, progress: (line: string) => void): Promise<Row[]> {
  await using stack = new AsyncDisposableStack()
  const opened: [Peer, Bench][] = []
  for (const peer of PEERS) opened.push([peer, stack.use(await openBench(peer, size))])
  const benches = Object.fromEntries(opened) as Record<Peer, Bench>
  progress(`${size} policies: connections`)
  const connects = await rounds(CONNECT_ROUNDS, () => round(benches, bench => bench.connect.run(CONNECT_MS)))
  progress(`${size} policies: throughput`)
  const gigabits = await rounds(STREAM_ROUNDS, () => round(benches, bench => bench.stream()))
  const each = (value: (result: ConnectResult) => number): Round<number>[] =>
    connects.map(
      one => Object.fromEntries(PEERS.map(peer => [peer, value(one[peer])])) as Record<Peer, number>,
    )
  const stream = { suite: 'throughput', measure: 'one TCP stream', unit: 'Gbit/s', bar: THROUGHPUT_MIN }
  const rate = { suite: 'connections', measure: 'new connections', unit: '1/s', bar: CONNECTIONS_MIN }
  const p50 = { suite: 'latency', measure: 'connect p50', unit: 'µs' }
  const p99 = { suite: 'latency', measure: 'connect p99', unit: 'µs' }
  return [
    ...rows(size, stream, gigabits),
    ...rows(
      size,
      rate,
      each(result => result.perSecond),
    ),
    ...rows(
      size,
      p50,
      each(result => result.p50 * 1000),
    ),
    ...rows(
      size,
      p99,
      each(result => result.p99 * 1000),
    ),
  ]
}
