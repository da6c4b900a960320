import type { Timers } from '@sekisho/core'

/** The only way the control plane waits; who waits longer than 24 days looks then and waits again. */
export type Timer = Pick<Timers, 'after'>

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
