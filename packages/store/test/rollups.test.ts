import type { Flow } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openStore, type Store } from '../src/index.ts'
import { cover, type Rolled } from '../src/records/cover.ts'
import { at, batch, flow, MINUTE, START, testClock } from './builders.ts'

const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const NEVER = Number.MAX_SAFE_INTEGER

/** Sums until there is nothing to sum. @returns rows made by each step. */
function roll(store: Store): number[] {
  const rows: number[] = []
  for (let step = store.rollups.step(); !step.done; step = store.rollups.step()) rows.push(step.rows)
  return rows
}

describe('cover', () => {
  const rolled = (
    day: [number, number],
    hour: [number, number],
    ten: [number, number],
  ): readonly Rolled[] => [
    { span: 1440, since: day[0], until: day[1] },
    { span: 60, since: hour[0], until: hour[1] },
    { span: 10, since: ten[0], until: ten[1] },
  ]
  const text = (from: number, to: number, whole: readonly Rolled[]) =>
    cover({ from, to }, whole)
      .map(part => `${part.span}: ${part.from}-${part.to}`)
      .join(', ')

  test.each([
    ['nothing is summed yet', 5, 3_000, rolled([0, 0], [0, 0], [0, 0]), '1: 5-3000'],
    ['minutes at the edges', 5, 25, rolled([0, 0], [0, 0], [0, 30]), '1: 5-10, 10: 10-20, 1: 20-25'],
    [
      'every length',
      1_375,
      2_955,
      rolled([0, 2_880], [0, 2_940], [0, 2_950]),
      '1: 1375-1380, 60: 1380-1440, 1440: 1440-2880, 60: 2880-2940, 10: 2940-2950, 1: 2950-2955',
    ],
    [
      'what retention made less than whole',
      0,
      120,
      rolled([1_440, 1_440], [60, 120], [20, 120]),
      '1: 0-20, 10: 20-60, 60: 60-120',
    ],
    ['an empty window', 7, 7, rolled([0, 1_440], [0, 1_440], [0, 1_440]), ''],
  ] as const)('%s', (_name, from, to, whole, expected) => expect(text(from, to, whole)).toBe(expected))

  test('the parts are the whole, once', () => {
    const bounds = fc.tuple(fc.nat(5), fc.nat(5)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
    fc.assert(
      fc.property(fc.nat(6_000), fc.nat(6_000), bounds, bounds, bounds, (a, b, day, hour, ten) => {
        const whole = [
          { span: 1440, since: day[0] * 1440, until: day[1] * 1440 },
          { span: 60, since: hour[0] * 600, until: hour[1] * 600 },
          { span: 10, since: ten[0] * 1000, until: ten[1] * 1000 },
        ]
        const [from, to] = [Math.min(a, b), Math.max(a, b)]
        let next = from
        for (const part of cover({ from, to }, whole)) {
          expect(part.from).toBe(next)
          expect([part.from % part.span, (part.to - part.from) % part.span]).toEqual([0, 0])
          next = part.to
        }
        expect(next).toBe(to)
      }),
      { numRuns: 300 },
    )
  })
})

/** What happens to a store, in any order. */
type Step =
  | { readonly kind: 'flows'; readonly flows: readonly Flow[] }
  | { readonly kind: 'roll' }
  | { readonly kind: 'wait'; readonly minutes: number }
  | { readonly kind: 'retain'; readonly minutes: number }

const PORTS = [80, 443, 5432]
const flows: fc.Arbitrary<Step> = fc
  .array(fc.record({ port: fc.constantFrom(...PORTS), minute: fc.nat(4_500), connections: fc.nat(9) }), {
    minLength: 1,
    maxLength: 8,
  })
  .map(list => ({
    kind: 'flows',
    flows: list.map(({ port, minute, connections }) => {
      const time = at(minute * MINUTE + port)
      return flow({ port, connections, first: time, last: time })
    }),
  }))
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: flows },
    { weight: 3, arbitrary: fc.constant({ kind: 'roll' } as const) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), minutes: fc.nat(1_500) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('retain' as const), minutes: fc.nat(4_000) }) },
  ),
  { minLength: 3, maxLength: 25 },
)

