import { createNetns, deleteNetns } from '@sekisho/linux'
import { LOCAL } from './dataplane-cluster.ts'
import { type LoadedNode, loadNode, percentile } from './dataplane-node.ts'
import { barred, type Row } from './report.ts'

const CHANGES = 1_000
const LABEL_P99_MS = 10

/** From a label change in the model to the kernel's commit, one after the other, on remote and local workloads. */
async function labelChanges({ model, compiler, dataplane }: LoadedNode): Promise<number[]> {
  const all = [...model.workloads.values()]
  const times: number[] = []
  for (let index = 0; index < CHANGES; index++) {
    // Every fourth is of this node, so that chains move too; each goes to another app and back.
    const at = index % 4 === 0 ? 2 + ((index >> 3) % (LOCAL - 2)) : LOCAL + ((index * 7) % (all.length - LOCAL))
    const workload = all[at]
    if (!workload) throw new RangeError(`no workload ${at}`)
    const now = model.workloads.get(workload.id) ?? workload
    const moved = now === workload ? { ...workload, labels: { ...workload.labels, app: 'app-3' } } : workload
    const start = performance.now()
    await dataplane.update(compiler.table, compiler.update(model.update({ workloads: { set: [moved] } })))
    times.push(performance.now() - start)
  }
  return times
}

export async function dataplaneChanges(size: number): Promise<Row[]> {
  const netns = `bench${process.pid}-changes`
  createNetns(netns)[Symbol.dispose]()
  try {
    await using node = await loadNode(netns, size, [])
    const times = await labelChanges(node)
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
