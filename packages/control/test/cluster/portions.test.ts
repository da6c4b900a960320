import type { PolicyId, WorkloadId } from '@sekisho/core'
import { NAMESPACES, NETWORK_POLICIES, PODS } from '@sekisho/kube'
import { createModel, type PolicyDocument } from '@sekisho/policy'
import { openStore } from '@sekisho/store'
import { expect, test, vi } from 'vitest'
import { InventoryMirror, type InventoryMirrorOptions } from '../../src/cluster/inventory-mirror.ts'
import { PolicyMirror } from '../../src/cluster/policy-mirror.ts'
import { openState } from '../../src/lifecycle/state.ts'
import { listed, object } from './listed.ts'
import { workload } from './workloads.ts'

const PODS_HERE = 1_201
const POLICIES_HERE = 250

const names = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`)
const pod = (name: string) =>
  object('shop', name, { spec: { nodeName: 'a' }, status: { phase: 'Running', podIP: '10.0.0.1' } })

interface Portion {
  readonly set: number
  readonly removed: readonly WorkloadId[]
  readonly namespaces: number | undefined
}

/** Runs until everything was written. @returns what was written, portion by portion, and whether that was all. */
async function mirrored(fails: (portion: number) => boolean, troubles: string[]) {
  using store = openStore({ path: ':memory:', clock: { now: () => Date.now() as never, monotonic: () => 0 } })
  store.records.mirror({ set: [workload('shop/left', ['10.0.0.2'])], removed: [] })
  const portions: (Portion & { readonly wasWhole: boolean })[] = []
  const records: InventoryMirrorOptions['records'] = {
    mirror({ set, removed, namespaces }) {
      if (fails(portions.length)) throw new Error('the disk is full')
      portions.push({ set: set.length, removed, namespaces: namespaces?.length, wasWhole: mirror.isWhole })
      return store.records.mirror({ set, removed, ...(namespaces && { namespaces }) })
    },
  }
  const state = openState(store.state)
  const watch = listed(
    [
      [PODS, names(PODS_HERE).map(pod)],
      [NAMESPACES, [object('', 'shop')]],
    ],
    troubles,
  )
  const mirror = new InventoryMirror({ watch, records, state, onWord: () => undefined })
  const stop = new AbortController()
  const running = mirror.run(stop.signal)
  await vi.waitFor(() => expect(mirror.isWhole).toBe(true))
  stop.abort()
  await running
  return { portions, workloads: state.model.workloads.size }
}

test('pods of a large cluster are written in portions, those that are gone first, and all of them', async () => {
  const troubles: string[] = []
  const { portions, workloads } = await mirrored(() => false, troubles)
  const left = ['pod:shop/left']
  expect(portions).toEqual([
    { set: 499, removed: left, namespaces: 1, wasWhole: false },
    { set: 500, removed: [], namespaces: undefined, wasWhole: false },
    { set: 202, removed: [], namespaces: undefined, wasWhole: false },
  ])
  expect({ workloads, troubles }).toEqual({ workloads: PODS_HERE, troubles: [] })
})

test('a portion that could not be written is tried again, and the others with it', async () => {
  const troubles: string[] = []
  let failures = 0
  const { portions, workloads } = await mirrored(portion => portion === 1 && failures++ === 0, troubles)
  expect(portions.map(({ set }) => set)).toEqual([499, 500, 202])
  expect({ workloads, troubles }).toEqual({
    workloads: PODS_HERE,
    troubles: ['the inventory of the cluster could not be written'],
  })
})

test('policies of a large cluster come into force in portions', async () => {
  const portions: (readonly [number, boolean])[] = []
  const model = createModel()
  const watch = listed([
    [
      NETWORK_POLICIES,
      names(POLICIES_HERE).map(name => object('shop', name, { spec: { podSelector: {}, ingress: [] } })),
    ],
  ])
  const lifecycle = {
    mirror(set: readonly PolicyDocument[], removed: readonly PolicyId[]) {
      portions.push([set.length + removed.length, mirror.isWhole])
      model.update({ policies: { set: [...set], removed: [...removed] } })
      return {} as never // nothing of it is read
    },
  }
  const policies = { list: () => [] }
  const mirror = new PolicyMirror({ watch, types: [NETWORK_POLICIES], policies, lifecycle })
  const stop = new AbortController()
  const running = mirror.run(stop.signal)
  await vi.waitFor(() => expect(mirror.isWhole).toBe(true))
  stop.abort()
  await running
  expect(portions).toEqual([
    [100, false],
    [100, false],
    [50, false],
  ])
  expect(model.policies.size).toBe(POLICIES_HERE)
})
