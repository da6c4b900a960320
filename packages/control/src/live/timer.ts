/** The only way the control plane waits; tests inject their own. */
export interface Timer {
  /** Runs once after `ms`, at most after 24 days, unless disposed before: who waits longer looks and waits again. */
  after(ms: number, run: () => void): Disposable
}

/** setTimeout's limit; a longer wait would run at once. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

/** Does not keep the process alive by itself. */
export const systemTimer: Timer = {
  after(ms, run) {
    const handle = setTimeout(run, Math.min(ms, LONGEST_WAIT_MS))
    handle.unref()
    return { [Symbol.dispose]: () => clearTimeout(handle) }
  },
}
