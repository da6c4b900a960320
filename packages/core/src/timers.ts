import type { Clock } from './clock.ts'

/** Time as effects use it; tests inject their own. */
export interface Timers extends Clock {
  after(ms: number, run: () => void): Disposable
}

/** Resolves after so long, or at once when the signal is given. */
export function pause(timers: Pick<Timers, 'after'>, ms: number, signal: AbortSignal): Promise<void> {
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
