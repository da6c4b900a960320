import type { Timer } from './timer.ts'

/** Wakes whoever waits for the next change; holds nothing, so a reader that is slow costs nothing. */
export interface Pulse {
  beat(): void
  /** Resolves at the next beat, after `ms`, or when `signal` aborts, whichever is first. */
  next(ms: number, signal: AbortSignal): Promise<'beat' | 'quiet' | 'aborted'>
}

export function createPulse(timer: Timer): Pulse {
  const waiting = new Set<() => void>()
  return {
    beat() {
      const woken = [...waiting]
      waiting.clear()
      for (const wake of woken) wake()
    },
    next: (ms, signal) =>
      new Promise(resolve => {
        const settle = (why: 'beat' | 'quiet' | 'aborted') => {
          waiting.delete(wake)
          quiet[Symbol.dispose]()
          signal.removeEventListener('abort', aborted)
          resolve(why)
        }
        const wake = () => settle('beat')
        const aborted = () => settle('aborted')
        const quiet = timer.after(ms, () => settle('quiet'))
        if (signal.aborted) return settle('aborted')
        signal.addEventListener('abort', aborted)
        waiting.add(wake)
      }),
  }
}
