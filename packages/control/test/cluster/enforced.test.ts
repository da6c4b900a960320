import type { Workload, WorkloadId } from '@sekisho/core'
import { type KubeObject, readObject } from '@sekisho/kube'
import { createModel } from '@sekisho/policy'
import { expect, test } from 'vitest'
import { type Enforced, enforcedOf, type PodFacts, toldTo } from '../../src/cluster/enforced.ts'
import { EnforcedWriter } from '../../src/cluster/enforced-writer.ts'
import type { LiveState } from '../../src/lifecycle/state.ts'
import { pod } from '../insight/world.ts'
import { Rounds } from './rounds.ts'

const WEB = pod('web')
const facts = (changes: Partial<PodFacts>): PodFacts => ({
  workload: WEB,
  revision: 7,
  agent: { revision: 7 },
  wasEnforced: false,
  isLate: false,
  ...changes,
})

test.each<[string, Partial<PodFacts>, Enforced['reason'] | undefined]>([
  ['its node has it', {}, 'Programmed'],
  ['its node has more', { agent: { revision: 9 } }, 'Programmed'],
  ['its node has less', { agent: { revision: 6 } }, undefined],
  ['its node has less, for long', { agent: { revision: 6 }, isLate: true }, 'AgentBehind'],
  ['it is not in force yet', { revision: undefined }, undefined],
  ['its node has no agent', { agent: undefined }, undefined],
  ['its node has no agent, for long', { agent: undefined, isLate: true }, 'NoAgent'],
  ['its agent went', { agent: undefined, isLate: true, wasEnforced: true }, 'Programmed'],
  ['it is switched off', { workload: { ...WEB, protection: 'off' }, wasEnforced: true }, 'SwitchedOff'],
  ['it is the node', { workload: { ...WEB, hostNetwork: true } }, 'HostNetwork'],
])('%s', (_, changes, reason) => expect(enforcedOf(facts(changes))?.reason).toBe(reason))

const NOW = '2026-05-01T12:00:00Z'

/** A pod as the cluster has it. */
function object(changes: { uid?: string; told?: Enforced['reason']; created?: string } = {}): KubeObject {
  const { uid = 'u-1', told, created = '2026-05-01T13:00:00Z' } = changes
  const conditions = told ? [{ type: 'Ready' }, { type: 'sekisho.dev/Enforced', reason: told }] : []
  const read = readObject({
    metadata: { name: 'web-1', namespace: 'shop', uid, resourceVersion: '1', creationTimestamp: created },
    spec: { nodeName: 'node-1' },
    status: { podIPs: [{ ip: '10.0.0.1' }], conditions },
  })
  if (!read) throw new Error('no object')
  return read
}

test('what a pod was told is read back, and words of others are not', () => {
  expect(toldTo(object({ told: 'SwitchedOff' }))).toMatchObject({ status: 'False', reason: 'SwitchedOff' })
  expect(toldTo(object())).toBeUndefined()
  expect(toldTo(object({ told: 'Nonsense' as 'NoAgent' }))).toBeUndefined()
})

function setUp() {
  const rounds = new Rounds()
  const model = createModel()
  const world = { revision: 6, agent: 6, history: 'h', leads: true }
  const seconds: number[] = []
  let changed: Parameters<LiveState['onChange']>[0] = () => undefined
  const writer = new EnforcedWriter({
    watch: rounds.watch,
    state: {
      model,
      get revision() {
        return world.revision
      },
      onChange(listener) {
        changed = listener
      },
    },
    store: {
      agents: {
        get: node =>
          ({ node, status: { history: world.history, revision: world.agent } }) as ReturnType<
            ConstructorParameters<typeof EnforcedWriter>[0]['store']['agents']['get']
          >, // all that is asked of an agent
      },
    },
    history: 'h',
    leads: () => world.leads,
    onEnforced: took => void seconds.push(took),
  })
  const apply = (workload: Workload) => {
    model.update({ workloads: { set: [workload] } })
    changed({ kind: 'delta', revision: ++world.revision, workloads: { set: [workload] } })
  }
  return Object.assign(rounds.begin(writer), { writer, world, seconds, apply })
}
const ID = WEB.id as WorkloadId

