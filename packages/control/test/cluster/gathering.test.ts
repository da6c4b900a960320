import type { Timers } from '@sekisho/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Gathering } from '../../src/cluster/gathering.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const timers: Pick<Timers, 'monotonic' | 'after'> = {
  monotonic: () => performance.now(),
  after(ms, run) {
    const handle = setTimeout(run, ms)
    return { [Symbol.dispose]: () => clearTimeout(handle) }
  },
}
/** Milliseconds from the first change to each write. */
function writes(...changes: readonly number[]): number[] {
  const start = timers.monotonic()
  const times: number[] = []
  using gathering = new Gathering({
    watch: { timers, onTrouble: () => undefined },
    trouble: 'not written',
    write() {
      times.push(timers.monotonic() - start)
      return false
    },
  })
  for (const at of changes) setTimeout(() => gathering.ask(), at)
  vi.advanceTimersByTime(5_000)
  expect(gathering.isWaiting).toBe(false)
  return times
}

test.each([
  ['a change by itself is written at once', [0], [2]],
  ['what comes with it is written with it', [0, 1], [2]],
  ['then what comes within 50 ms is written together', [0, 3, 20, 51], [2, 52]],
  ['and after a pause a change is written at once again', [0, 500], [2, 502]],
])('%s', (_, changes, expected) => {
  expect(writes(...changes)).toEqual(expected)
})

test('what could not be written is tried again, once', () => {
  let tries = 0
  const troubles: unknown[] = []
  using gathering = new Gathering({
    watch: { timers, onTrouble: (what, error) => void troubles.push([what, error]) },
    trouble: 'not written',
    write() {
      if (++tries === 1) throw new Error('full')
      return false
    },
  })
  gathering.ask()
  vi.advanceTimersByTime(900)
  expect({ tries, waits: gathering.isWaiting }).toEqual({ tries: 1, waits: true })
  vi.advanceTimersByTime(5_000)
  expect({ tries, waits: gathering.isWaiting }).toEqual({ tries: 2, waits: false })
  expect(troubles).toEqual([
    ['not written', new Error('full')],
    ['not written', undefined],
  ])
})
