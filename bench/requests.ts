import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ServiceEnd, Told } from '@sekisho/dataplane'
import { createModel, type Model, validatePolicy } from '@sekisho/policy'
import { SHOP, workloadOf } from '../e2e/dataplane/node.ts'
import { inspectForwarded } from '../e2e/inspection/queued.ts'
import { buildTopology, type Topology } from '../e2e/topology.ts'
import { masquerade } from './container-host.ts'
import { median } from './dataplane-node.ts'
import { type OneStream, openOneStream, STREAM_PORT } from './one-stream.ts'
import { barred, type Row, type Suite } from './report.ts'

const run = promisify(execFile)
const THREADS = availableParallelism()
const ROUNDS = 12
/** Of the streams, in each round. */
const STREAM_TURNS = 20
/** Compilers of all the programs that take part need some turns to have their say. */
const WARM_UP_ROUNDS = 2
const SECONDS = 1
const CONNECTIONS = 32
const BIG_BYTES = 400_000_000
const PORT = { requests: 80, asked: 81, open: 82, proxy: 8080 } as const

/**
 * What stands between wrk and nginx: a router, a policy about each request, or a proxy with the same rule. All of them on a
 * container host, as in the data plane's benches: connection tracking is on. `bare` is a router without even that; the
 * difference between it and `none` is the kernel's. Nothing is pinned to a processor, of any peer, and each program has as
 * many threads as there are processors, which is what nginx, HAProxy and an agent do where nobody says otherwise.
 */
const PEERS = ['bare', 'none', 'sekisho', 'haproxy'] as const
type Peer = (typeof PEERS)[number]

/**
 * How the application of a new connection becomes known; beside it `none`. `all`: each is read, no policy asks. `services`:
 * so is each service, once in a while. `policy`: one asks for the application, and is kept to.
 */
const KNOWING = ['all', 'services', 'policy'] as const
type Knowing = (typeof KNOWING)[number]

const nginxConf = (dir: string) => `
daemon off; pid ${dir}/nginx.pid; error_log stderr notice; worker_processes auto;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 100000000; sendfile on; tcp_nopush on;
  client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir};
  scgi_temp_path ${dir};
  server {
    listen ${PORT.requests}; listen ${PORT.asked}; listen ${PORT.open};
    location / { return 200 "ok\\n"; }
    location /public/big { alias ${dir}/big; }
  }
}`

/** The same rule in HAProxy's words, with its own defaults for a keep-alive proxy. */
const haproxyConf = (server: string) => `
global
  maxconn 2000
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  http-reuse always
frontend in
  bind :${PORT.proxy}
  http-request deny unless METH_GET { path_beg /public }
  default_backend out
backend out
  server s ${server}:${PORT.requests}
`

/** For wrk: what each request has to tell it from all others, as tracing gives it. */
const NO_TWO_ALIKE = `
local n = 0
request = function()
  n = n + 1
  return wrk.format('GET', '/public/x', { ['X-Request-Id'] = n })
end
`

const POLICY = {
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'SecurityPolicy',
  metadata: { namespace: 'shop', name: 'server' },
  spec: {
    subject: { podSelector: { matchLabels: { app: 'server' } } },
    mode: 'Enforce',
    ingress: [
      {
        ports: [{ protocol: 'TCP', port: PORT.requests }],
        l7: [{ http: { methods: ['GET'], path: { prefix: '/public' } } }],
      },
      { ports: [{ protocol: 'TCP', port: PORT.asked }], applications: ['http'] },
      { ports: [{ protocol: 'TCP', port: PORT.open }] },
      { action: 'Deny', ports: [{ protocol: 'TCP', port: STREAM_PORT }], applications: ['ssh'] },
      { ports: [{ protocol: 'TCP', port: STREAM_PORT }] },
    ],
  },
}

interface Path extends AsyncDisposable {
  readonly topology: Topology
  /** Where the client finds the server, without the port. */
  readonly host: string
  readonly port: number
  /** File of `NO_TWO_ALIKE`. */
  readonly script: string
  /** Past any proxy. Once a policy knows that it is not SSH, the kernel has it. */
  readonly stream: OneStream
}

function modelOf(topology: Topology): Model {
  const model = createModel()
  const read = validatePolicy(POLICY)
  if (!read.ok) throw new TypeError(JSON.stringify(read.error))
  const workloads = [...topology.pods.values()].map(pod => workloadOf(pod))
  model.update({
    namespaces: { set: [SHOP] },
    workloads: { set: workloads },
    policies: { set: [read.value] },
  })
  return model
}

async function inspect(topology: Topology, identify: 'all' | 'services'): Promise<AsyncDisposable> {
  const node = await inspectForwarded(topology.node, modelOf(topology), {
    rules: { identify, queues: { first: 40, workers: THREADS } },
    onTold(told) {
      if (identify === 'services') void node.dataplane.identified(told.flatMap(serviceOf))
    },
    onRequests: () => undefined,
    onLost: () => undefined,
    onFailed(error) {
      throw error
    },
  })
  return node
}

