import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createNodeStates } from '@sekisho/control'
import type { NodeName, StateDelta, Workload } from '@sekisho/core'
import {
  createModel,
  createTableCompiler,
  type Model,
  type PolicyDocument,
  validatePolicy,
} from '@sekisho/policy'
import { type BenchSize, benchCluster, nodeOf } from './policy-cluster.ts'
import type { Row, Suite } from './report.ts'

const SIZE: BenchSize = { pods: 100_000, policies: 5_000 }
/** The first pods of the first node; its other pods are on a node of their own. */
const OWN = 20
const NODE = 'node-of-20' as NodeName // made here
const READERS = 1_000
const CHANGES = 20
const SUITE = 'control/node-state'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void // what the flag above adds
const megabytes = (): number => {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 1e6
}
/** Time of this thread on its core. */
function milliseconds(run: () => void): number {
  const start = process.threadCpuUsage()
  run()
  const { user, system } = process.threadCpuUsage(start)
  return (user + system) / 1e3
}

/** What an agent keeps of a line: documents as validated, the model, and the table of its node. */
function agentOf(line: string): { readonly megabytes: number; readonly kept: unknown } {
  const before = megabytes()
  const { namespaces, workloads, policies } = JSON.parse(line) as {
    readonly namespaces: readonly { readonly name: string; readonly labels: Record<string, string> }[]
    readonly workloads: readonly Workload[]
    readonly policies: readonly Record<string, unknown>[]
  }
  const model = createModel()
  const documents = policies.flatMap((json): PolicyDocument[] => {
    const read = validatePolicy(json)
    return read.ok ? [read.value] : []
  })
  model.update({
    namespaces: { set: namespaces },
    workloads: { set: workloads },
    policies: { set: documents },
  })
  const compiler = createTableCompiler(model, { name: NODE, addresses: [] })
  return { megabytes: megabytes() - before, kept: [model, compiler] }
}

function serverOf(model: Model) {
  const listeners: ((delta: StateDelta) => void)[] = []
  let revision = 1
  return {
    model,
    get revision() {
      return revision
    },
    onChange: (listener: (delta: StateDelta) => void) => void listeners.push(listener),
    set(workload: Workload) {
      revision++
      model.update({ workloads: { set: [workload] } })
      for (const listener of listeners) listener({ kind: 'delta', revision, workloads: { set: [workload] } })
    },
  }
}

/** What agents are told of a large cluster, and what that costs both sides. */
export const nodeState: Suite = {
  name: SUITE,
  run(progress) {
    const cluster = benchCluster(SIZE)
    const model = cluster.build()
    const placed = cluster.workloads.map((each, i) => (i < OWN ? { ...each, node: NODE } : each))
    model.update({ workloads: { set: placed.slice(0, OWN) } })
    const server = serverOf(model)
    const states = createNodeStates(server)
    progress(`${SIZE.pods} pods, ${SIZE.policies} policies`)

    let cut = ''
    const cutMs = milliseconds(() => {
      cut = states.of(NODE, undefined).next() ?? ''
    })
    const whole = JSON.stringify({
      kind: 'snapshot',
      revision: 1,
      namespaces: [...model.namespaces.values()],
      workloads: placed,
      policies: cluster.policies.map(({ source }) => source),
    })
    progress('lines made')
    const [ofCut, ofWhole] = [agentOf(cut), agentOf(whole)]
    progress('agents made')

    const readers = Array.from({ length: READERS }, (_, i) =>
      states.of(nodeOf((i * 100) % SIZE.pods), states.position),
    )
    let told = 0
    const changesMs = milliseconds(() => {
      for (const workload of placed.slice(-CHANGES)) {
        server.set({ ...workload, labels: { ...workload.labels, version: '2' } })
        for (const reader of readers) told += reader.next()?.length ?? 0
      }
    })
    const row = (measure: string, value: number, unit: string): Row => ({
      suite: SUITE,
      measure,
      value,
      unit,
    })
    return Promise.resolve([
      row('state of a node of 20 pods', cut.length / 1e3, 'kB'),
      row('the same, whole', whole.length / 1e3, 'kB'),
      row('made for an agent that comes', cutMs, 'ms CPU'),
      row('what that agent keeps of it', ofCut.megabytes, 'MB'),
      row('the same, whole', ofWhole.megabytes, 'MB'),
      row('a label of a pod, told to one agent', (changesMs * 1e3) / (CHANGES * READERS), 'µs CPU'),
      row('the same, sent', told / (CHANGES * READERS), 'bytes'),
    ])
  },
}
