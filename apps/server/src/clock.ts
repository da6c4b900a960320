import { performance } from 'node:perf_hooks'
import type { Clock, EpochMs } from '@sekisho/core'

export const systemClock: Clock = {
  now: () => Date.now() as EpochMs,
  monotonic: () => performance.now(),
}