function serviceOf({ ends: { server: address, protocol, port }, notice }: Told): ServiceEnd[] {
  const isService = notice.kind === 'identified' && (protocol === 'TCP' || protocol === 'UDP')
  return isService ? [{ address, protocol, port }] : []
}

/** A program in a namespace, until it is disposed of. */
function start(netns: string, command: readonly string[]): AsyncDisposable {
  const child = spawn('ip', ['netns', 'exec', netns, ...command], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  return {
    async [Symbol.asyncDispose]() {
      child.kill()
      await ended
    },
  }
}

let built = 0
async function build(peer: Peer | 'services'): Promise<Path> {
  const stack = new AsyncDisposableStack()
  const topology = stack.use(
    buildTopology({ prefix: `rb${built++}${process.pid}`, pods: ['client', 'server'] }),
  )
  const dir = mkdtempSync(join(tmpdir(), 'sekisho-requests-'))
  stack.defer(() => rmSync(dir, { recursive: true, force: true }))
  if (peer !== 'bare') masquerade(topology.node)
  const server = topology.pod('server')
  writeFileSync(join(dir, 'big'), new Uint8Array(BIG_BYTES))
  writeFileSync(join(dir, 'nginx.conf'), nginxConf(dir))
  writeFileSync(join(dir, 'haproxy.conf'), haproxyConf(server.addresses[0]))
  const script = join(dir, 'no-two-alike.lua')
  writeFileSync(script, NO_TWO_ALIKE)
  stack.use(start(server.netns, ['nginx', '-c', join(dir, 'nginx.conf')]))
  if (peer === 'haproxy') stack.use(start(topology.node, ['haproxy', '-db', '-f', join(dir, 'haproxy.conf')]))
  if (peer === 'sekisho') stack.use(await inspect(topology, 'all'))
  if (peer === 'services') stack.use(await inspect(topology, 'services'))
  const host = peer === 'haproxy' ? topology.nodeAddresses[0] : server.addresses[0]
  const stream = stack.use(await openOneStream(topology.pod('client'), server))
  const path = { topology, host, script, stream, port: peer === 'haproxy' ? PORT.proxy : PORT.requests }
  await answers(path)
  return { ...path, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const inClient = ({ topology }: Pick<Path, 'topology'>, ...command: readonly string[]) =>
  run('ip', ['netns', 'exec', topology.pod('client').netns, ...command])

async function answers(path: Pick<Path, 'topology' | 'host' | 'port'>): Promise<void> {
  const url = `http://${path.host}:${path.port}/public/`
  await inClient(
    path,
    'curl',
    '-sSf',
    '-o',
    '/dev/null',
    '--retry',
    '50',
    '--retry-all-errors',
    '--retry-delay',
    '0',
    url,
  )
}

/** Of a closed loop: each connection asks again when it was answered, so that the latencies are those of full load. */
interface Load {
  readonly perSecond: number
  readonly medianUs: number
  readonly p99Us: number
  /** Processor time of the whole machine for one request. */
  readonly cpuUs: number
}

/** Jiffies of all processors that were not idle (proc_stat(5)). */
function busy(): number {
  const [, ...fields] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/).map(Number)
  return fields.reduce((sum, value, at) => (at === 3 || at === 4 ? sum : sum + value), 0)
}
const JIFFY_US = 10_000

async function wrk(path: Path, port: number, ...options: readonly string[]): Promise<Load> {
  const before = busy()
  const url = `http://${path.host}:${port}/public/x`
  const args = [`-t${THREADS}`, `-c${CONNECTIONS}`, `-d${SECONDS}s`, '--latency', ...options, url]
  const { stdout } = await inClient(path, 'wrk', ...args)
  const cpu = (busy() - before) * JIFFY_US
  const perSecond = Number(/Requests\/sec:\s*([\d.]+)/.exec(stdout)?.[1])
  const errors = /Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1]
  if (errors) throw new Error(`${errors} requests were refused`)
  return {
    perSecond,
    medianUs: latency(stdout, 50),
    p99Us: latency(stdout, 99),
    cpuUs: cpu / (perSecond * SECONDS),
  }
}

function latency(report: string, percentile: number): number {
  const [, value, unit] = new RegExp(`${percentile}%\\s+([\\d.]+)(us|ms|s)`).exec(report) ?? []
  return Number(value) * (unit === 's' ? 1e6 : unit === 'ms' ? 1e3 : 1)
}

/** New connections per second, of one request each. */
const connect = async (path: Path, port: number): Promise<number> =>
  (await wrk(path, port, '-H', 'Connection: close')).perSecond

/** Gigabits per second of one long answer, every byte of which is read. */
async function longAnswer(path: Path): Promise<number> {
  const url = `http://${path.host}:${PORT.requests}/public/big`
  const { stdout } = await inClient(path, 'curl', '-sS', '-o', '/dev/null', '-w', '%{speed_download}', url)
  return (Number(stdout) * 8) / 1e9
}

/** Of each round the ratio to what another peer did in the same round. */
const ratio = (values: readonly number[], to: readonly number[]): number =>
  median(values.map((value, round) => value / (to[round] ?? Number.NaN)))

async function measure(progress: (line: string) => void): Promise<readonly Row[]> {
  await using stack = new AsyncDisposableStack()
  const paths = new Map<Peer, Path>()
  for (const peer of PEERS) paths.set(peer, stack.use(await build(peer)))
  const path = (peer: Peer): Path => {
    const found = paths.get(peer)
    if (!found) throw new TypeError(`no such peer: ${peer}`)
    return found
  }
  const loads: Record<Peer, Load[]> = { bare: [], none: [], sekisho: [], haproxy: [] }
  const unlike: Record<'sekisho' | 'haproxy', number[]> = { sekisho: [], haproxy: [] }
  const services = stack.use(await build('services'))
  const knowing: Record<Knowing, readonly [Path, port: number]> = {
    all: [path('sekisho'), PORT.open],
    services: [services, PORT.open],
    policy: [path('sekisho'), PORT.asked],
  }
  const connections: Record<'bare' | 'none' | Knowing, number[]> = {
    bare: [],
    none: [],
    all: [],
    services: [],
    policy: [],
  }
  const released = { none: [] as number[], sekisho: [] as number[] }
  const read: number[] = []
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const note = <T>(values: T[], value: T): void => {
      if (round >= 0) values.push(value)
    }
    const first = (round + WARM_UP_ROUNDS) % PEERS.length
    for (const peer of [...PEERS.slice(first), ...PEERS.slice(0, first)])
      note(loads[peer], await wrk(path(peer), path(peer).port))
    for (const peer of ['sekisho', 'haproxy'] as const) {
      const { port, script } = path(peer)
      note(unlike[peer], (await wrk(path(peer), port, '-s', script)).perSecond)
    }
    for (const peer of ['bare', 'none'] as const)
      note(connections[peer], await connect(path(peer), PORT.open))
    for (const how of KNOWING) note(connections[how], await connect(...knowing[how]))
    for (let turn = 0; turn < STREAM_TURNS; turn++)
      for (const peer of ['none', 'sekisho'] as const) note(released[peer], await path(peer).stream.turn())
    note(read, await longAnswer(path('sekisho')))
    progress(round < 0 ? 'warm-up' : `round ${round + 1} of ${ROUNDS}`)
  }
  const column = (peer: Peer, key: keyof Load) => loads[peer].map(load => load[key])
  const requests = PEERS.flatMap((peer): Row[] => [
    {
      suite: 'inspect/requests',
      measure: `requests/s, ${peer}`,
      value: median(column(peer, 'perSecond')),
      unit: '/s',
    },
    {
      suite: 'inspect/requests',
      measure: `median latency, ${peer}`,
      value: median(column(peer, 'medianUs')),
      unit: 'µs',
    },
    {
      suite: 'inspect/requests',
      measure: `p99 latency, ${peer}`,
      value: median(column(peer, 'p99Us')),
      unit: 'µs',
    },
    {
      suite: 'inspect/requests',
      measure: `CPU per request, ${peer}`,
      value: median(column(peer, 'cpuUs')),
      unit: 'µs',
    },
  ])
  const per = (measure: string, value: number): Omit<Row, 'bar' | 'holds'> => ({
    suite: 'inspect/requests',
    measure,
    value,
    unit: '×',
  })
  const applicationOnly = (how: Knowing) =>
    per(`connections/s ÷ none, application only: ${how}`, ratio(connections[how], connections.none))
  const versus = (key: keyof Load) => ratio(column('sekisho', key), column('haproxy', key))
  return [
    ...requests,
    barred(per('requests/s ÷ haproxy', versus('perSecond')), '≥', 1.3),
    per('requests/s ÷ haproxy, no two requests alike', ratio(unlike.sekisho, unlike.haproxy)),
    barred(per('median latency ÷ haproxy', versus('medianUs')), '≤', 0.7),
    ...(['bare', 'none', ...KNOWING] as const).map(how => ({
      suite: 'inspect/requests',
      measure: `connections/s, ${how}`,
      value: median(connections[how]),
      unit: '/s',
    })),
    barred(applicationOnly('all'), '≥', 0.8),
    barred(applicationOnly('services'), '≥', 0.8),
    applicationOnly('policy'),
    barred(per('bulk ÷ none, once decided', ratio(released.sekisho, released.none)), '≥', 0.9),
    barred(
      { suite: 'inspect/requests', measure: 'bulk, every byte read', value: median(read), unit: 'Gbit/s' },
      '≥',
      2,
    ),
  ]
}

export const requests: Suite = { name: 'inspect/requests', run: measure }
