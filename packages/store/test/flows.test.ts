import {
  compileFilter,
  type EpochMs,
  FILTER_KEYS,
  type FilterTerm,
  type Flow,
  type RuleId,
} from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FlowRecord, openStore, type Store } from '../src/index.ts'
import { at, batch, flow, HOUR_WINDOW, MINUTE, pod, testClock, workload } from './builders.ts'

const opened = () => openStore({ path: ':memory:', clock: testClock(at(59 * MINUTE)) })

function readAll(store: Store, limit: number, between: () => void = () => undefined): FlowRecord[] {
  const records: FlowRecord[] = []
  let cursor: string | undefined
  do {
    const page = store.records.flows({ window: HOUR_WINDOW, limit, cursor })
    records.push(...page.items)
    cursor = page.next
    between()
  } while (cursor !== undefined)
  return records
}

describe('pages of flows', () => {
  const flows = Array.from({ length: 57 }, (_, i) => {
    const when = at((i % 5) * MINUTE)
    return flow({ port: 1 + i, first: when, last: when })
  })

  test.each([1, 10, 56, 57, 58])('of %i records hold each record once, newest first', limit => {
    using store = opened()
    store.records.ingest(batch(1, { flows }))
    const records = readAll(store, limit)
    expect(new Set(records.map(({ port }) => port)).size).toBe(57)
    const times = records.map(({ last }) => last)
    expect(times).toEqual(times.toSorted((a, b) => b - a))
  })

  test('records that come in meanwhile shift nothing', () => {
    using store = opened()
    store.records.ingest(batch(1, { flows }))
    let sequence = 1
    const records = readAll(store, 7, () => {
      sequence++
      const now = at(30 * MINUTE)
      store.records.ingest(
        batch(sequence, { flows: [flow({ port: 1000 + sequence, first: now, last: now })] }),
      )
    })
    expect(records.map(({ port }) => port).toSorted((a, b) => a - b)).toEqual(flows.map(({ port }) => port))
  })

  test.each(['x', '1', '1.2.3', '-1.2', '1.2e3', "1' OR 1=1"])(
    'a cursor that is none is refused: %s',
    cursor => {
      using store = opened()
      expect(() => store.records.flows({ window: HOUR_WINDOW, limit: 1, cursor })).toThrow(/cursor/)
    },
  )
})

const NAMES = ['web', 'db', 'kube-dns', 'Web%', "o'brien", 'a_b']
const anyEnd = fc.oneof(
  fc.record({
    workload: fc.constantFrom(...NAMES.map(name => pod(name)), pod('web', 'payments')),
    ip: fc.constant('10.0.0.1'),
  }),
  fc.record({ ip: fc.constantFrom('10.0.0.5', '2001:db8::5', '192.0.2.1') }),
)
const anyFlow: fc.Arbitrary<Flow> = fc
  .record({
    source: anyEnd,
    destination: anyEnd,
    protocol: fc.constantFrom('TCP' as const, 'UDP' as const, 'IP/47' as const),
    port: fc.constantFrom(0, 53, 5432),
    application: fc.constantFrom('redis', 'DNS', ''),
    outcome: fc.constantFrom('allowed' as const, 'audited' as const, 'denied' as const),
    why: fc.constantFrom('isolated' as const, 'rule-allow' as const),
    by: fc.constantFrom(
      'NetworkPolicy/shop/web#ingress[0]' as RuleId,
      'SecurityPolicy/shop/db#egress' as RuleId,
    ),
  })
  .map(({ application, ...rest }) => flow({ ...rest, ...(application !== '' && { application }) }))
const anyTerm: fc.Arbitrary<FilterTerm> = fc.record({
  key: fc.constantFrom(...FILTER_KEYS),
  value: fc.constantFrom(
    ...NAMES,
    'shop',
    'payments',
    'shop/web',
    '/10.0.0.5',
    '10.0.0.5',
    '2001:db8::5',
    '53',
    '053',
    'tcp',
    'IP/47',
    'dns',
    'REDIS',
    'denied',
    'isolated',
    'NetworkPolicy/shop/web',
    'shop/',
    '%',
    '_',
    "'",
    '"; DROP TABLE flows; --',
  ),
  not: fc.boolean(),
})

describe('filters', () => {
  test('SQL and core’s compileFilter choose the same flows', () => {
    fc.assert(
      fc.property(
        fc.array(anyFlow, { maxLength: 12 }),
        fc.array(anyTerm, { minLength: 1, maxLength: 4 }),
        (flows, terms) => {
          using store = opened()
          store.records.ingest(batch(1, { flows }))
          const all = store.records.flows({ window: HOUR_WINDOW, limit: 100 }).items
          const wanted = all.filter(compileFilter(terms))
          const { items } = store.records.flows({ window: HOUR_WINDOW, limit: 100, filter: terms })
          expect(items).toEqual(wanted)
          expect([...store.records.edges(HOUR_WINDOW, terms)]).toHaveLength(wanted.length)
          const { allowed, audited, denied } = store.records.totals(HOUR_WINDOW, terms)
          expect(allowed + audited + denied).toBe(
            wanted.reduce((sum, { connections }) => sum + connections, 0),
          )
        },
      ),
      { numRuns: 60 },
    )
  })

  test.each([
    ['a short history, where edges are looked up', 7],
    ['a long history, where the window is read in order', 150_000],
  ])('%s', (_name, span) => {
    using store = openStore({ path: ':memory:', clock: testClock(at(200_000 * MINUTE)) })
    const flows = Array.from({ length: 300 }, (_, i) => {
      const when = at((i === 0 ? span : i % 7) * MINUTE)
      return flow({ port: i, first: when, last: when, outcome: i % 3 === 0 ? 'denied' : 'allowed' })
    })
    store.records.ingest(batch(1, { flows }))
    const window = { since: at(0), until: at(200_000 * MINUTE) }
    const count = (filter: FilterTerm[]) => {
      const { items } = store.records.flows({ window, limit: 1000, filter })
      expect(items.map(({ last }) => last)).toEqual(items.map(({ last }) => last).toSorted((a, b) => b - a))
      expect([...store.records.edges(window, filter)]).toHaveLength(items.length)
      return items.length
    }
    expect(count([{ key: 'verdict', value: 'denied', not: false }])).toBe(100)
    expect(count([{ key: 'verdict', value: 'denied', not: true }])).toBe(200)
    expect(count([{ key: 'port', value: '7', not: false }])).toBe(1)
  })
})

