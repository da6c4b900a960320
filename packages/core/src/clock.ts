import type { EpochMs } from './ids.ts'

/** The only way a pure part learns the time; tests inject their own. */
export interface Clock {
  /** Wall-clock time, for records that people read. */
  now(): EpochMs
  /** Milliseconds that only ever grow, for intervals and time-outs. */
  monotonic(): number
}
