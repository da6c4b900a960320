import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { FAMILIES } from '@sekisho/core'
import { buildTopology, type Pod, type Topology } from '../e2e/topology.ts'
import { type ConnectLoad, type ConnectResult, openConnectLoad } from './connect-load.ts'
import { masquerade } from './container-host.ts'
import { linearChain, PORT } from './dataplane-cluster.ts'
import { openEyes } from './dataplane-eyes.ts'
import { type LoadedNode, loadNode, median } from './dataplane-node.ts'
import { openOneStream } from './one-stream.ts'
import { barred, type Row } from './report.ts'

/** Where the memory of a node happens to lie makes one of two that are alike 1 % faster for as long as it lives. */
const STREAMS = { nodes: 3, warmUp: 5, rounds: 120 }
/** Compilers of all the programs that take part need some turns to have their say. */
const CONNECTS = { nodes: 2, warmUp: 3, rounds: 30 }
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
      for (const [index, restore] of ['iptables-nft-restore', 'ip6tables-nft-restore'].entries())
        inNode(
          topology,
          [restore],
          linearChain(size, [client.addresses[index] ?? '', server.addresses[index] ?? '']),
        )
      return
    case 'sekisho':
    case 'sekisho+events': {
      const node: LoadedNode = stack.use(await loadNode(topology.node, size, [client, server]))
      if (node.dataplane.stats.programErrors > 0) throw new Error('the kernel refused the table')
      if (peer === 'sekisho') return
      stack.use(await openEyes(node, topology.node))
    }
  }
}

type Round<T> = Readonly<Record<Peer, T>>

/** All peers one after the other. */
async function each<T>(
  measure: (peer: Peer) => Promise<T>,
  order: readonly Peer[] = PEERS,
): Promise<Round<T>> {
  const results: [Peer, T][] = []
  for (const peer of order) results.push([peer, await measure(peer)])
  return Object.fromEntries(results) as Record<Peer, T>
}

interface Load<T extends AsyncDisposable, R> {
  /** Nodes of each peer; they take turns. */
  readonly nodes: number
  readonly warmUp: number
  readonly rounds: number
  readonly open: (client: Pod, server: Pod) => Promise<T>
  readonly turn: (load: T) => Promise<R>
}

/**
 * Loads every peer for a short time, again and again: what else the machine does meets each peer of a round, and medians of
 * ratios do the rest. Nobody always comes after the same one. Each has nodes of its own, so that nothing is reinstalled between rounds.
 */
async function inTurns<T extends AsyncDisposable, R>(size: number, load: Load<T, R>): Promise<Round<R>[]> {
  await using stack = new AsyncDisposableStack()
  const open = async (peer: Peer, node: number) => {
    const prefix = `bench${process.pid}-${PEERS.indexOf(peer)}${node}`
    const topology = stack.use(buildTopology({ prefix, pods: ['client', 'server'] }))
    await install(peer, topology, size, stack)
    return stack.use(await load.open(topology.pod('client'), topology.pod('server')))
  }
  const nodes: Round<T>[] = []
  for (let node = 0; node < load.nodes; node++) nodes.push(await each(peer => open(peer, node)))
  const all: Round<R>[] = []
  for (let round = 0; round < load.warmUp + load.rounds; round++)
    for (const loads of nodes)
      all.push(await each(peer => load.turn(loads[peer]), round % 2 === 0 ? PEERS : PEERS.toReversed()))
  return all.slice(load.warmUp * nodes.length)
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

/**
 * All that two processors can do, each for client and server of one family: left to the machine, the ends of a pair are now on
 * one processor and now on two, where they wait for each other; and what the agent does beside them costs nothing.
 */
async function openConnectLoads(client: Pod, server: Pod): Promise<ConnectLoad> {
  await using building = new AsyncDisposableStack()
  const loads: ConnectLoad[] = []
  for (const [index, family] of FAMILIES.entries()) {
    const processor = Math.min(index, availableParallelism() - 1)
    loads.push(building.use(await openConnectLoad(client, server, { port: PORT, family, processor })))
  }
  const stack = building.move()
  return {
    async run(ms) {
      const results = await Promise.all(loads.map(load => load.run(ms)))
      const mean = (of: (result: ConnectResult) => number) => sum(results.map(of)) / results.length
      return {
        perSecond: sum(results.map(({ perSecond }) => perSecond)),
        p50: mean(({ p50 }) => p50),
        p99: mean(({ p99 }) => p99),
      }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

export async function dataplaneTraffic(size: number, progress: (line: string) => void): Promise<Row[]> {
  progress(`${size} policies: throughput`)
  const gigabits = await inTurns(size, { ...STREAMS, open: openOneStream, turn: stream => stream.turn() })
  progress(`${size} policies: connections`)
  const connects = await inTurns(size, {
    ...CONNECTS,
    open: openConnectLoads,
    turn: loads => loads.run(CONNECT_MS),
  })
  const figures = (value: (result: ConnectResult) => number): Round<number>[] =>
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
      figures(result => result.perSecond),
    ),
    ...rows(
      size,
      p50,
      figures(result => result.p50 * 1000),
    ),
    ...rows(
      size,
      p99,
      figures(result => result.p99 * 1000),
    ),
  ]
}
