import type { Clock, EpochMs } from '@sekisho/core'
import { type Dataplane, openDataplane } from '@sekisho/dataplane'
import { openNftables } from '@sekisho/linux'
import { createModel, createTableCompiler, type Model, type TableCompiler } from '@sekisho/policy'
import { type LocalPod, NODE, namespaces, policies, workloads } from './dataplane-cluster.ts'

export const clock: Clock = { now: () => Date.now() as EpochMs, monotonic: () => performance.now() }

/** Model, compiler and data plane of one node in the large cluster. */
export interface LoadedNode extends AsyncDisposable {
  readonly model: Model
  readonly compiler: TableCompiler
  readonly dataplane: Dataplane
  /** Milliseconds of the first transaction, from nothing to everything. */
  readonly coldStartMs: number
}

/** @param pods the real ones: client and server. */
export async function loadNode(netns: string, size: number, pods: readonly LocalPod[]): Promise<LoadedNode> {
  const model = createModel()
  model.update({
    namespaces: { set: namespaces() },
    workloads: { set: workloads(pods) },
    policies: { set: policies(size) },
  })
  const compiler = createTableCompiler(model, { name: NODE, addresses: [] })
  const nft = openNftables({ netns })
  const onError = (error: unknown) => console.error('refused by the kernel:', error)
  const dataplane = openDataplane({ nft, clock, onError })
  const start = performance.now()
  await dataplane.sync(compiler.table)
  const coldStartMs = performance.now() - start
  return { model, compiler, dataplane, coldStartMs, [Symbol.asyncDispose]: () => nft[Symbol.asyncDispose]() }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
export const median = (values: readonly number[]): number => percentile(values, 0.5)
