import { execFile, execFileSync, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { openConntrack, setSysctl } from '@sekisho/linux'
import { buildTopology, type Topology } from '../e2e/topology.ts'
import { type ConnectLoad, type ConnectResult, openConnectLoad } from './connect-load.ts'
import { linearChain, PORT } from './dataplane-cluster.ts'
import { type LoadedNode, loadNode, median } from './dataplane-node.ts'
import { barred, type Row } from './report.ts'

const run = promisify(execFile)
const ROUNDS = 9
const CONNECT_MS = 700
const STREAM_SECONDS = 1
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

const MASQUERADE = [
  'add table ip nat',
  'add chain ip nat post { type nat hook postrouting priority srcnat; }',
  'add rule ip nat post oifname "uplink" masquerade',
  '',
].join('\n')

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
  if (peer !== 'bare') inNode(topology, ['nft', '-f', '-'], MASQUERADE)
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
      setSysctl(topology.node, 'net.netfilter.nf_conntrack_acct', 1)
      let events = 0
      stack.use(
        openConntrack({
          netns: topology.node,
          onEvents: list => {
            events += list.length
          },
          onLost: () => undefined,
        }),
      )
      stack.defer(() => {
        if (events === 0) throw new Error('no connection events came')
      })
    }
  }
}

async function openBench(peer: Peer, size: number): Promise<Bench> {
  await using building = new AsyncDisposableStack()
  const prefix = `bench${process.pid}${PEERS.indexOf(peer)}`
  const topology = building.use(buildTopology({ prefix, pods: ['client', 'server'] }))
  const [client, server] = [topology.pod('client'), topology.pod('server')]
  await install(peer, topology, size, building)
  const listener = spawn('ip', ['netns', 'exec', server.netns, 'iperf3', '-s', '--forceflush'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  building.defer(() => void listener.kill())
  await new Promise<void>(ready => listener.stdout.once('data', () => ready()))
  const connect = building.use(await openConnectLoad(client, server, PORT))
  const stack = building.move()
  return {
    connect,
    async stream() {
      const { stdout } = await run('ip', [
        ...['netns', 'exec', client.netns],
        ...['iperf3', '-c', server.addresses[0], '-t', `${STREAM_SECONDS}`, '-J'],
      ])
      const report = JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number } } }
      return report.end.sum_received.bits_per_second / 1e9
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

interface Round {
  readonly gigabits: Record<Peer, number>
  readonly connect: Record<Peer, ConnectResult>
}

/** All peers one after the other, so that what else the machine does meets each of them; medians of ratios do the rest. */
async function round(benches: Record<Peer, Bench>): Promise<Round> {
  const gigabits = {} as Record<Peer, number>
  const connect = {} as Record<Peer, ConnectResult>
  for (const peer of PEERS) connect[peer] = await benches[peer].connect.run(CONNECT_MS)
  for (const peer of PEERS) gigabits[peer] = await benches[peer].stream()
  return { gigabits, connect }
}

function rows(size: number, rounds: readonly Round[]): Row[] {
  const name = (measure: string, peer: Peer) => `${measure}, ${peer}, ${size} policies`
  const of = (
    suite: string,
    measure: string,
    unit: string,
    value: (round: Round, peer: Peer) => number,
  ): Row[] =>
    PEERS.map(peer => ({
      suite: `dataplane/${suite}`,
      measure: name(measure, peer),
      value: median(rounds.map(one => value(one, peer))),
      unit,
    }))
  const ratio = (peer: Peer, against: Peer, value: (round: Round, peer: Peer) => number) =>
    median(rounds.map(one => value(one, peer) / value(one, against)))
  const compared = (suite: string, bar: number, value: (round: Round, peer: Peer) => number): Row[] =>
    PEERS.filter(peer => peer !== 'none').map(peer => {
      const row = {
        suite: `dataplane/${suite}`,
        measure: `${name('ratio to none', peer)}`,
        value: ratio(peer, 'none', value),
        unit: '',
      }
      return peer.startsWith('sekisho') && size === 10_000 ? barred(row, '≥', bar) : row
    })
  const gigabits = (one: Round, peer: Peer) => one.gigabits[peer]
  const perSecond = (one: Round, peer: Peer) => one.connect[peer].perSecond
  return [
    ...of('throughput', 'one TCP stream', 'Gbit/s', gigabits),
    ...compared('throughput', THROUGHPUT_MIN, gigabits),
    ...of('connections', 'new connections', '1/s', perSecond),
    ...compared('connections', CONNECTIONS_MIN, perSecond),
    ...of('latency', 'connect p50', 'µs', (one, peer) => one.connect[peer].p50 * 1000),
    ...of('latency', 'connect p99', 'µs', (one, peer) => one.connect[peer].p99 * 1000),
  ]
}

export async function dataplaneTraffic(size: number, progress: (line: string) => void): Promise<Row[]> {
  await using stack = new AsyncDisposableStack()
  const benches = {} as Record<Peer, Bench>
  for (const peer of PEERS) benches[peer] = stack.use(await openBench(peer, size))
  await round(benches)
  const rounds: Round[] = []
  for (let index = 0; index < ROUNDS; index++) {
    rounds.push(await round(benches))
    progress(`${size} policies: round ${index + 1} of ${ROUNDS}`)
  }
  return rows(size, rounds)
}
