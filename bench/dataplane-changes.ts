import { createNetns, deleteNetns } from '@sekisho/linux'
import { LOCAL, WORKLOADS } from './dataplane-cluster.ts'
import { type LoadedNode, loadNode, percentile } from './dataplane-node.ts'
import { barred, type Row } from './report.ts'

const CHANGES = 2_000
const LOCAL_CHANGES = 200
const LABEL_P99_MS = 10

/** From a label change in the model to the kernel's commit, one after the other; each workload goes away and back. */
async function labelChanges(
  { model, compiler, dataplane }: LoadedNode,
  count: number,
  pick: (index: number) => number,
): Promise<number[]> {
  const all = [...model.workloads.values()]
  const times: number[] = []
  for (let index = 0; index < count; index++) {
    const workload = all[pick(index >> 1)]
    if (!workload) throw new RangeError('no such workload')
    const app = index % 2 === 0 ? 'app-3' : workload.labels.app
    const changed = { ...workload, labels: { ...workload.labels, app: app ?? '' } }
    const start = performance.now()
    await dataplane.update(compiler.table, compiler.update(model.update({ workloads: { set: [changed] } })))
    times.push(performance.now() - start)
  }
  return times
}

export async function dataplaneChanges(size: number): Promise<Row[]> {
  const netns = `bench${process.pid}-changes`
  createNetns(netns)[Symbol.dispose]()
  try {
    await using node = await loadNode(netns, size, [])
    // 2,003 has no factor in common with 5,000: every workload has its turn, those of this node too.
    const times = await labelChanges(node, CHANGES, index => (index * 2_003) % WORKLOADS)
    const local = await labelChanges(node, LOCAL_CHANGES, index => 2 + (index % (LOCAL - 2)))
    const { chains, rules, sets, elements, programErrors } = node.dataplane.stats
    const suite = 'dataplane/changes'
    const row = (measure: string, value: number, unit: string): Row => ({
      suite,
      measure: `${measure}, ${size} policies`,
      value,
      unit,
    })
    return [
      row('label change to kernel p50', percentile(times, 0.5), 'ms'),
      barred(row('label change to kernel p99', percentile(times, 0.99), 'ms'), '≤', LABEL_P99_MS),
      row('of a workload of this node p50', percentile(local, 0.5), 'ms'),
      row('of a workload of this node p99', percentile(local, 0.99), 'ms'),
      row('cold start, one transaction', node.coldStartMs, 'ms'),
      row('refused transactions', programErrors, ''),
      row('chains in the kernel', chains, ''),
      row('rules in the kernel', rules, ''),
      row('sets in the kernel', sets, ''),
      row('set elements in the kernel', elements, ''),
      row('resident memory of the process', process.memoryUsage.rss() / 1e6, 'MB'),
    ]
  } finally {
    deleteNetns(netns)
  }
}