/** The records themselves, summed without any SQL. */
function summed(store: Store, window: { since: number; until: number }) {
  const all = { since: at(0), until: at(100 * DAY) }
  const sums = new Map<number, { connections: number; first: number; last: number }>()
  for (const record of store.records.flows({ window: all, limit: 1_000 }).items) {
    const minute = Math.floor(record.last / MINUTE)
    if (minute < Math.floor(window.since / MINUTE) || minute >= Math.ceil(window.until / MINUTE)) continue
    const { connections = 0, first = Number.POSITIVE_INFINITY, last = 0 } = sums.get(record.port) ?? {}
    sums.set(record.port, {
      connections: connections + record.connections,
      first: Math.min(first, record.first),
      last: Math.max(last, record.last),
    })
  }
  return sums
}

describe('sums of longer spans', () => {
  test('are filled in from what is on record, then nothing is left to do', () => {
    const clock = testClock(at(2 * DAY + 5 * MINUTE))
    using store = openStore({ path: ':memory:', clock })
    const times = [0, 9, 10, 65, 1_439, 1_440].map(minute => at(minute * MINUTE))
    store.records.ingest(batch(1, { flows: times.map(time => flow({ first: time, last: time })) }))
    // Ten minutes: 0, 10, 60, 1430, 1440; hours: 0, 1, 23, 24; days: 0, 1.
    expect(roll(store)).toHaveLength(5 + 4 + 2)
    expect(roll(store)).toEqual([])
    const [edge] = store.records.edges({ since: at(0), until: at(2 * DAY) })
    expect(edge).toMatchObject({ connections: 6, first: START, last: at(DAY) })
  })

  test('a bucket waits until it is over and agents had a minute to send', () => {
    const clock = testClock(at(10 * MINUTE))
    using store = openStore({ path: ':memory:', clock })
    store.records.ingest(batch(1, { flows: [flow()] }))
    expect(roll(store)).toEqual([])
    clock.time = at(11 * MINUTE)
    expect(roll(store)).toEqual([1])
  })

  test('whatever came late, was summed or deleted in between: a window says what its records say', () => {
    const run = (given: readonly Step[], windows: readonly (readonly [number, number])[]) => {
      const clock = testClock(at(0))
      using store = openStore({ path: ':memory:', clock })
      let sequence = 0
      for (const step of given) {
        if (step.kind === 'flows') store.records.ingest(batch(++sequence, { flows: step.flows }))
        else if (step.kind === 'wait') clock.time = (clock.time + step.minutes * MINUTE) as typeof clock.time
        else if (step.kind === 'roll') roll(store)
        else while (!store.retention.step({ maxAgeMs: step.minutes * MINUTE, maxBytes: NEVER }).done);
      }
      for (const [a, b] of windows) {
        const window = { since: at(Math.min(a, b) * MINUTE), until: at(Math.max(a, b) * MINUTE) }
        const expected = summed(store, window)
        const found = [...store.records.edges(window)].map(
          ({ port, connections, first, last }) => [port, { connections, first, last }] as const,
        )
        expect(new Map(found)).toEqual(expected)
        const filter = [{ key: 'port' as const, value: '443', not: false }]
        const chosen = [...store.records.edges(window, filter)].map(edge => edge.connections)
        expect(chosen).toEqual([expected.get(443)?.connections].filter(value => value !== undefined))
      }
    }
    const minute = fc.nat(6_000)
    fc.assert(fc.property(steps, fc.array(fc.tuple(minute, minute), { minLength: 3, maxLength: 3 }), run), {
      numRuns: 150,
    })
  })
})
