import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { EpochMs } from '@sekisho/core'
import {
  createTableCompiler,
  type FlowQuery,
  type Model,
  prove,
  type RecordedFlow,
  simulate,
} from '@sekisho/policy'
import { type BenchCluster, type BenchSize, benchCluster, nodeOf } from './policy-cluster.ts'
import { barred, type Row } from './report.ts'

const SMALL: BenchSize = { pods: 10_000, policies: 1_000 }
/** Ten times as many of both; asked for with SEKISHO_BENCH_LARGE=1, for it takes its time. */
const LARGE: BenchSize = { pods: 100_000, policies: 10_000 }

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void // what the flag above adds

const heap = (): number => {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 1e6
}

/** Time of this thread on its core: what else the machine does is not the engine's. */
function seconds(run: () => void): number {
  const start = process.threadCpuUsage()
  run()
  const { user, system } = process.threadCpuUsage(start)
  return (user + system) / 1e6
}

interface Measured {
  readonly indexSeconds: number
  readonly megabytes: number
  readonly changeP99Ms: number
  readonly decidesPerSecond: number
  readonly flowsPerSecond: number
  readonly proveSeconds: number
}

/** Pairs all over the cluster, one in five of them with an outside end. */
function queries({ workloads }: BenchCluster, count: number): readonly FlowQuery[] {
  const at = (index: number) => workloads[index % workloads.length]
  return Array.from({ length: count }, (_, i) => {
    const source = at(i * 7919)
    const destination = at(i * 104_729 + 13)
    return {
      source: i % 5 === 0 || !source ? { ip: `203.0.113.${i & 255}` } : { workload: source.id },
      destination: destination ? { workload: destination.id } : { ip: '203.0.113.1' },
      protocol: 'TCP',
      port: i % 3 === 0 ? 8080 : 443,
    }
  })
}

/** Of the fastest of three rounds: what else runs on the machine only takes away. */
const best = (run: () => void): number => Math.min(...[1, 2, 3].map(() => seconds(run)))

const recorded = (query: FlowQuery, at: number): RecordedFlow => ({
  query,
  source: `s${at % 100}`,
  destination: `d${at % 100}`,
  connections: 1,
  first: at as EpochMs, // any time will do
  last: at as EpochMs, // as above
  attack: false,
})

/** One pod in turn gets a label more or less, and its node's rules follow; the 99th percentile in milliseconds. */
function changeP99(
  { workloads }: BenchCluster,
  model: Model,
  compiler: ReturnType<typeof createTableCompiler>,
): number {
  const durations = workloads.slice(0, 1000).map(workload => {
    const changed = { ...workload, labels: { ...workload.labels, app: 'app-3', canary: 'yes' } }
    const set = () => compiler.update(model.update({ workloads: { set: [changed] } }))
    const back = () => compiler.update(model.update({ workloads: { set: [workload] } }))
    return (seconds(set) + seconds(back)) * 500
  })
  return durations.toSorted((a, b) => a - b)[Math.floor(durations.length * 0.99)] ?? 0
}

function measure(size: BenchSize): Measured {
  const cluster = benchCluster(size)
  const node = { name: nodeOf(0), addresses: ['192.168.0.0'] }
  const before = heap()
  let model = cluster.build()
  let compiler = createTableCompiler(model, node)
  const megabytes = heap() - before
  const indexSeconds = seconds(() => {
    model = cluster.build()
    compiler = createTableCompiler(model, node)
  })
  const asked = queries(cluster, 200_000)
  const flows = asked.map(recorded)
  const decide = best(() => {
    for (const query of asked) model.decide(query)
  })
  const after = cluster.build()
  after.update({ policies: { removed: cluster.policies.slice(0, 10).map(({ id }) => id) } })
  const replay = best(() => simulate({ flows, before: model, after }))
  const to = { kind: 'workloads', podSelector: { matchLabels: { tier: 'back' } } } as const
  const proveSeconds = seconds(() => {
    const proof = prove(model, { kind: 'reach', from: { kind: 'outside' }, to })
    if (proof.kind !== 'reach' || proof.found) throw new TypeError('the outside reaches what it must not')
  })
  const changeP99Ms = changeP99(cluster, model, compiler)
  return {
    indexSeconds,
    megabytes,
    changeP99Ms,
    decidesPerSecond: asked.length / decide,
    flowsPerSecond: flows.length / replay,
    proveSeconds,
  }
}

type Bar = readonly [measure: string, unit: string, sign: '≥' | '≤', bar: number]

const BARS = {
  indexSeconds: ['cold index and compile of a node', 's', '≤', 2],
  megabytes: ['memory of model and table', 'MB', '≤', 400],
  changeP99Ms: ['one pod change, p99', 'ms', '≤', 1],
  decidesPerSecond: ['decide', 'flows/s', '≥', 1_000_000],
  flowsPerSecond: ['simulate', 'flows/s', '≥', 500_000],
  proveSeconds: ['prove that the outside does not reach half of all pods', 's', '≤', 5],
} as const satisfies Record<keyof Measured, Bar>

const KEYS = Object.keys(BARS) as readonly (keyof Measured)[]

const rowsOf = (measured: Measured): Row[] =>
  KEYS.map(key => {
    const [name, unit, sign, bar] = BARS[key]
    return barred({ suite: 'policy/engine', measure: name, value: measured[key], unit }, sign, bar)
  })

/** How each figure grew when pods and policies grew tenfold; without bars. */
const growthRows = (small: Measured, large: Measured): Row[] =>
  KEYS.flatMap(key => {
    const [name, unit] = BARS[key]
    const suite = 'policy/engine-large'
    const growth = large[key] / small[key]
    return [
      { suite, measure: name, value: large[key], unit },
      { suite, measure: `${name}: growth`, value: growth, unit: 'times' },
    ]
  })

/** The engine alone, on one core: 10,000 pods and 1,000 policies. */
export const policy = {
  name: 'policy/engine',
  run(progress: (line: string) => void): Promise<readonly Row[]> {
    progress('10,000 pods, 1,000 policies')
    const small = measure(SMALL)
    if (process.env.SEKISHO_BENCH_LARGE !== '1') {
      progress('100,000 pods and 10,000 policies: left out; SEKISHO_BENCH_LARGE=1 measures them too')
      return Promise.resolve(rowsOf(small))
    }
    progress('100,000 pods, 10,000 policies')
    return Promise.resolve([...rowsOf(small), ...growthRows(small, measure(LARGE))])
  },
}
