import { pause } from '@sekisho/core'
import type { ClusterWatch } from './watch.ts'

export interface Rounds {
  readonly everyMs: number
  /** What it means for the person who reads the log that a round failed. */
  readonly trouble: string
  /** Only one of several servers writes. */
  readonly leads: () => boolean
  readonly round: (signal: AbortSignal) => Promise<void>
  /** Another leads: what was written may be old by the next round. */
  readonly rest: () => void
}

/** One round after the other, as long as this server leads; one that failed is said, and the next is tried. */
export async function runRounds(
  { everyMs, trouble, leads, round, rest }: Rounds,
  { timers, onTrouble }: ClusterWatch,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    if (leads()) {
      const error = await round(signal).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      onTrouble(trouble, error)
    } else rest()
    await pause(timers, everyMs, signal)
  }
}
