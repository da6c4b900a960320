import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  createTableCompiler,
  type FlowQuery,
  type Model,
  prove,
  type RecordedFlow,
  simulate,
} from '@sekisho/policy'
import { type BenchCluster, type BenchSize, benchCluster, broadPolicy, nodeOf } from './policy-cluster.ts'
import { asRead, queries, recordedFlows, strangerFlows, strangerQueries } from './policy-traffic.ts'
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
  readonly podChangeMs: number
  readonly broadChangeMs: number
  readonly decidesPerSecond: number
  readonly decidesPerSecondRead: number
  /** Of pairs that do not come again. */
  readonly decidesPerSecondStrangers: number
  readonly flowsPerSecond: number
  /** Where every policy is another. */
  readonly flowsPerSecondBroad: number
  /** The same, of flows that are all unlike each other. */
  readonly flowsPerSecondStrangers: number
  readonly proveSeconds: number
}

/** Of the fastest of three rounds: what else runs on the machine only takes away. */
const best = (run: () => void): number => Math.min(...[1, 2, 3].map(() => seconds(run)))

/** The 99th percentile, in milliseconds of the clock: what a thread used is told in steps of 4 ms. */
function p99(runs: readonly (() => void)[]): number {
  const durations = runs.map(run => {
    const start = performance.now()
    run()
    return performance.now() - start
  })
  return durations.toSorted((a, b) => a - b)[Math.floor(durations.length * 0.99)] ?? 0
}

/** Of the quietest of three rounds, collections of garbage and all. */
const bestP99 = (runs: readonly (() => void)[]): number => Math.min(...[1, 2, 3].map(() => p99(runs)))

interface Engine {
  readonly model: Model
  readonly compiler: ReturnType<typeof createTableCompiler>
}

/** One pod in turn gets other labels and its own back, and its node's rules follow. */
const podChanges = ({ workloads }: BenchCluster, { model, compiler }: Engine): readonly (() => void)[] =>
  workloads.slice(0, 1000).flatMap(workload => {
    const labels = { ...workload.labels, app: 'app-3', canary: 'yes' }
    return [{ ...workload, labels }, workload].map(
      set => () => compiler.update(model.update({ workloads: { set: [set] } })),
    )
  })

/** A policy about every workload changes, and the rules of a node follow. */
const broadChanges = ({ model, compiler }: Engine): readonly (() => void)[] =>
  Array.from({ length: 100 }, (_, turn) => {
    const set = [broadPolicy(9090 + (turn % 2))]
    return () => compiler.update(model.update({ policies: { set } }))
  })

const QUESTIONS = 200_000
const FLOWS = 1_000_000

const decideRate = (model: Model, asked: readonly FlowQuery[]): number =>
  asked.length /
  best(() => {
    for (const query of asked) model.decide(query)
  })

/** @param removed how many policies are not there after. */
function simulateRate(cluster: BenchCluster, flows: readonly RecordedFlow[], removed: number): number {
  const [before, after] = [cluster.build(), cluster.build()]
  after.update({ policies: { removed: cluster.policies.slice(0, removed).map(({ id }) => id) } })
  return flows.length / best(() => simulate({ flows, before, after }))
}

function proveSeconds(model: Model): number {
  const to = { kind: 'workloads', podSelector: { matchLabels: { tier: 'back' } } } as const
  return seconds(() => {
    const proof = prove(model, { kind: 'reach', from: { kind: 'outside' }, to })
    if (proof.kind !== 'reach' || proof.found) throw new TypeError('the outside reaches what it must not')
  })
}

function open(cluster: BenchCluster): Engine {
  const model = cluster.build()
  return { model, compiler: createTableCompiler(model, { name: nodeOf(0), addresses: ['192.168.0.0'] }) }
}

/** What it costs to have an engine, and the engine. */
function cold(cluster: BenchCluster): Engine & Pick<Measured, 'indexSeconds' | 'megabytes'> {
  const before = heap()
  let engine = open(cluster)
  const megabytes = heap() - before
  const indexSeconds = seconds(() => {
    engine = open(cluster)
  })
  return { ...engine, megabytes, indexSeconds }
}

function measure(size: BenchSize): Measured {
  const cluster = benchCluster(size)
  const { indexSeconds, megabytes, ...engine } = cold(cluster)
  const flows = recordedFlows(cluster, FLOWS)
  return {
    indexSeconds,
    megabytes,
    podChangeMs: bestP99(podChanges(cluster, engine)),
    broadChangeMs: bestP99(broadChanges(engine)),
    decidesPerSecond: decideRate(engine.model, queries(cluster, QUESTIONS)),
    decidesPerSecondRead: decideRate(engine.model, asRead(queries(cluster, QUESTIONS))),
    decidesPerSecondStrangers: decideRate(engine.model, asRead(strangerQueries(cluster, QUESTIONS))),
    flowsPerSecond: simulateRate(cluster, flows, 10),
    flowsPerSecondBroad: simulateRate(cluster, flows, cluster.policies.length),
    flowsPerSecondStrangers: simulateRate(cluster, strangerFlows(cluster, FLOWS), cluster.policies.length),
    proveSeconds: proveSeconds(engine.model),
  }
}

type Bar = readonly [measure: string, unit: string, sign?: '≥' | '≤', bar?: number]

const BARS = {
  indexSeconds: ['cold index and compile of a node', 's', '≤', 2],
  megabytes: ['memory of model and table', 'MB', '≤', 400],
  podChangeMs: ['one pod change, p99', 'ms', '≤', 1],
  broadChangeMs: ['one change of a policy about every pod, p99', 'ms'],
  decidesPerSecond: ['decide', 'flows/s', '≥', 1_000_000],
  decidesPerSecondRead: ['decide, each question with texts of its own', 'flows/s'],
  decidesPerSecondStrangers: ['decide, strangers only, each with texts of its own', 'flows/s'],
  flowsPerSecond: ['simulate ten policies less', 'flows/s', '≥', 500_000],
  flowsPerSecondBroad: ['simulate without any policy', 'flows/s', '≥', 500_000],
  flowsPerSecondStrangers: ['simulate without any policy, strangers only', 'flows/s'],
  proveSeconds: ['prove that the outside does not reach half of all pods', 's', '≤', 5],
} as const satisfies Record<keyof Measured, Bar>

const KEYS = Object.keys(BARS) as readonly (keyof Measured)[]

const rowsOf = (measured: Measured): Row[] =>
  KEYS.map(key => {
    const [name, unit, sign, bar]: Bar = BARS[key]
    const row = { suite: 'policy/engine', measure: name, value: measured[key], unit }
    return sign === undefined || bar === undefined ? row : barred(row, sign, bar)
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
