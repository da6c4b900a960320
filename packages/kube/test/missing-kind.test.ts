import { expect, test, vi } from 'vitest'
import { kubeError } from '../src/client/errors.ts'
import {
  CLUSTER_NETWORK_POLICIES,
  type KubeClient,
  NETWORK_POLICIES,
  Reflector,
  SECURITY_POLICIES,
} from '../src/index.ts'
import type { ResourceType } from '../src/resource.ts'
import { ManualTimers } from './manual-timers.ts'

const MISSING = kubeError(404, '404 page not found')
const item = (name: string) => ({ metadata: { name, resourceVersion: '5' } })

/** An API that answers what the test says: a list of names, or an error. Watches end at once. */
function follow(type: ResourceType, answers: readonly (readonly string[] | Error)[]) {
  const timers = new ManualTimers()
  const [told, troubles]: [unknown[], unknown[]] = [[], []]
  let calls = 0
  const client: KubeClient = {
    async call() {
      const answer = answers[Math.min(calls++, answers.length - 1)]
      if (answer === undefined || answer instanceof Error) throw answer
      return { metadata: { resourceVersion: '9' }, items: answer.map(item) }
    },
    stream: () => {
      throw kubeError(410, { reason: 'Expired' })
    },
    [Symbol.dispose]: () => undefined,
  }
  const stop = new AbortController()
  const reflector = new Reflector({
    client,
    type,
    timers,
    random: () => 0,
    read: ({ name }) => name,
    onChange: ({ set, removed }) => told.push([[...set.keys()], removed]),
    onTrouble: error => troubles.push(error),
  })
  const done = reflector.run(stop.signal)
  return {
    told,
    troubles,
    async round() {
      const before = calls
      await vi.waitFor(() => expect(timers.next).toBeDefined())
      while (calls === before) {
        timers.pass(timers.next ?? 0)
        await new Promise(setImmediate)
      }
      await vi.waitFor(() => expect(timers.next).toBeDefined())
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await done
    },
  }
}

test('a kind that may be missing is believed to be the second time, and that is no trouble', async () => {
  await using following = follow(CLUSTER_NETWORK_POLICIES, [MISSING])
  await vi.waitFor(() => expect(following.troubles).toEqual([]))
  expect(following.told).toEqual([])
  await following.round()
  expect(following.told).toEqual([[[], []]])
  await following.round()
  expect(following.told).toHaveLength(1)
  expect(following.troubles).toEqual([])
})

test('an API server that starts without it takes nothing back', async () => {
  await using following = follow(CLUSTER_NETWORK_POLICIES, [MISSING, ['deny']])
  await following.round()
  expect(following.told).toEqual([[['deny'], []]])
})

test('what is known stays where the kind goes missing, and is said', async () => {
  await using following = follow(CLUSTER_NETWORK_POLICIES, [['deny'], MISSING])
  await following.round()
  await following.round()
  await following.round()
  expect(following.told).toEqual([[['deny'], []]])
  expect(following.troubles).toContain(MISSING)
})

test('it is found when somebody installs it', async () => {
  await using following = follow(CLUSTER_NETWORK_POLICIES, [MISSING, MISSING, ['deny']])
  for (let i = 0; i < 2; i++) await following.round()
  expect(following.told).toEqual([
    [[], []],
    [['deny'], []],
  ])
})

test('a kind that every cluster has is waited for', async () => {
  await using following = follow(NETWORK_POLICIES, [MISSING])
  for (let i = 0; i < 3; i++) await following.round()
  expect(following.told).toEqual([])
  expect(following.troubles).toContain(MISSING)
})

test('where a newer definition serves our version no longer, what is known stays, and is said', async () => {
  await using following = follow(SECURITY_POLICIES, [['deny'], MISSING])
  for (let i = 0; i < 3; i++) await following.round()
  expect(following.told).toEqual([[['deny'], []]])
  expect(following.troubles).toContain(MISSING)
})
