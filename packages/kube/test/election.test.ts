import { expect, test, vi } from 'vitest'
import { Election, openKubeClient } from '../src/index.ts'
import { openApiServerDouble } from './double/api-server.ts'
import { ManualTimers } from './manual-timers.ts'

test('a leader that cannot renew stops by itself, before its lease is over', async () => {
  await using double = await openApiServerDouble()
  const timers = new ManualTimers()
  const access = { server: double.url, credentials: { kind: 'none' }, namespace: 'default' } as const
  using client = openKubeClient({ access, userAgent: 'test/0', timers })
  const [changes, troubles]: [boolean[], unknown[]] = [[], []]
  const stop = new AbortController()
  const election = new Election({
    client,
    namespace: 'sekisho',
    name: 'leader',
    identity: 'one',
    timers,
    random: () => 0,
    onChange: leads => changes.push(leads),
    onTrouble: error => troubles.push(error),
  })
  const done = election.run(stop.signal)
  await vi.waitFor(() => expect(changes).toEqual([true]))
  const failing = async () => {
    await vi.waitFor(() => expect(timers.next).toBe(2_000))
    double.refuseNext(500)
    const before = troubles.length
    timers.pass(2_000)
    await vi.waitFor(() => expect(troubles.length).toBe(before + 1))
  }
  for (let i = 0; i < 4; i++) await failing()
  expect(election.leads).toBe(true)
  await vi.waitFor(() => expect(timers.next).toBe(2_000))
  double.refuseNext(500)
  timers.pass(2_000)
  // Ten seconds after the last renewal, five before others may begin.
  expect(changes).toEqual([true, false])
  await vi.waitFor(() => expect(troubles).toHaveLength(5))
  timers.pass(2_000)
  await vi.waitFor(() => expect(changes).toEqual([true, false, true]))
  expect(troubles.at(-1)).toBeUndefined()
  stop.abort()
  await done
  expect(changes.at(-1)).toBe(false)
})

test('who stood still does not lead when it goes on, and says that another may have led meanwhile', async () => {
  await using double = await openApiServerDouble()
  const access = { server: double.url, credentials: { kind: 'none' }, namespace: 'default' } as const
  const timers = [new ManualTimers(), new ManualTimers()] as const
  const taken: (readonly [string, boolean])[] = []
  const candidate = (identity: string, own: ManualTimers) => {
    const client = openKubeClient({ access, userAgent: 'test/0', timers: own })
    const election = new Election({
      client,
      namespace: 'sekisho',
      name: 'leader',
      identity,
      timers: own,
      random: () => 0,
      onChange: () => undefined,
      onTaken: (by, overlapped) => taken.push([by, overlapped]),
    })
    const stop = new AbortController()
    const done = election.run(stop.signal)
    return {
      election,
      async [Symbol.asyncDispose]() {
        stop.abort()
        await done
        client[Symbol.dispose]()
      },
    }
  }
  await using first = candidate('first', timers[0])
  await vi.waitFor(() => expect(first.election.leads).toBe(true))
  await using second = candidate('second', timers[1])
  await vi.waitFor(() => expect(second.election.holder).toBe('first'))
  // The first one's clock stands: nobody renews, and it believes that it leads.
  await vi.waitFor(() => {
    timers[1].pass(2_000)
    expect(second.election.leads).toBe(true)
  })
  expect(first.election.leads).toBe(true)
  timers[0].stand(20_000)
  // Before any timer of its own has run.
  expect(first.election.leads).toBe(false)
  timers[0].pass(0)
  await vi.waitFor(() => expect(taken).toEqual([['second', true]]))
  expect(first.election.leads).toBe(false)
})
