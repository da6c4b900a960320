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
