/**
 * One after the other, with a turn of the event loop for each: what a change makes thousands of readers do does not keep
 * the lease, a batch or a person waiting until all of them have done it.
 */
export interface Turns {
  /** Resolves in the next turn, where nobody else waits; else behind them. */
  next(): Promise<void>
}

/** @param later runs something in another turn of the event loop. */
export function createTurns(later: (run: () => void) => void = setImmediate): Turns {
  const waiting: (() => void)[] = []
  const run = () => {
    waiting.shift()?.()
    if (waiting.length > 0) later(run)
  }
  return {
    next() {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push(resolve)
      if (waiting.length === 1) later(run)
      return promise
    },
  }
}