test('a pod is told once, when its node has what the server has of it', async () => {
  await using it = setUp()
  it.writer.seen(ID, object())
  await it.round(1_000)
  // Not in force yet, though the agent has everything so far.
  expect(it.calls).toEqual([])
  it.apply(WEB)
  await it.round(1_000)
  expect(it.calls).toEqual([])
  it.world.agent = 7
  await it.round(1_000)
  expect(it.calls).toMatchObject([
    {
      method: 'PATCH',
      path: '/api/v1/namespaces/shop/pods/web-1/status',
      body: {
        metadata: { uid: 'u-1' },
        status: {
          conditions: [
            {
              type: 'sekisho.dev/Enforced',
              status: 'True',
              reason: 'Programmed',
              lastTransitionTime: NOW.replace('00Z', '03Z'),
            },
          ],
        },
      },
    },
  ])
  expect(it.seconds).toEqual([3])
  it.writer.seen(ID, object({ told: 'Programmed' }))
  it.world.agent = 0
  it.apply({ ...WEB, labels: { other: 'one' } })
  await it.round(60_000)
  expect(it.calls).toHaveLength(1)
})

test('numbers of an agent of another run mean nothing, and who waits for long is told why', async () => {
  await using it = setUp()
  it.world.history = 'other'
  it.world.agent = 1_000
  it.writer.seen(ID, object())
  it.apply(WEB)
  await it.round(1_000)
  expect(it.calls).toEqual([])
  await it.round(15_000)
  await it.round(1_000)
  expect(it.calls.map(({ body }) => JSON.stringify(body))).toEqual([
    expect.stringContaining('"AgentBehind"') as unknown,
  ])
})

test('another pod of the same name is another, and one that was there before is not measured', async () => {
  await using it = setUp()
  it.world.agent = 9
  it.writer.seen(ID, object({ created: '2026-05-01T11:00:00Z' }))
  it.apply(WEB)
  await it.round(1_000)
  it.writer.seen(ID, object({ uid: 'u-2' }))
  await it.round(1_000)
  expect(it.calls.map(({ body }) => body)).toMatchObject([
    { metadata: { uid: 'u-1' } },
    { metadata: { uid: 'u-2' } },
  ])
  expect(it.seconds).toHaveLength(1)
})

test('a pod whose namespace switches its protection off is told, and told again when it is on', async () => {
  await using it = setUp()
  it.world.agent = 100
  it.writer.seen(ID, object({ told: 'Programmed' }))
  it.apply(WEB)
  await it.round(1_000)
  expect(it.calls).toEqual([])
  it.apply({ ...WEB, protection: 'off' })
  await it.round(1_000)
  it.apply(WEB)
  await it.round(1_000)
  const reasons = it.calls.map(
    ({ body }) => /"reason":"(?<word>\w+)"/.exec(JSON.stringify(body))?.groups?.word,
  )
  expect(reasons).toEqual(['SwitchedOff', 'Programmed'])
})

test('what failed is tried again in the next round; what is gone is not, and only who leads tells', async () => {
  await using it = setUp()
  it.world.agent = 100
  it.world.leads = false
  it.writer.seen(ID, object())
  it.apply(WEB)
  await it.round(1_000)
  expect(it.calls).toEqual([])
  it.world.leads = true
  it.error = new Error('away')
  await it.round(1_000)
  expect(it.calls).toHaveLength(1)
  it.error = undefined
  await it.round(1_000)
  expect(it.calls).toHaveLength(2)
  it.writer.seen(ID, object())
  it.writer.gone(ID)
  await it.round(1_000)
  expect(it.calls).toHaveLength(2)
})
