import { type FlowDetail, LIMITS } from '@sekisho/core'
import type { Detail } from '@sekisho/inspect'
import { describe, expect, test } from 'vitest'
import type { Told } from '../../src/inspection/inspection.protocol.ts'
import { type Report, Reporter } from '../../src/inspection/reporter.ts'
import { ALLOWED, command, ENDS } from './scripted.ts'

const GET = { request: command('GET'), answer: ALLOWED, isKept: false }

const TOLD: Told = { ends: ENDS, notice: { kind: 'failed', onFailure: 'open' } }
/** As long as notices are gathered. */
const GATHERED = 200

function reporting() {
  const clock = { now: 1_000 }
  const sent: Report[] = []
  const reporter = new Reporter(
    report => sent.push(report),
    () => clock.now,
  )
  return { clock, sent, reporter }
}

test('nothing is due while there is nothing to say', () => {
  const { clock, sent, reporter } = reporting()
  clock.now += GATHERED
  expect(reporter.dueIn).toBeUndefined()
  reporter.flush()
  expect(sent).toEqual([])
})

test('notices are gathered, and sent once', () => {
  const { clock, sent, reporter } = reporting()
  reporter.tell(TOLD)
  expect(reporter.dueIn).toBe(GATHERED)
  clock.now += GATHERED - 0.5
  expect(reporter.dueIn).toBe(1)
  reporter.flush()
  expect(sent).toEqual([])
  reporter.tell(TOLD)
  clock.now += 1
  expect(reporter.dueIn).toBe(0)
  reporter.flush()
  reporter.flush()
  expect(sent).toEqual([{ told: [TOLD, TOLD], requests: [], lost: 0 }])
  reporter.tell(TOLD)
  expect(reporter.dueIn).toBe(GATHERED)
})

test('requests are due as well', () => {
  const { clock, sent, reporter } = reporting()
  reporter.requests.add(ENDS, GET)
  clock.now += GATHERED
  reporter.flush()
  expect(sent).toMatchObject([{ told: [], requests: [{ request: 'GET', count: 1 }], lost: 0 }])
  expect(reporter.requests.isEmpty).toBe(true)
})

test('what is too much is counted, in the report it belongs to', () => {
  const { clock, sent, reporter } = reporting()
  const limit = LIMITS.noticesPerReport.value
  for (let at = 0; at < limit + 3; at++) reporter.tell(TOLD)
  for (let port = 0; port < limit + 2; port++) reporter.requests.add({ ...ENDS, port }, GET)
  clock.now += GATHERED
  reporter.flush()
  reporter.tell(TOLD)
  clock.now += GATHERED
  reporter.flush()
  expect(sent.map(({ lost }) => lost)).toEqual([5, 0])
  expect(sent.map(({ told }) => told.length)).toEqual([limit, 1])
})

test('while nobody reads, nothing is sent, and what fits is kept', () => {
  const { clock, sent, reporter } = reporting()
  const next = () => {
    reporter.tell(TOLD)
    clock.now += GATHERED
    reporter.flush()
  }
  for (let at = 0; at < 6; at++) next()
  expect(sent).toHaveLength(4)
  expect(reporter.dueIn).toBeUndefined()
  reporter.heard()
  expect(reporter.dueIn).toBe(0)
  reporter.flush()
  expect(sent.map(({ told }) => told.length)).toEqual([1, 1, 1, 1, 2])
  expect(reporter.dueIn).toBeUndefined()
})

test('the same of the same ends is told once a report, with each change', () => {
  const { clock, sent, reporter } = reporting()
  const speaks = (application: 'http' | 'redis', port = ENDS.port): Told => ({
    ends: { ...ENDS, port },
    notice: { kind: 'identified', application, confidence: 'certain', evidence: application },
  })
  const [http, redis, other] = [speaks('http'), speaks('redis'), speaks('http', 81)]
  const report = () => {
    clock.now += GATHERED
    reporter.flush()
    return sent.at(-1)?.told
  }
  const elsewhere = { ...http, ends: { ...ENDS, clientPort: ENDS.clientPort + 1 } }
  for (const told of [http, elsewhere, other, redis, redis, http]) reporter.tell(told)
  expect(report()).toEqual([http, other, redis, http])
  reporter.tell(http)
  expect(report()).toEqual([http])
})

describe('what conversations say of themselves', () => {
  const says = (detail: Detail, value: string, port = ENDS.port): Told => ({
    ends: { ...ENDS, port },
    notice: { kind: 'detail', detail, value },
  })

  test('is told once a report for the same ends, and only what is recorded', () => {
    const { clock, sent, reporter } = reporting()
    const [ada, root, other] = [says('user', 'ada'), says('user', 'root'), says('user', 'ada', 81)]
    const elsewhere = { ...ada, ends: { ...ENDS, clientPort: ENDS.clientPort + 1 } }
    for (const told of [ada, ada, elsewhere, root, says('status', '200'), other]) reporter.tell(told)
    clock.now += GATHERED
    reporter.flush()
    reporter.tell(ada)
    clock.now += GATHERED
    reporter.flush()
    expect(sent.map(({ told }) => told)).toEqual([[ada, root, other], [ada]])
  })

  test('is told with what is spoken, and by the same notice once a report', () => {
    const { clock, sent, reporter } = reporting()
    const notice = {
      kind: 'identified',
      application: 'tls',
      confidence: 'certain',
      evidence: 'hello',
    } as const
    const a: FlowDetail = { detail: 'host', value: 'a.example' }
    const b: FlowDetail = { detail: 'host', value: 'b.example' }
    reporter.tell({ ends: ENDS, notice }, [a])
    reporter.tell({ ends: ENDS, notice }, [a])
    reporter.tell({ ends: ENDS, notice: { ...notice } }, [a, b])
    clock.now += GATHERED
    reporter.flush()
    expect(sent[0]?.told).toEqual([
      { ends: ENDS, notice },
      says('host', 'a.example'),
      says('host', 'b.example'),
    ])
  })

  test('leaves room for denials, whoever varies it, and is counted where there is none', () => {
    const { clock, sent, reporter } = reporting()
    const half = LIMITS.noticesPerReport.value / 2
    for (let at = 0; at < half + 3; at++) reporter.tell(says('user', `user${at}`))
    for (let at = 0; at < half + 2; at++) reporter.tell(TOLD)
    reporter.tell(says('user', 'late'))
    clock.now += GATHERED
    reporter.flush()
    expect(sent.map(({ lost }) => lost)).toEqual([3 + 2 + 1])
    expect(sent[0]?.told.filter(({ notice }) => notice.kind === 'failed')).toHaveLength(half)
  })
})
