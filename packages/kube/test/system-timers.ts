import type { EpochMs, Timers } from '@sekisho/core'

export const systemTimers: Timers = {
  now: () => Date.now() as EpochMs,
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}
