import { vi } from 'vitest'

/**
 * A wait is for a condition, and its end only says that the condition never came: one second, the default, is not
 * long enough for real programs on a busy machine.
 */
const WAIT = { timeout: 30_000, interval: 50 }
const { waitFor, waitUntil } = vi
vi.waitFor = (callback, options) => waitFor(callback, options ?? WAIT)
vi.waitUntil = (callback, options) => waitUntil(callback, options ?? WAIT)
