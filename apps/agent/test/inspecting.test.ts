import type { Inspection, InspectionOptions, NotInspected } from '@sekisho/dataplane'
import { createModel, createTableCompiler } from '@sekisho/policy'
import { beforeEach, expect, test } from 'vitest'
import { Inspecting } from '../src/kernel/inspecting.ts'
import { Notes } from '../src/report/notes.ts'
import { NODE } from './builders.ts'
import { FakeTimers, settle } from './fake-timers.ts'

const ENDS = {
  client: '10.0.0.1',
  server: '10.0.0.2',
  protocol: 'TCP',
  port: 6379,
  clientPort: 40_000,
} as const
const QUEUES = { first: 100, workers: 1 }

/** Threads that do nothing by themselves. */
class FakeThreads {
  readonly opened: InspectionOptions[] = []
  readonly notInspected = new Map<NotInspected, number>()
  running = 0
  dead = 0
  refuses = false

  open = (options: InspectionOptions): Promise<Inspection> => {
    const isWhole = () => this.dead === 0
    this.opened.push(options)
    this.running++
    return Promise.resolve({
      revise: () => Promise.resolve(),
      renamed: () => Promise.resolve(),
      redefine: () => Promise.resolve(),
      reopen: () => this.#reopen(),
      get isWhole() {
        return isWhole()
      },
      flows: 7,
      notInspected: () => new Map(this.notInspected),
      [Symbol.asyncDispose]: async () => {
        this.running--
      },
    })
  }

  die(): void {
    this.dead++
    this.opened.at(-1)?.onFailed(new Error('killed'))
  }

  async #reopen(): Promise<void> {
    if (this.refuses) throw new Error('the queue has another owner')
    this.dead = 0
  }
}

let timers: FakeTimers
let notes: Notes
let threads: FakeThreads
let queued: Record<number, number>
const identified: unknown[] = []

beforeEach(() => {
  timers = new FakeTimers()
  notes = new Notes(timers)
  threads = new FakeThreads()
  queued = { 99: 1_000 }
  identified.length = 0
})

function open(): Promise<Inspecting> {
  const model = createModel()
  return Inspecting.open({
    netns: undefined,
    queues: QUEUES,
    identify: true,
    domainLists: undefined,
    model,
    table: createTableCompiler(model, { name: NODE, addresses: [] }).table,
    namesOf: () => [],
    onIdentified: services => identified.push(...services),
    onAnswer: () => Promise.resolve(),
    timers,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    notes,
    onTold: () => undefined,
    onRequests: () => undefined,
    ports: {
      open: threads.open,
      queues: () =>
        Object.entries(queued).map(([number, count]) => ({
          number: Number(number),
          waiting: 0,
          full: count,
          undelivered: 0,
          queued: count,
        })),
    },
  })
}
const die = () => threads.die()

test('threads that die are started again, and it is said and counted', async () => {
  await using inspecting = await open()
  expect(inspecting.status).toMatchObject({ isListening: true, threads: 1, restarts: 0, flows: 7 })
  die()
  die()
  expect(inspecting.status.isListening).toBe(false)
  await timers.pass(1_000)
  expect(threads).toMatchObject({ running: 1, opened: { length: 1 }, dead: 0 })
  expect(inspecting.status).toMatchObject({ isListening: true, restarts: 1 })
  expect(notes.take().map(({ code }) => code)).toEqual(['inspection-failed', 'inspection-failed'])
})

test('what cannot be started is tried again, more and more slowly', async () => {
  await using inspecting = await open()
  threads.refuses = true
  die()
  await timers.pass(60_000)
  expect(inspecting.status.isListening).toBe(false)
  const tries = inspecting.status.restarts
  expect(tries).toBeGreaterThan(3)
  expect(tries).toBeLessThan(30)
  threads.refuses = false
  await timers.pass(10_000)
  expect(inspecting.status.isListening).toBe(true)
})

test('what was not read is summed over restarts, queue by queue, of its own only', async () => {
  await using inspecting = await open()
  queued[100] = 5
  queued[101] = 50
  threads.notInspected.set('gre', 2)
  threads.notInspected.set('ahead', 9)
  expect(inspecting.ledger).toEqual({ 'not-inspected-gre': 2, 'inspection-queue-full': 55 })
  die()
  await timers.pass(1_000)
  queued[100] = 1
  queued[101] = 51
  expect(inspecting.ledger).toEqual({ 'not-inspected-gre': 2, 'inspection-queue-full': 57 })
  expect(inspecting.status.queued).toBe(57)
})

test('services are told whose application is known, or known not to be', async () => {
  await using _inspecting = await open()
  threads.opened[0]?.onTold([
    { ends: ENDS, notice: { kind: 'identified', application: 'redis', confidence: 'certain', evidence: '' } },
    { ends: { ...ENDS, port: 1 }, notice: { kind: 'unknown', why: 'nothing-fits' } },
    { ends: { ...ENDS, port: 2 }, notice: { kind: 'detail', detail: 'user', value: 'ada' } },
  ])
  expect(identified).toEqual([
    { address: ENDS.server, protocol: 'TCP', port: 6379 },
    { address: ENDS.server, protocol: 'TCP', port: 1 },
  ])
})

test('closed, nothing is started any more', async () => {
  const inspecting = await open()
  die()
  await inspecting[Symbol.asyncDispose]()
  await timers.pass(60_000)
  await settle()
  expect(threads).toMatchObject({ running: 0, opened: { length: 1 } })
})
