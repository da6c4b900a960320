import type { AgentStatus, Batch, EpochMs, Flow } from '@sekisho/core'
import { expect, test, vi } from 'vitest'
import { Notes } from '../src/report/notes.ts'
import { Reporter } from '../src/report/reporter.ts'
import type { SpooledBatch } from '../src/report/spool.ts'
import { Uploader } from '../src/report/uploader.ts'
import { ServerError } from '../src/server/client.ts'
import { NODE, SHOP, workload } from './builders.ts'
import { FakeTimers, settle } from './fake-timers.ts'

const FLOW: Flow = {
  source: { ip: '10.0.0.1' },
  destination: { ip: '10.0.0.2' },
  protocol: 'TCP',
  port: 80,
  outcome: 'allowed',
  why: 'not-selected',
  connections: 1,
  packets: 1,
  bytesToDestination: 1,
  bytesToSource: 1,
  first: 1 as EpochMs,
  last: 1 as EpochMs,
}

function reporting(known = true) {
  const timers = new FakeTimers()
  const notes = new Notes(timers)
  const spooled: Omit<Batch, 'epoch' | 'sequence'>[] = []
  let flows: readonly Flow[] = []
  let full = false
  let programs = 0
  const reporter = new Reporter({
    node: NODE,
    timers,
    notes,
    spool: {
      append(batch) {
        if (full) return Promise.reject(new Error('ENOSPC'))
        spooled.push(batch)
        return Promise.resolve()
      },
    },
    takeFlows: () => ({ flows, ledger: { 'connection-events-lost': 3 } }),
    inventory: () => (known ? { namespaces: [SHOP], workloads: [workload('a')] } : undefined),
    status: ledger => ({ ledger }) as AgentStatus, // only the ledger matters here
    programs: () => programs,
    onSpooled: () => undefined,
  })
  return {
    /** The kernel has something new. */
    program: () => void programs++,
    timers,
    notes,
    spooled,
    reporter,
    see: (seen: readonly Flow[]) => {
      flows = seen
    },
    fill: (isFull: boolean) => {
      full = isFull
    },
  }
}

test('the first batch holds all workloads; later ones only when they changed', async () => {
  const { reporter, spooled, see } = reporting()
  await reporter.report()
  expect(spooled[0]).toMatchObject({ workloads: [{ name: 'a' }], namespaces: [SHOP] })
  see([FLOW])
  await reporter.report()
  expect(spooled[1]).not.toHaveProperty('workloads')
  reporter.inventoryChanged()
  await reporter.report()
  expect(spooled[2]).toHaveProperty('workloads')
})

test('workloads that are not known yet are not reported as none', async () => {
  const { reporter, spooled, timers } = reporting(false)
  for (let second = 0; second < 15; second++) {
    await timers.pass(1_000)
    await reporter.report()
  }
  expect(spooled).toHaveLength(2)
  expect(spooled.some(batch => 'workloads' in batch)).toBe(false)
})

test('a quiet window makes no batch, ten of them a status', async () => {
  const { reporter, spooled, timers } = reporting()
  await reporter.report()
  for (let second = 0; second < 10; second++) {
    await timers.pass(1_000)
    await reporter.report()
  }
  expect(spooled).toHaveLength(2)
  expect(spooled[1]).toMatchObject({
    flows: [],
    events: [],
    status: { ledger: { 'connection-events-lost': 3 } },
  })
})

test('what is new in the kernel is said with the next window, once', async () => {
  const { reporter, spooled, timers, program } = reporting()
  await reporter.report()
  program()
  for (let second = 0; second < 3; second++) {
    await timers.pass(1_000)
    await reporter.report()
  }
  expect(spooled).toHaveLength(2)
})

test('a window too large for one batch becomes several, with its events once', async () => {
  const { reporter, spooled, see, notes } = reporting()
  see(Array.from({ length: 45_000 }, () => FLOW))
  notes.event({ code: 'x', severity: 'info', details: {} })
  await reporter.report()
  expect(spooled.map(batch => [batch.flows.length, batch.events.length])).toEqual([
    [20_000, 1],
    [20_000, 0],
    [5_000, 0],
  ])
})

test('what a full disk cannot keep is counted, and the workloads are sent when there is room', async () => {
  const { reporter, spooled, see, fill } = reporting()
  see([FLOW, FLOW])
  fill(true)
  await reporter.report()
  expect(reporter.ledger).toMatchObject({ 'spool-failed': 2 })
  fill(false)
  await reporter.report()
  expect(spooled[0]).toHaveProperty('workloads')
  expect(spooled[0]?.events).toMatchObject([{ code: 'spool-failed', details: { reason: 'ENOSPC' } }])
})

test('events beyond the limit are counted', () => {
  const notes = new Notes(new FakeTimers())
  for (let i = 0; i < 5_002; i++) notes.event({ code: 'x', severity: 'info', details: {} })
  expect(notes.take()).toHaveLength(5_000)
  expect(notes.ledger).toEqual({ 'events-dropped': 2 })
})

function uploading(answers: readonly (string | Error)[]) {
  const timers = new FakeTimers()
  const batch = (sequence: number): SpooledBatch => ({
    sequence,
    records: 1,
    bytes: 1,
    read: () => Promise.resolve(sequence === 9 ? undefined : new Uint8Array([sequence])),
  })
  const waiting = [1, 2, 9, 3].map(batch)
  const rest = [...answers]
  const sent: number[] = []
  const onRefused = vi.fn()
  const uploader = new Uploader({
    timers,
    random: () => 0,
    spool: {
      oldest: () => waiting[0],
      remove: ({ sequence }) => {
        expect(waiting.shift()?.sequence).toBe(sequence)
        return Promise.resolve()
      },
    },
    client: {
      call({ body }) {
        sent.push((body as Uint8Array)[0] ?? 0) // the test's own batches
        const answer = rest.shift() ?? `{"sequence":${sent.at(-1)}}`
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
      },
    },
    onRefused,
    onTrouble: () => undefined,
  })
  const stop = new AbortController()
  return { timers, sent, waiting, onRefused, stop, done: uploader.run(stop.signal), uploader }
}

test.each<[string, (string | Error)[], number[]]>([
  ['in order, each once', [], [1, 2, 3]],
  ['again after the network failed', [new Error('reset'), new Error('reset')], [1, 1, 1, 2, 3]],
  ['again after the server failed', [new ServerError(503, '')], [1, 1, 2, 3]],
  ['again when something else was acknowledged', ['{"sequence":7}', '{}', 'no'], [1, 1, 1, 1, 2, 3]],
])('batches are sent %s', async (_name, answers, expected) => {
  const { timers, sent, waiting, stop, done } = uploading(answers)
  await timers.pass(60_000)
  expect(sent).toEqual(expected)
  expect(waiting).toEqual([])
  stop.abort()
  await done
})

test.each([400, 413, 422])(
  'a batch the server answers with %d is given up, not sent for ever',
  async status => {
    const { timers, sent, onRefused, stop, done } = uploading([new ServerError(status, '')])
    await timers.pass(60_000)
    expect(sent).toEqual([1, 2, 3])
    expect(onRefused).toHaveBeenCalledOnce()
    stop.abort()
    await done
  },
)

test('an agent that is shut out keeps its batches', async () => {
  const { timers, waiting, stop, done } = uploading(
    Array.from({ length: 99 }, () => new ServerError(403, '')),
  )
  await timers.pass(60_000)
  expect(waiting).toHaveLength(4)
  stop.abort()
  await done
  await settle()
  expect(timers.pending).toBe(0)
})
