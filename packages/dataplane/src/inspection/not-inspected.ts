import type { NotInspected } from './inspector.ts'

type Counts = ReadonlyMap<NotInspected, number>

/** Of several who inspect, what none of them has read. */
export function sumsOf(all: readonly Counts[]): Counts {
  const sums = new Map<NotInspected, number>()
  for (const [reason, count] of all.flatMap(counts => [...counts])) {
    sums.set(reason, (sums.get(reason) ?? 0) + count)
  }
  return sums
}
