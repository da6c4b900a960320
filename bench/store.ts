import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Batch,
  type EpochMs,
  type FilterTerm,
  type Flow,
  LIMITS,
  type NodeName,
  type Workload,
  workloadId,
} from '@sekisho/core'
import { openStore, type Store } from '@sekisho/store'
import type { Suite } from './report.ts'
import { barred, type Row } from './report.ts'

const WORKLOADS = 2_000
/** Edges that talk in every minute: what a map of 2,000 workloads shows. */
const EDGES = 6_000
const BATCHES = 60
const MINUTE = 60_000
const START = 1_767_225_600_000
/** Measured again and again; the middle one counts. */
const REPEATS = 9

const NODE = 'bench' as NodeName
const workloads: readonly Workload[] = Array.from({ length: WORKLOADS }, (_, i) => ({
  id: workloadId('pod', `ns-${i % 40}`, `app-${i}`),
  kind: 'pod',
  namespace: `ns-${i % 40}`,
  name: `app-${i}`,
  owner: { kind: 'Deployment', name: `app-${i}` },
  labels: { app: `app-${i}`, tier: `t${i % 7}` },
  node: NODE,
  addresses: [`10.1.${i >> 8}.${i & 255}`],
  hostNetwork: false,
  ports: [],
  state: 'running',
}))
const endOf = (index: number) => {
  const workload = workloads[index % WORKLOADS]
  return workload ? { workload: workload.id, ip: workload.addresses[0] ?? '' } : { ip: '192.0.2.1' }
}

/** Each batch is a full one: the edges of more than three minutes. */
function flowsOf(batch: number): readonly Flow[] {
  return Array.from({ length: LIMITS.flowsPerBatch.value }, (_, i) => {
    const edge = i % EDGES
    const time = (START + (batch * 4 + Math.floor(i / EDGES)) * MINUTE) as EpochMs
    return {
      source: endOf(edge),
      destination: endOf(edge * 7 + 13),
      protocol: 'TCP',
      port: 1000 + (edge % 9),
      outcome: edge % 100 === 0 ? 'denied' : 'allowed',
      why: edge % 100 === 0 ? 'isolated' : 'rule-allow',
      connections: 1,
      packets: 10,
      bytesToDestination: 1000,
      bytesToSource: 2000,
      first: time,
      last: time,
    }
  })
}

const batchOf = (sequence: number, part: Partial<Batch>): Batch => ({
  node: NODE,
  epoch: 'e',
  sequence,
  flows: [],
  events: [],
  ...part,
})

function measure(work: () => void): { wall: number; cpu: number } {
  const cpu = process.cpuUsage()
  const wall = performance.now()
  work()
  const { user, system } = process.cpuUsage(cpu)
  return { wall: performance.now() - wall, cpu: (user + system) / 1000 }
}

const median = (work: () => void): number => {
  const times = Array.from({ length: REPEATS }, () => measure(work).wall)
  return times.sort((a, b) => a - b)[Math.floor(REPEATS / 2)] ?? Number.NaN
}

function ingest(store: Store): Row[] {
  store.records.ingest(batchOf(1, { workloads }))
  let wall = 0
  let cpu = 0
  for (let batch = 0; batch < BATCHES; batch++) {
    const full = batchOf(batch + 2, { flows: flowsOf(batch) })
    const took = measure(() => store.records.ingest(full))
    wall += took.wall
    cpu += took.cpu
  }
  const rows = BATCHES * LIMITS.flowsPerBatch.value
  const of = (ms: number) => Math.round((rows / ms) * 1000)
  return [
    barred(
      {
        suite: 'store/ingest',
        measure: `${rows} flow rows, each batch on disk`,
        value: of(wall),
        unit: 'rows/s',
      },
      '≥',
      50_000,
    ),
    { suite: 'store/ingest', measure: 'flow rows per second of CPU', value: of(cpu), unit: 'rows/s' },
  ]
}

/** What a server does in the background: sums of ten minutes and hours that are over. */
function rollUp(store: Store): Row[] {
  const times: number[] = []
  for (let step = store.rollups.step(); !step.done; step = store.rollups.step()) times.push(step.ms)
  const row = (measured: string, value: number): Row => ({
    suite: 'store/rollups',
    measure: measured,
    value,
    unit: 'ms',
  })
  return [
    row(
      `sums of ${BATCHES * 4} minutes of ${EDGES} edges`,
      times.reduce((a, b) => a + b, 0),
    ),
    row('longest step', Math.max(...times)),
  ]
}

const denied: readonly FilterTerm[] = [{ key: 'verdict', value: 'denied', not: false }]
const source: readonly FilterTerm[] = [{ key: 'src', value: 'ns-7/app-7', not: false }]

function queries({ records }: Store): Row[] {
  const end = START + BATCHES * 4 * MINUTE
  const hour = { since: (end - 60 * MINUTE) as EpochMs, until: end as EpochMs }
  const all = { since: START as EpochMs, until: end as EpochMs }
  const count = (edges: Iterable<unknown>) => {
    let edge = 0
    for (const _ of edges) edge++
    return edge
  }
  const row = (measured: string, work: () => void): Row => ({
    suite: 'store/query',
    measure: measured,
    value: median(work),
    unit: 'ms',
  })
  return [
    row(`all ${EDGES} edges of an hour`, () => count(records.edges(hour))),
    row(`all ${EDGES} edges of ${BATCHES * 4} minutes`, () => count(records.edges(all))),
    row('first page of all flows', () => records.flows({ window: all, limit: 100 })),
    row('first page of denied flows', () => records.flows({ window: all, limit: 100, filter: denied })),
    row('first page of one workload’s flows', () =>
      records.flows({ window: all, limit: 100, filter: source }),
    ),
    row('denied and audited by policy, an hour', () => records.byPolicy(hour)),
    row('search for scans, an hour', () => records.fruitless(hour, { ports: 8, addresses: 32 })),
  ]
}

function retention(store: Store): Row[] {
  const times: number[] = []
  let deleted = 0
  for (;;) {
    const step = store.retention.step({ maxAgeMs: 0, maxBytes: Number.MAX_SAFE_INTEGER })
    if (step.done) break
    times.push(step.ms)
    deleted += step.flows
  }
  const sum = times.reduce((a, b) => a + b, 0)
  return [
    {
      suite: 'store/retention',
      measure: 'flow rows deleted',
      value: Math.round((deleted / sum) * 1000),
      unit: 'rows/s',
    },
    { suite: 'store/retention', measure: 'longest step', value: Math.max(...times), unit: 'ms' },
  ]
}

/** A file of its own, so that reaching the disk is part of what is measured. */
export const store: Suite = {
  name: 'store',
  run(progress) {
    const directory = mkdtempSync(join(tmpdir(), 'sekisho-bench-'))
    const clock = {
      now: () => (START + BATCHES * 4 * MINUTE) as EpochMs,
      monotonic: () => performance.now(),
    }
    try {
      using opened = openStore({ path: join(directory, 'sekisho.db'), clock })
      progress('ingest')
      const stored = ingest(opened)
      const bytes = opened.retention.size().bytes / (BATCHES * LIMITS.flowsPerBatch.value)
      progress('rollups')
      const rolled = rollUp(opened)
      progress('queries')
      const asked = queries(opened)
      progress('retention')
      const size = { suite: 'store/ingest', measure: 'disk per edge and minute', value: bytes, unit: 'bytes' }
      return Promise.resolve([...stored, size, ...rolled, ...asked, ...retention(opened)])
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  },
}
