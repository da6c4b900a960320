import {
  fail,
  ok,
  type Result,
  type StateDelta,
  type StateMessage,
  type StatePosition,
  type StateSnapshot,
} from '@sekisho/core'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { followState, lines } from '../src/server/state-stream.ts'
import { FakeTimers, settle } from './fake-timers.ts'

/** A stream whose pieces are pushed by the test. */
class Wire implements AsyncIterable<string> {
  readonly #pieces: string[] = []
  #wake = Promise.withResolvers<void>()
  #error: unknown
  #ended = false

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.break(signal.reason))
  }
  send(...messages: readonly (StateMessage | string)[]): void {
    for (const each of messages)
      this.#pieces.push(typeof each === 'string' ? each : `${JSON.stringify(each)}\n`)
    this.#wake.resolve()
  }
  end(): void {
    this.#ended = true
    this.#wake.resolve()
  }
  break(error: unknown): void {
    this.#error = error
    this.#wake.resolve()
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (;;) {
      if (this.#error !== undefined) throw this.#error
      const piece = this.#pieces.shift()
      if (piece !== undefined) yield piece
      else if (this.#ended) return
      else {
        await this.#wake.promise
        this.#wake = Promise.withResolvers()
      }
    }
  }
}

function setUp(apply: (message: StateSnapshot | StateDelta) => Result<void, string> = () => ok(undefined)) {
  const timers = new FakeTimers()
  const stop = new AbortController()
  const wires: Wire[] = []
  const asked: (number | undefined)[] = []
  let position: StatePosition | undefined
  let reachable = true
  const [onConnected, onDisconnected, onRefused] = [vi.fn(), vi.fn(), vi.fn()]
  const followed = followState(
    {
      timers,
      random: () => 0.999,
      connect(from, signal) {
        asked.push(from?.revision)
        if (!reachable) return Promise.reject(new Error('refused'))
        const wire = new Wire(signal)
        wires.push(wire)
        return Promise.resolve(wire)
      },
      position: () => position,
      apply(message) {
        const result = apply(message)
        if (result.ok) position = { history: 'run', revision: message.revision }
        return result
      },
      onConnected,
      onDisconnected,
      onRefused,
    },
    stop.signal,
  )
  const last = (): Wire => {
    const wire = wires.at(-1)
    if (!wire) throw new Error('nothing connected')
    return wire
  }
  return {
    timers,
    stop,
    asked,
    followed,
    last,
    onConnected,
    onDisconnected,
    onRefused,
    reach: (can: boolean) => {
      reachable = can
    },
  }
}

const snapshot = (revision: number): StateSnapshot => ({
  kind: 'snapshot',
  revision,
  namespaces: [],
  workloads: [],
  policies: [],
})

test('it asks for everything first, and after a break from where it was', async () => {
  const { timers, asked, last } = setUp()
  await settle()
  last().send(snapshot(7), { kind: 'delta', revision: 8 })
  await settle()
  last().end()
  await timers.pass(300)
  expect(asked).toEqual([undefined, 8])
})

test('waiting times grow while nothing answers, and begin small again after a success', async () => {
  const { timers, asked, last, reach, onDisconnected } = setUp()
  reach(false)
  await settle()
  last().end()
  await timers.pass(600_000)
  expect(onDisconnected).toHaveBeenCalled()
  expect(asked.length).toBeGreaterThan(600 / 15 - 2)
  expect(asked.length).toBeLessThan(600 / 15 + 12)
  reach(true)
  await timers.pass(16_000)
  last().send(snapshot(1))
  await settle()
  const before = asked.length
  last().end()
  await timers.pass(300)
  expect(asked.length).toBe(before + 1)
})

test('a stream that goes silent is given up; heartbeats keep it', async () => {
  const { timers, asked, last, onDisconnected } = setUp()
  await settle()
  for (let i = 0; i < 10; i++) {
    last().send({ kind: 'heartbeat', revision: 0, at: 0 as never })
    await timers.pass(10_000)
  }
  expect(asked).toHaveLength(1)
  await timers.pass(20_000)
  expect(onDisconnected.mock.calls[0]?.[0]).toMatchObject({ message: 'the server has gone silent' })
  expect(asked.length).toBeGreaterThan(1)
})

test.each<[string, string]>([
  ['no JSON', '{"kind":\n'],
  ['an unknown kind', '{"kind":"surprise"}\n'],
  ['a workload without addresses', '{"kind":"delta","revision":1,"workloads":{"set":[{"id":"x"}]}}\n'],
  ['a negative revision', '{"kind":"delta","revision":-1}\n'],
])('%s is reported, not applied, and asked for again from the last good revision', async (_name, bad) => {
  const applied: number[] = []
  const { timers, asked, last, onRefused } = setUp(message => {
    applied.push(message.revision)
    return ok(undefined)
  })
  await settle()
  last().send(snapshot(3), bad, { kind: 'delta', revision: 5 })
  await timers.pass(300)
  expect(onRefused).toHaveBeenCalledOnce()
  expect(applied).toEqual([3])
  expect(asked).toEqual([undefined, 3])
})

test('what cannot be applied ends the connection too: later messages build on it', async () => {
  const { timers, asked, last, onRefused } = setUp(({ revision }) =>
    revision === 4 ? fail('policy 0: spec: bad') : ok(undefined),
  )
  await settle()
  last().send(snapshot(3), { kind: 'delta', revision: 4 }, { kind: 'delta', revision: 5 })
  await timers.pass(300)
  expect(onRefused).toHaveBeenCalledWith('policy 0: spec: bad')
  expect(asked).toEqual([undefined, 3])
})

test('it ends when told to, wherever it is', async () => {
  const open = setUp()
  await settle()
  open.stop.abort()
  await open.followed
  const waiting = setUp()
  waiting.reach(false)
  waiting.stop.abort()
  await waiting.followed
  expect(waiting.timers.pending).toBe(0)
})

test('lines are the same however the text is cut', async () => {
  const texts = fc.array(fc.string({ maxLength: 8 }).map(text => text.replaceAll('\n', '')))
  await fc.assert(
    fc.asyncProperty(texts, fc.infiniteStream(fc.integer({ min: 1, max: 9 })), async (wanted, sizes) => {
      const whole = wanted.map(line => `${line}\n`).join('')
      async function* pieces() {
        for (let at = 0; at < whole.length; ) {
          const size = sizes.next().value ?? 1
          yield whole.slice(at, at + size)
          at += size
        }
      }
      const found: string[] = []
      for await (const line of lines(pieces())) found.push(line)
      expect(found).toEqual(wanted)
    }),
    { numRuns: 200 },
  )
})
