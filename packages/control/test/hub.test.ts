import { type Clock, type EpochMs, LIMITS } from '@sekisho/core'
import { describe, expect, test } from 'vitest'
import { createHub } from '../src/live/hub.ts'
import { createPulse } from '../src/live/pulse.ts'
import type { Timer } from '../src/live/timer.ts'

const clock: Clock = { now: () => 1_000 as EpochMs, monotonic: () => 0 }
/** Runs what waits when the test says so. */
function handTimer() {
  const waiting = new Map<() => void, number>()
  const timer: Timer = {
    after(ms, run) {
      waiting.set(run, ms)
      return { [Symbol.dispose]: () => void waiting.delete(run) }
    },
  }
  const fire = (ms: number) => {
    for (const [run, wait] of waiting) if (wait === ms && waiting.delete(run)) run()
  }
  return { timer, waiting, fire }
}
const never = new AbortController().signal

describe('the pulse', () => {
  test('wakes everyone who waits, once, and forgets them', async () => {
    const { timer, waiting } = handTimer()
    const pulse = createPulse(timer)
    const all = Promise.all([pulse.next(10, never), pulse.next(20, never)])
    pulse.beat()
    expect(await all).toEqual(['beat', 'beat'])
    expect(waiting.size).toBe(0)
  })
  test('says when nothing came, and when the reader went', async () => {
    const { timer, fire, waiting } = handTimer()
    const pulse = createPulse(timer)
    const leave = new AbortController()
    const quiet = pulse.next(10, never)
    const gone = pulse.next(20, leave.signal)
    fire(10)
    leave.abort()
    expect(await Promise.all([quiet, gone])).toEqual(['quiet', 'aborted'])
    expect(await pulse.next(10, leave.signal)).toBe('aborted')
    expect(waiting.size).toBe(0)
  })
})

describe('the hub', () => {
  test('lets in so many clients and no more; one that leaves makes room', async () => {
    const hub = createHub({ clock, timer: handTimer().timer })
    const streams = Array.from({ length: LIMITS.streamClients.value }, () => hub.open(undefined))
    expect(() => hub.open(undefined)).toThrow(expect.objectContaining({ code: 'too-many' }))
    await streams[0]?.cancel()
    expect(hub.clients).toBe(LIMITS.streamClients.value - 1)
    await hub.open(undefined).cancel()
  })
  test('ends all streams when it is disposed', async () => {
    const hub = createHub({ clock, timer: handTimer().timer })
    const reader = hub.open(undefined).getReader()
    await reader.read()
    const last = reader.read()
    hub[Symbol.dispose]()
    expect((await last).done).toBe(true)
    expect(hub.clients).toBe(0)
  })
  test('keeps nothing for a client that does not read', async () => {
    const { timer, fire } = handTimer()
    const hub = createHub({ clock, timer })
    const reader = hub.open(undefined).getReader()
    for (let i = 0; i < 2 * LIMITS.streamRing.value; i++) {
      hub.changed('agents')
      fire(i === 0 ? 0 : 250)
    }
    const decoder = new TextDecoder()
    const texts: string[] = []
    for (let i = 0; i < 2; i++) texts.push(decoder.decode((await reader.read()).value))
    expect(texts[0]).toContain('retry:')
    expect(texts.at(-1)).toContain('event: reset')
  })
})
