import type { EpochMs, PolicyId } from '@sekisho/core'
import { RESPONSE_RULES, type ResourceType, SECURITY_POLICIES } from '@sekisho/kube'
import { createModel } from '@sekisho/policy'
import { expect, test } from 'vitest'
import type { ClusterPolicy } from '../../src/cluster/policy-mirror.ts'
import { StatusWriter } from '../../src/cluster/status-writer.ts'
import { Rounds } from './rounds.ts'

const at = (hour: number) => Date.UTC(2026, 4, 1, hour) as EpochMs
const ID = 'SecurityPolicy/shop/web' as PolicyId

/** A writer for one policy. */
function setUp(error?: Error, type: ResourceType = SECURITY_POLICIES) {
  const rounds = new Rounds()
  rounds.error = error
  const world = { leads: true, denied: 1, revision: 1, agent: 1, madeOut: 0 }
  const model = createModel()
  const policy: ClusterPolicy = {
    id: ID,
    type,
    object: {
      name: 'web',
      namespace: type.namespaced ? 'shop' : '',
      uid: 'u-1',
      generation: 1,
      status: undefined,
    },
    document: undefined,
    problems: [],
  }
  const writer = new StatusWriter({
    watch: rounds.watch,
    types: [type],
    mirror: { current: new Map([[ID, policy]]) },
    state: {
      get revision() {
        return world.revision
      },
      model: Object.assign(Object.create(model), {
        selected(id: PolicyId) {
          world.madeOut++
          return model.selected(id)
        },
      }),
    },
    store: {
      agents: { revisions: () => new Map([['a', world.agent]]) },
      policies: { revisions: () => new Map() },
      records: { byPolicy: () => new Map([[ID, { denied: world.denied, audited: 0 }]]) },
    } as unknown as ConstructorParameters<typeof StatusWriter>[0]['store'], // what it asks of the store
    history: 'run',
    responses: () => ({ firedLastDay: 3, active: 1, lastFired: at(12) }),
    leads: () => world.leads,
  })
  return Object.assign(rounds.begin(writer), { world })
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

test('a status is made out where something of it is new, and not in each round', async () => {
  await using writer = setUp()
  await writer.round()
  await writer.round()
  const { world } = writer
  expect(world.madeOut).toBe(1)
  world.revision++
  await writer.round()
  expect(world.madeOut).toBe(2)
  world.agent++
  await writer.round()
  await writer.round()
  expect(world.madeOut).toBe(3)
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
  await using writer = setUp(new Error('away'))
  await writer.round()
  const tries = writer.calls.length
  await writer.round()
  expect(writer.calls).toHaveLength(tries + 1)
  const what = `the status of ${ID} could not be written`
  expect(writer.troubles).toContainEqual([what, true])
  writer.error = undefined
  await writer.round()
  expect(writer.troubles).toContainEqual([what, false])
})

test('a rule of responses is told what it did', async () => {
  await using writer = setUp(undefined, RESPONSE_RULES)
  await writer.round()
  expect(writer.calls[0]).toMatchObject({
    path: '/apis/sekisho.dev/v1alpha1/responserules/web/status',
    body: { status: { firedLastDay: 3, active: 1, lastFired: '2026-05-01T12:00:00Z' } },
  })
})
