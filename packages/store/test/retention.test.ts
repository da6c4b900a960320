import { describe, expect, test } from 'vitest'
import { openStore, type RetentionLimits, type RetentionStep, type Store } from '../src/index.ts'
import { at, batch, flow, MINUTE, pod, temporary, testClock, workload } from './builders.ts'

const HOUR = 60 * MINUTE
const EVERYTHING = { since: at(-HOUR), until: at(1000 * HOUR) }
const NEVER = Number.MAX_SAFE_INTEGER

/** Steps until nothing is left to do. */
function run(store: Store, limits: RetentionLimits): RetentionStep[] {
  const steps: RetentionStep[] = []
  do steps.push(store.retention.step(limits))
  while (!steps.at(-1)?.done)
  return steps
}
const sum = (
  steps: readonly RetentionStep[],
  of: 'flows' | 'requests' | 'details' | 'events' | 'inventory' | 'freedBytes',
) => steps.reduce((total, step) => total + step[of], 0)

const hourOf = (hour: number, count: number) =>
  Array.from({ length: count }, (_, i) =>
    flow({ port: i, source: { ip: `192.0.2.${hour}` }, first: at(hour * HOUR), last: at(hour * HOUR) }),
  )
const event = (hour: number) => ({ code: 'e', severity: 'info' as const, at: at(hour * HOUR), details: {} })

describe('retention', () => {
  test('by age: old flows and events go, with the edges, ends and workloads only they spoke of', () => {
    const clock = testClock(at(0))
    using store = openStore({ path: ':memory:', clock })
    const asked = flow({
      requests: [{ name: 'select orders', count: 1 }],
      details: [
        { detail: 'user', value: 'ada' },
        { detail: 'database', value: 'shop' },
      ],
    })
    store.records.ingest(
      batch(1, { workloads: [workload('web-1'), workload('db-1')], flows: [asked], events: [event(0)] }),
    )
    clock.time = at(HOUR)
    store.records.ingest(batch(2, { workloads: [workload('db-1')] }))
    clock.time = at(5 * HOUR)
    const late = flow({ ...asked, source: { ip: '192.0.2.9' }, first: at(5 * HOUR), last: at(5 * HOUR) })
    store.records.ingest(batch(3, { flows: [late], events: [event(5)] }))

    const steps = run(store, { maxAgeMs: 3 * HOUR, maxBytes: NEVER })
    const gone = (['flows', 'requests', 'details', 'events'] as const).map(of => sum(steps, of))
    expect(gone).toEqual([1, 1, 2, 1])
    // The edge, its source end, and the version of the workload that is gone; db-1 still runs.
    expect(sum(steps, 'inventory')).toBeGreaterThanOrEqual(3)
    expect([...store.records.edges(EVERYTHING)].map(({ source }) => source.key)).toEqual(['192.0.2.9'])
    expect(store.records.workload(pod('web-1'))).toBeUndefined()
    expect(store.records.workload(pod('db-1'))).toBeDefined()
    // Who knew web-1 cannot be told any more by a delta that it went.
    expect(store.state.since(1)).toBeUndefined()
    expect(store.state.since(store.state.revision())).toBeDefined()
    expect(store.records.ingest(batch(4, { flows: [flow(), late] })).stored).toBe(true)
    expect([...store.records.edges(EVERYTHING)]).toHaveLength(2)
  })

  test('nothing that a kept flow points to is deleted, whatever the hours', () => {
    const clock = testClock(at(0))
    using store = openStore({ path: ':memory:', clock })
    for (let hour = 0; hour < 48; hour++) {
      clock.time = at(hour * HOUR)
      const same = flow({ first: at(hour * HOUR), last: at(hour * HOUR + 7 * MINUTE) })
      clock.time = at(hour * HOUR + 8 * MINUTE)
      store.records.ingest(batch(hour + 1, { flows: [same, ...hourOf(hour, 3)] }))
      run(store, { maxAgeMs: 5 * HOUR, maxBytes: NEVER })
      const edges = [...store.records.edges(EVERYTHING)]
      const flows = store.records.flows({ window: EVERYTHING, limit: 100 }).items
      // Five hours back from 8 minutes past reach five whole hours; what was at their start is just too old.
      expect(flows).toHaveLength(4 * Math.min(hour + 1, 5))
      expect(edges).toHaveLength(1 + 3 * Math.min(hour + 1, 5))
    }
  })

  test('by size: the oldest hours go until it fits, and the file becomes smaller', () => {
    using dir = temporary()
    const clock = testClock(at(0))
    using store = openStore({ path: dir.file, clock })
    for (let hour = 0; hour < 20; hour++) {
      clock.time = at(hour * HOUR)
      store.records.ingest(batch(hour + 1, { flows: hourOf(hour, 500), events: [event(hour)] }))
    }
    const before = store.retention.size()
    const maxBytes = Math.floor(before.bytes / 2)
    const steps = run(store, { maxAgeMs: NEVER, maxBytes })
    const after = store.retention.size()
    expect(after.bytes).toBeLessThanOrEqual(maxBytes)
    expect(after.bytes).toBeGreaterThan(maxBytes / 2)
    expect(sum(steps, 'freedBytes')).toBeGreaterThan(before.bytes / 4)
    expect(after.oldest).toBeGreaterThan(at(5 * HOUR))
    const kept = [...store.records.edges(EVERYTHING)].map(({ first }) => first)
    expect(Math.min(...kept)).toBe(after.oldest)
    expect(kept).toContain(at(19 * HOUR))
  })

  test('a limit that cannot be met deletes all records and ends', () => {
    using store = openStore({ path: ':memory:', clock: testClock(at(HOUR)) })
    store.records.ingest(batch(1, { flows: [flow()], events: [event(0)], workloads: [workload('web-1')] }))
    run(store, { maxAgeMs: NEVER, maxBytes: 1 })
    expect([...store.records.edges(EVERYTHING)]).toEqual([])
    expect(store.records.inventory().workloads).toHaveLength(1)
  })

  test('each step is one short transaction', () => {
    const clock = testClock(at(0))
    using store = openStore({ path: ':memory:', clock })
    store.records.ingest(
      batch(1, { flows: Array.from({ length: 21_000 }, (_, i) => flow({ port: i % 60_000 })) }),
    )
    clock.time = at(10 * HOUR)
    const steps = run(store, { maxAgeMs: HOUR, maxBytes: NEVER })
    expect(steps.filter(step => step.flows > 0).map(step => step.flows)).toEqual([10_000, 10_000, 1_000])
  })
})
