import type { AgentStatus, EpochMs, NodeName } from '@sekisho/core'
import { KubeError } from '@sekisho/kube'
import { expect, test } from 'vitest'
import { Departed } from '../../src/cluster/departed.ts'
import { Rounds } from './rounds.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

interface World {
  /** Nodes that the cluster has. */
  readonly cluster?: readonly string[]
  readonly leads?: boolean
  /** Agent that speaks while the cluster is asked. */
  readonly speaks?: string
  readonly isAway?: boolean
}

/** Agents with the time for which nothing was heard of them; the first look is taken at once. */
function setUp(silent: Readonly<Record<string, number>>, world: World = {}) {
  const { cluster = [], leads = true, speaks, isAway = false } = world
  const rounds = new Rounds()
  rounds.answer = ({ path }) => {
    const name = path.split('/').at(-1) ?? ''
    if (isAway) throw new Error('away')
    if (name === speaks) heard.set(name, rounds.watch.timers.now())
    if (cluster.includes(name)) return { metadata: { name, resourceVersion: '1' } }
    throw new KubeError({ status: 404, reason: 'NotFound', message: 'no such node' })
  }
  const start = rounds.watch.timers.now()
  const heard = new Map(Object.entries(silent).map(([name, ms]) => [name, (start - ms) as EpochMs]))
  const departed: string[] = []
  const agents = {
    list: () =>
      [...heard].map(([name, lastSeen]) => ({
        node: name as NodeName,
        publicKey: '',
        certificateSerial: '',
        joinedAt: 0 as EpochMs,
        lastSeen,
        status: { inCluster: !name.startsWith('vm') } as AgentStatus,
      })),
  }
  const part = new Departed({
    watch: rounds.watch,
    agents,
    leads: () => leads,
    onDeparted(node) {
      departed.push(node)
      heard.delete(node)
    },
  })
  return Object.assign(rounds.begin(part), { departed })
}

test('an agent that was away for an hour goes with its node, and no other does', async () => {
  const silent = {
    gone: HOUR_MS + 1,
    down: HOUR_MS + 1,
    lately: HOUR_MS - 2 * MINUTE_MS,
    'vm-1': 9 * HOUR_MS,
  }
  await using cluster = setUp(silent, { cluster: ['down'] })
  await cluster.round(MINUTE_MS)
  expect(cluster.departed).toEqual(['gone'])
  await cluster.round(2 * MINUTE_MS)
  expect(cluster.departed).toEqual(['gone', 'lately'])
  expect(cluster.calls.some(({ path }) => path.endsWith('/vm-1'))).toBe(false)
})

test('one that spoke meanwhile stays', async () => {
  await using cluster = setUp({ back: 2 * HOUR_MS }, { speaks: 'back' })
  await cluster.round(MINUTE_MS)
  expect(cluster.departed).toEqual([])
})

test('nothing is forgotten where the cluster does not answer, or another server leads', async () => {
  await using other = setUp({ gone: 2 * HOUR_MS }, { leads: false })
  await other.round(MINUTE_MS)
  expect([other.calls, other.departed]).toEqual([[], []])
  await using silent = setUp({ gone: 2 * HOUR_MS }, { isAway: true })
  await silent.round(MINUTE_MS)
  expect(silent.departed).toEqual([])
  expect(silent.troubles).toContainEqual([expect.stringContaining('nodes that are gone'), true])
})

test('many are asked about in turns, also where the first are only down', async () => {
  const names = Array.from({ length: 150 }, (_, at) => `n${String(at).padStart(3, '0')}`)
  await using cluster = setUp(Object.fromEntries(names.map(name => [name, 2 * HOUR_MS])), {
    cluster: names.slice(0, 149),
  })
  await cluster.round(MINUTE_MS)
  await cluster.round(MINUTE_MS)
  expect(cluster.departed).toEqual(['n149'])
  expect(cluster.calls.length).toBeLessThanOrEqual(300)
})