describe('sums', () => {
  const times = [0, 1, 30].map(minute => at(minute * MINUTE))

  test('an edge of a window has the sum of its minutes', () => {
    using store = opened()
    store.records.ingest(batch(1, { flows: times.map(time => flow({ first: time, last: time })) }))
    const window = { since: at(0), until: at(2 * MINUTE) }
    expect([...store.records.edges(window)]).toMatchObject([
      {
        connections: 2,
        packets: 20,
        bytesToDestination: 2000,
        bytesToSource: 4000,
        first: at(0),
        last: at(MINUTE),
      },
    ])
    expect(store.records.oldest()).toBe(at(0))
    expect(store.records.newest(window)).toBe(at(MINUTE))
    expect(store.records.newest({ since: at(-60 * MINUTE), until: at(0) })).toBeUndefined()
  })

  test('streams of edges do not disturb each other and may be left half read', () => {
    using store = opened()
    store.records.ingest(batch(1, { flows: [1, 2, 3].map(port => flow({ port })) }))
    const first = store.records.edges(HOUR_WINDOW)
    first.next()
    expect([...store.records.edges(HOUR_WINDOW)]).toHaveLength(3)
    for (const _ of store.records.edges(HOUR_WINDOW)) break
    expect([...first]).toHaveLength(2)
    expect(store.records.ingest(batch(2, { flows: [flow()] })).stored).toBe(true)
  })

  test('denied and audited connections are counted by policy', () => {
    using store = opened()
    const by = (rule: string) => ({ by: rule as RuleId })
    store.records.ingest(
      batch(1, {
        flows: [
          flow({ outcome: 'denied', ...by('SecurityPolicy/shop/db#ingress[0]'), connections: 2 }),
          flow({ outcome: 'denied', ...by('SecurityPolicy/shop/db#ingress') }),
          flow({ outcome: 'audited', ...by('SecurityPolicy/shop/db#egress'), connections: 4 }),
          flow({ outcome: 'allowed', ...by('SecurityPolicy/shop/db#ingress[1]') }),
          flow({ outcome: 'audited', ...by('NetworkPolicy/shop/web#ingress') }),
          flow({ outcome: 'denied', why: 'invalid-state' }),
        ],
      }),
    )
    expect(Object.fromEntries(store.records.byPolicy(HOUR_WINDOW))).toEqual({
      'SecurityPolicy/shop/db': { denied: 3, audited: 4 },
      'NetworkPolicy/shop/web': { denied: 0, audited: 1 },
    })
  })
})

describe('fruitless attempts', () => {
  const attempt = (port: number, change: Partial<Flow> = {}) =>
    flow({ port, packets: 2, bytesToSource: 40, ...change })
  const ports = (count: number, change?: Partial<Flow>) =>
    Array.from({ length: count }, (_, i) => attempt(1 + i, change))
  const answered = { bytesToSource: 600 }
  const slow = Array.from({ length: 10 }, (_, i) => {
    const time = at(i * 5 * MINUTE)
    return attempt(1 + i, { first: time, last: time })
  })
  const later = at(3 * MINUTE)
  const answeredLater = ports(10).map(
    first => ({ ...first, bytesToSource: 0, connections: 1 }) satisfies Flow,
  )

  test.each<[string, readonly Flow[], number]>([
    ['enough ports, all refused', ports(8), 1],
    ['enough ports, all denied, whatever came back before', ports(8, { outcome: 'denied', ...answered }), 1],
    ['too few ports', ports(7), 0],
    ['as many ports, all answered', ports(8, answered), 0],
    ['as many ports, but slowly', slow, 0],
    [
      'answers that came in a later minute',
      [...answeredLater, ...ports(10, { ...answered, connections: 0, first: later, last: later })],
      0,
    ],
    [
      'enough addresses on one port',
      Array.from({ length: 32 }, (_, i) => attempt(22, { destination: { ip: `192.0.2.${i}` } })),
      1,
    ],
  ])('%s', (_name, flows, found) => {
    using store = opened()
    store.records.ingest(batch(1, { flows, workloads: [workload('web-1')] }))
    const attempts = store.records.fruitless(HOUR_WINDOW, { ports: 8, addresses: 32 })
    expect(attempts).toHaveLength(found)
    if (found > 0) expect(attempts[0]).toMatchObject({ source: 'shop/web', workload: pod('web-1') })
  })

  test('bounds of a window are those of its minutes', () => {
    using store = opened()
    store.records.ingest(batch(1, { flows: [flow()] }))
    const count = (since: number, until: number) =>
      [...store.records.edges({ since: at(since), until: at(until) as EpochMs })].length
    expect([count(0, 1), count(-1, 0), count(59_999, 60_000), count(60_000, 120_000)]).toEqual([1, 0, 1, 0])
  })
})
