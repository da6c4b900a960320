/**
 * How many denials the kernel counted but did not log: its log is rate-limited, its counters are not. Compared one
 * sample late, when every packet logged before it has arrived.
 */
export interface Untold {
  /** Packets that a log told of. */
  told(count: number): void
  /** What the counters say now; they start anew when the table is built anew. */
  counted(value: number): void
  readonly count: number
}

export function createUntold(): Untold {
  let told = 0
  let total = 0
  let last = 0
  let untold = 0
  return {
    told(count) {
      told += count
    },
    counted(value) {
      untold = Math.max(untold, total - told)
      total += value >= last ? value - last : value
      last = value
    },
    get count() {
      return untold
    },
  }
}
