import { spawnSync } from 'node:child_process'
import { type EpochMs, LIMITS } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { openStore } from '../src/index.ts'
import {
  at,
  batch,
  flow,
  HOUR_WINDOW,
  MINUTE,
  node,
  pod,
  START,
  temporary,
  testClock,
  workload,
} from './builders.ts'

const page = { window: HOUR_WINDOW, limit: 100 }
const opened = (time = at(30 * MINUTE)) => openStore({ path: ':memory:', clock: testClock(time) })

describe('ingest', () => {
  test('a repeated batch is acknowledged and not counted twice', () => {
    using store = opened()
    expect(store.records.ingest(batch(1, { flows: [flow()] })).stored).toBe(true)
    expect(store.records.ingest(batch(1, { flows: [flow()] })).stored).toBe(false)
    expect(store.records.ingest(batch(5, { flows: [flow()] })).stored).toBe(true)
    expect(store.records.ingest(batch(3, { flows: [flow()] })).stored).toBe(false)
    expect(store.records.totals(HOUR_WINDOW).allowed).toBe(2)
  })

  test.each([
    ['another node', { node: node('node-2') }],
    ['another epoch', { epoch: 'e2' }],
  ])('the same sequence of %s is another batch', (_name, change) => {
    using store = opened()
    store.records.ingest(batch(1, { flows: [flow()] }))
    expect(store.records.ingest(batch(1, { flows: [flow()], ...change })).stored).toBe(true)
  })

  test('counts as large as a lie can make them are read, added and summed, and stop no one', () => {
    const time = testClock(at(30 * MINUTE))
    using store = openStore({ path: ':memory:', clock: time })
    const most = Number.MAX_SAFE_INTEGER
    const lie = { connections: most, packets: most, bytesToDestination: most, bytesToSource: most }
    const edges = Array.from({ length: 2_000 }, (_, port) => flow({ ...lie, port }))
    store.records.ingest(batch(1, { flows: [...edges, ...edges] }))
    time.time = at(180 * MINUTE)
    for (let step = store.rollups.step(); !step.done; step = store.rollups.step());
    store.records.ingest(batch(2, { flows: [flow({ ...lie, port: 1 })] }))
    expect(store.records.flows(page).items[0]?.bytesToSource).toBe(most)
    expect([...store.records.edges(HOUR_WINDOW)]).toHaveLength(2_000)
    expect(store.records.totals(HOUR_WINDOW).allowed).toBeGreaterThan(most)
    expect(store.records.fruitless(HOUR_WINDOW, { ports: 1, addresses: 1 })).toHaveLength(1)
  })

  test('flows of one edge and minute are one record; each part of the edge makes another', () => {
    using store = opened()
    const flows = [
      flow(),
      flow({
        connections: 2,
        packets: 5,
        bytesToDestination: 7,
        bytesToSource: 9,
        first: at(-5),
        last: at(59_999),
      }),
    ]
    store.records.ingest(batch(1, { flows }))
    expect(store.records.flows(page).items).toMatchObject([
      {
        connections: 3,
        packets: 15,
        bytesToDestination: 1007,
        bytesToSource: 2009,
        first: at(-5),
        last: at(59_999),
      },
    ])
    const others = [
      flow({ last: at(MINUTE) }),
      flow({ port: 1 }),
      flow({ protocol: 'UDP' }),
      flow({ application: 'redis' }),
      flow({ outcome: 'denied' }),
      flow({ why: 'isolated' }),
      flow({ direction: 'ingress' }),
      flow({ source: { ip: '10.0.0.1' } }),
      flow({ destination: { workload: pod('db-1'), ip: 'fd00::1' } }),
    ]
    store.records.ingest(batch(2, { flows: others }))
    expect(store.records.flows(page).items).toHaveLength(1 + others.length)
  })

  test('requests of one edge and minute are added up by name, and those beyond the limit have none', () => {
    using store = opened()
    const asked = (...names: readonly string[]) =>
      flow({ application: 'http', requests: names.map(name => ({ name, count: 2 })) })
    store.records.ingest(batch(1, { flows: [asked('GET a/', 'GET b/'), asked('GET b/')] }))
    const two = [
      { name: 'GET b/', count: 4 },
      { name: 'GET a/', count: 2 },
    ]
    expect(store.records.flows(page).items).toMatchObject([{ connections: 2, requests: two }])
    const many = Array.from({ length: 200 }, (_, index) => `GET c/${String(index).padStart(3, '0')}`)
    const { newest } = store.records.ingest(batch(2, { flows: [asked(...many), asked('GET a/')] }))
    const [record] = store.records.flowsById(newest)
    expect(record?.requests).toHaveLength(32)
    expect(record?.requests?.slice(0, 2)).toEqual([
      { name: 'GET a/', count: 4 },
      { name: 'GET b/', count: 4 },
    ])
    expect(record?.requests?.at(-1)).toEqual({ name: '', count: 2 * (200 - 29) })
  })

  test('what was said of one edge and minute is kept once each, in order, and bounded', () => {
    using store = opened()
    const said = (...users: readonly string[]) =>
      flow({ details: users.map(value => ({ detail: 'user', value })) })
    store.records.ingest(batch(1, { flows: [said('root', 'ada'), said('ada')] }))
    expect(store.records.flows(page).items).toMatchObject([
      {
        connections: 2,
        details: [
          { detail: 'user', value: 'ada' },
          { detail: 'user', value: 'root' },
        ],
      },
    ])
    const many = Array.from({ length: 200 }, (_, index) => `user${index}`)
    const { newest } = store.records.ingest(batch(2, { flows: [said(...many), said('ada')] }))
    expect(store.records.flowsById(newest)[0]?.details).toHaveLength(LIMITS.detailsPerFlow.value)
  })

  test('destinations outside have the names that they were asked for, within the window', () => {
    using store = opened(at(120 * MINUTE))
    const out = { destination: { ip: '192.0.2.7' } }
    const asked = (host: string, change: Parameters<typeof flow>[0] = {}) =>
      flow({
        ...change,
        details: [
          { detail: 'host', value: host },
          { detail: 'user', value: 'ada' },
        ],
      })
    const later = { first: at(90 * MINUTE), last: at(90 * MINUTE) }
    const flows = [
      asked('b.example', out),
      asked('a.example', out),
      asked('late.example', { ...out, ...later }),
    ]
    store.records.ingest(batch(1, { flows: [...flows, asked('inside.example')] }))
    const named = (until: number) =>
      [...store.records.namedEdges({ since: at(0), until: at(until) })].map(({ hosts }) => hosts)
    expect(named(60 * MINUTE)).toEqual(expect.arrayContaining([undefined, ['a.example', 'b.example']]))
    expect(named(120 * MINUTE)).toContainEqual(['a.example', 'b.example', 'late.example'])
  })

  test('a record reads back as it came in', () => {
    using store = opened()
    const full = flow({
      application: 'postgresql',
      outcome: 'audited',
      direction: 'ingress',
      by: 'SecurityPolicy/shop/db#ingress[1]' as never,
      why: 'rule-deny',
      destination: { ip: '2001:db8::1' },
      requests: [{ name: 'select orders', count: 3 }],
      details: [{ detail: 'user', value: 'ada' }],
    })
    const { newest } = store.records.ingest(batch(1, { flows: [full], workloads: [workload('web-1')] }))
    const { source, destination, ...rest } = full
    const [record] = store.records.flowsById(newest)
    expect(record).toMatchObject(rest)
    expect(record?.source).toEqual({
      key: 'shop/web',
      kind: 'workload',
      namespace: 'shop',
      name: 'web',
      ownerKind: 'Deployment',
      ip: source.ip,
      workload: source.workload,
      version: 1,
    })
    expect(record?.destination).toEqual({
      key: destination.ip,
      kind: 'external',
      namespace: '',
      name: destination.ip,
      ownerKind: '',
      ip: destination.ip,
    })
    expect(store.records.flows(page).items).toEqual([record])
  })

  test('flows keep the labels of their time: later, relabelled, and gone', () => {
    const clock = testClock(at(0))
    using store = openStore({ path: ':memory:', clock })
    const labelled = (tier: string) => workload('web-1', { labels: { tier } })
    store.records.ingest(batch(1, { workloads: [labelled('a')], flows: [flow()] }))
    clock.time = at(10 * MINUTE)
    store.records.ingest(batch(2, { workloads: [labelled('b')] }))
    clock.time = at(20 * MINUTE)
    store.records.ingest(batch(3, { workloads: [] }))
    // Another node's batch comes late, from its spool.
    const late = [1, 11, 21].map(minute => flow({ first: at(minute * MINUTE), last: at(minute * MINUTE) }))
    clock.time = at(30 * MINUTE)
    store.records.ingest(batch(1, { node: node('node-2'), flows: late }))
    const tiers = store.records
      .flows(page)
      .items.map(({ source }) => store.records.workloadVersion(source.version ?? 0)?.workload.labels.tier)
    expect(tiers).toEqual(['b', 'b', 'a', 'a'])
    expect(store.records.workloadAt(pod('web-1'), at(5 * MINUTE))?.workload.labels).toEqual({ tier: 'a' })
    expect(store.records.workload(pod('web-1'))?.until).toBe(at(20 * MINUTE))
    expect(store.records.inventory().workloads).toEqual([])
  })

  test('a workload that nobody reported yet is known by its id, and by its report when that comes', () => {
    using store = opened()
    store.records.ingest(batch(1, { flows: [flow()] }))
    expect(store.records.flows(page).items[0]?.source).toMatchObject({ key: 'shop/web-1', name: 'web-1' })
    store.records.ingest(batch(2, { workloads: [workload('web-1')], flows: [flow()] }))
    expect(store.records.flows(page).items).toMatchObject([
      { connections: 2, source: { key: 'shop/web', version: 1 } },
    ])
  })

  test('a workload that moved belongs to the node where it runs', () => {
    using store = opened()
    const moved = (state: 'running' | 'terminating', name: string) =>
      workload('db-0', { state, node: node(name) })
    store.records.ingest(batch(1, { workloads: [moved('running', 'node-1')] }))
    store.records.ingest(batch(1, { node: node('node-2'), workloads: [moved('running', 'node-2')] }))
    store.records.ingest(batch(2, { workloads: [moved('terminating', 'node-1')] }))
    store.records.ingest(batch(3, { workloads: [] }))
    expect(store.records.inventory().workloads).toMatchObject([{ node: 'node-2', state: 'running' }])
  })

  test('a node whose clock runs ahead cannot write into the future', () => {
    using store = opened(at(0))
    const ahead = (START + 86_400_000) as EpochMs
    const event = { code: 'x', severity: 'info' as const, at: ahead, details: {} }
    store.records.ingest(batch(1, { flows: [flow({ first: ahead, last: ahead })], events: [event] }))
    expect(store.records.flows(page).items).toMatchObject([{ first: START, last: START }])
    expect(store.records.events({ window: HOUR_WINDOW, limit: 1 }).items).toMatchObject([{ at: START }])
  })

  test('what an outer transaction takes back is not remembered', () => {
    using store = opened()
    const doomed = () =>
      store.transaction(() => {
        store.records.ingest(batch(1, { flows: [flow()] }))
        throw new Error('taken back')
      })
    expect(doomed).toThrow('taken back')
    expect(store.records.ingest(batch(1, { flows: [flow({ port: 1 }), flow()] })).stored).toBe(true)
    expect(
      store.records
        .flows(page)
        .items.map(({ port }) => port)
        .toSorted((a, b) => a - b),
    ).toEqual([1, 5432])
  })

  test('a failed inner transaction undoes only its own part', () => {
    using store = opened()
    store.transaction(() => {
      store.records.ingest(batch(1, { flows: [flow()] }))
      expect(() =>
        store.transaction(() => {
          store.records.ingest(batch(2, { flows: [flow()] }))
          throw new Error('inner')
        }),
      ).toThrow('inner')
    })
    expect(store.records.totals(HOUR_WINDOW).allowed).toBe(1)
    expect(store.records.ingest(batch(2, { flows: [flow()] })).stored).toBe(true)
  })

  test('another process writes to the same file while it is open', () => {
    using dir = temporary()
    using store = openStore({ path: dir.file, clock: testClock() })
    store.records.ingest(batch(1, { flows: [flow()] }))
    const script = `
      import { openStore } from ${JSON.stringify(`${import.meta.dirname}/../src/index.ts`)}
      using store = openStore({ path: process.argv[1], clock: { now: () => ${START}, monotonic: () => 0 } })
      store.accounts.issue({ hash: 'h', purpose: 'login', subject: 'admin', expiresAt: ${START + 1000} })`
    const child = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script, dir.file], {
      encoding: 'utf8',
    })
    expect(child.stderr).toBe('')
    expect(store.accounts.redeem('h', 'login')).toBe('admin')
    store.records.ingest(batch(2, { flows: [flow()] }))
    expect(store.records.flows(page).items).toMatchObject([{ connections: 2 }])
  })

  test('events come back newest first, page by page', () => {
    using store = opened()
    const event = (minute: number) => ({
      code: `e${minute}`,
      severity: 'info' as const,
      at: at(minute * MINUTE),
      workload: pod('web-1'),
      details: { minute },
    })
    const { events } = store.records.ingest(batch(1, { events: [1, 3, 2, 3].map(event) }))
    store.records.addEvent({ ...event(9), workload: undefined as never })
    const read = (cursor?: string): string[] => {
      const { items, next } = store.records.events({ window: HOUR_WINDOW, limit: 2, cursor })
      return [...items.map(({ code }) => code), ...(next === undefined ? [] : read(next))]
    }
    expect(read()).toEqual(['e9', 'e3', 'e3', 'e2', 'e1'])
    expect(store.records.eventsById(events).map(({ node: from }) => from)).toEqual(Array(4).fill('node-1'))
    expect(store.records.events({ window: HOUR_WINDOW, limit: 9, code: 'e2' }).items).toHaveLength(1)
  })
})
