import type { EpochMs, Timers } from '@sekisho/core'

export const SYSTEM_TIMERS: Timers = {
  now: () => Date.now() as EpochMs,
  monotonic: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}
