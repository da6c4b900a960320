import { Backoff } from '@sekisho/core'
import { expect, test, vi } from 'vitest'
import { Runner } from '../src/runner.ts'
import { FakeTimers, settle } from './fake-timers.ts'

function setUp(intervalMs = 10) {
  const timers = new FakeTimers()
  const runs: PromiseWithResolvers<void>[] = []
  const onError = vi.fn()
  const runner = new Runner({
    timers,
    intervalMs,
    onError,
    run() {
      const run = Promise.withResolvers<void>()
      runs.push(run)
      return run.promise
    },
  })
  return { timers, runs, runner, onError }
}

test('one trigger runs at once', async () => {
  const { runner, runs } = setUp()
  runner.trigger()
  await settle()
  expect(runs).toHaveLength(1)
})

test('a burst while one runs becomes exactly one more, not before the interval is over', async () => {
  const { runner, runs, timers } = setUp()
  runner.trigger()
  for (let i = 0; i < 1_000; i++) runner.trigger()
  await settle()
  expect(runs).toHaveLength(1)
  runs[0]?.resolve()
  await timers.pass(9)
  expect(runs).toHaveLength(1)
  await timers.pass(1)
  expect(runs).toHaveLength(2)
  runs[1]?.resolve()
  await timers.pass(100)
  expect(runs).toHaveLength(2)
})

test('a failure is told and repeated more and more slowly, until it succeeds', async () => {
  const { runner, runs, timers, onError } = setUp()
  runner.trigger()
  for (let attempt = 0; attempt < 5; attempt++) {
    await timers.pass(10_000)
    runs.at(-1)?.reject(new Error(`attempt ${attempt}`))
    await settle()
  }
  expect(onError).toHaveBeenCalledTimes(5)
  await timers.pass(10_000)
  runs.at(-1)?.resolve()
  await timers.pass(60_000)
  expect(runs).toHaveLength(6)
  expect(timers.pending).toBe(0)
})

test('closing waits for the run under way and lets nothing start after it', async () => {
  const { runner, runs, timers } = setUp()
  runner.trigger()
  runner.trigger()
  const closed = vi.fn()
  void runner[Symbol.asyncDispose]().then(closed)
  await settle()
  expect(closed).not.toHaveBeenCalled()
  runs[0]?.resolve()
  await settle()
  expect(closed).toHaveBeenCalled()
  runner.trigger()
  await timers.pass(10_000)
  expect(runs).toHaveLength(1)
})

test.each([
  [0, [50, 100, 200, 400, 400]],
  [0.999999, [100, 200, 400, 800, 800]],
])('back-off with random %d', (random, expected) => {
  const backoff = new Backoff({ firstMs: 100, mostMs: 800, random: () => random })
  expect(expected.map(() => Math.round(backoff.next()))).toEqual(expected)
  backoff.succeeded()
  expect(Math.round(backoff.next())).toBe(expected[0])
})
