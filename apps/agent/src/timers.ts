import type { Clock, EpochMs } from '@sekisho/core'

/** Time as the agent uses it; tests inject their own. */
export interface Timers extends Clock {
  after(ms: number, fn: () => void): Disposable
}

export const SYSTEM_TIMERS: Timers = {
  now: () => Date.now() as EpochMs,
  monotonic: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}

/** Resolves after so long, or at once when the signal is given. */
export function pause(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = timers.after(ms, resolve)
  const stop = () => resolve()
  signal.addEventListener('abort', stop, { once: true })
  return promise.finally(() => {
    timer[Symbol.dispose]()
    signal.removeEventListener('abort', stop)
  })
}
