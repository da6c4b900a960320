import { vi } from 'vitest'

/** Waits for a condition. Its end says that it never came, on a machine with a whole cluster and whatever else it does. */
export const eventually = <T>(condition: () => T | Promise<T>, timeout = 180_000): Promise<T> =>
  vi.waitFor(condition, { timeout, interval: 200 })
