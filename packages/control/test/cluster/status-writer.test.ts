import type { EpochMs, PolicyId } from '@sekisho/core'
import { type KubeCall, type KubeClient, SECURITY_POLICIES } from '@sekisho/kube'
import { createModel } from '@sekisho/policy'
import { expect, test, vi } from 'vitest'
import type { ClusterPolicy } from '../../src/cluster/policy-mirror.ts'
import { StatusWriter } from '../../src/cluster/status-writer.ts'
import { createWatch } from '../../src/cluster/watch.ts'

const ID = 'SecurityPolicy/shop/web' as PolicyId
const ROUND_MS = 5_000

/** A writer for one policy, whose rounds begin when the test says so. */
function setUp(world: { leads: boolean; denied: number; error?: Error } = { leads: true, denied: 1 }) {
  let now = Date.parse('2026-05-01T12:00:00Z')
  let wake: (() => void) | undefined
  const calls: KubeCall[] = []
  const troubles: (readonly [string, boolean])[] = []
  const client: KubeClient = {
    async call(call) {
      calls.push(call)
      if (world.error) throw world.error
      return { metadata: { name: 'web', resourceVersion: '2' } }
    },
    stream: () => {
      throw new Error('nothing is watched here')
    },
    [Symbol.dispose]: () => undefined,
  }
  const clock = { now: () => now as EpochMs, monotonic: () => now }
  const after = (_: number, run: () => void) => {
    wake = run
    return { [Symbol.dispose]: () => undefined }
  }
  const policy: ClusterPolicy = {
    id: ID,
    type: SECURITY_POLICIES,
    object: { name: 'web', namespace: 'shop', uid: 'u-1', generation: 1, status: undefined },
    document: undefined,
    problems: [],
  }
  const writer = new StatusWriter({
    watch: createWatch({
      client,
      timers: { ...clock, after },
      random: () => 0,
      onTrouble: (what, error) => troubles.push([what, error !== undefined]),
    }),
    types: [SECURITY_POLICIES],
    mirror: { current: new Map([[ID, policy]]) },
    state: { model: createModel() },
    store: {
      agents: { list: () => [] },
      policies: { list: () => [] },
      records: { byPolicy: () => new Map([[ID, { denied: world.denied, audited: 0 }]]) },
    } as unknown as ConstructorParameters<typeof StatusWriter>[0]['store'], // what it asks of the store
    leads: () => world.leads,
  })
  const stop = new AbortController()
  const done = writer.run(stop.signal)
  return {
    calls,
    troubles,
    world,
    async round() {
      await vi.waitFor(() => expect(wake).toBeDefined())
      now += ROUND_MS
      const run = wake
      wake = undefined
      run?.()
      await vi.waitFor(() => expect(wake).toBeDefined())
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      wake?.()
      await done
    },
  }
}

test('a status is told once, and a count that moves once a minute', async () => {
  await using writer = setUp()
  await writer.round()
  await writer.round()
  expect(writer.calls).toHaveLength(1)
  expect(writer.calls[0]).toMatchObject({
    method: 'PATCH',
    path: '/apis/sekisho.dev/v1alpha1/namespaces/shop/securitypolicies/web/status',
    body: { status: { deniedLastHour: 1, observedGeneration: 1 } },
  })
  for (let count = 2; count < 10; count++) {
    writer.world.denied = count
    await writer.round()
  }
  expect(writer.calls).toHaveLength(1)
  for (let rounds = 0; rounds < 4; rounds++) await writer.round()
  expect(writer.calls).toHaveLength(2)
  expect(writer.calls[1]).toMatchObject({ body: { status: { deniedLastHour: 9 } } })
})

test('who does not lead tells nothing, and then everything', async () => {
  await using writer = setUp()
  writer.world.leads = false
  await writer.round()
  const before = writer.calls.length
  await writer.round()
  expect(writer.calls).toHaveLength(before)
  writer.world.leads = true
  await writer.round()
  expect(writer.calls).toHaveLength(before + 1)
})

test('what could not be written is said, and tried again', async () => {
  await using writer = setUp({ leads: true, denied: 1, error: new Error('away') })
  await writer.round()
  const tries = writer.calls.length
  await writer.round()
  expect(writer.calls).toHaveLength(tries + 1)
  const what = `the status of ${ID} could not be written`
  expect(writer.troubles).toContainEqual([what, true])
  delete writer.world.error
  await writer.round()
  expect(writer.troubles).toContainEqual([what, false])
})
