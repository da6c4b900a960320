import { type Clock, parseIp } from '@sekisho/core'

export interface Limiter {
  /** Counts one attempt. @returns false when there were too many within the window. */
  take(key: string): boolean
  /** Forgets the attempts of a key, after a success. */
  clear(key: string): void
  /** Takes one attempt back: it was no guess. */
  giveBack(key: string): void
}

export interface LimiterOptions {
  readonly attempts: number
  readonly windowMs: number
  /** Most keys remembered; past it the one whose window began first is forgotten. */
  readonly keys: number
  readonly clock: Pick<Clock, 'monotonic'>
}

/** Attempts per key in fixed windows, in bounded memory. */
export function createLimiter({ attempts, windowMs, keys, clock }: LimiterOptions): Limiter {
  // Insertion order is the order in which windows began, so the oldest are always in front.
  const windows = new Map<string, { readonly until: number; count: number }>()
  const forgetExpired = (now: number) => {
    for (const [key, window] of windows) {
      if (window.until > now) return
      windows.delete(key)
    }
  }
  const open = (key: string, now: number) => {
    const oldest = windows.keys().next().value
    if (windows.size >= keys && oldest !== undefined) windows.delete(oldest)
    const window = { until: now + windowMs, count: 0 }
    windows.set(key, window)
    return window
  }
  return {
    take(key) {
      const now = clock.monotonic()
      forgetExpired(now)
      const window = windows.get(key) ?? open(key, now)
      window.count++
      return window.count <= attempts
    },
    clear: key => void windows.delete(key),
    giveBack(key) {
      const window = windows.get(key)
      if (window && window.count > 0) window.count--
    },
  }
}

/** Whoever holds one IPv6 address usually holds its whole /64, so that is what is counted. */
export function limiterAddress(address: string): string {
  const ip = parseIp(address)
  return ip?.family === 6 ? (ip.value >> 64n).toString(16) : address
}
