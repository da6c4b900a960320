/** The last so many durations, for percentiles that follow the present. Bounded; in milliseconds. */
export interface Durations {
  add(ms: number): void
  percentile(share: number): number
}

export function createDurations(capacity = 1024): Durations {
  const ring = new Float64Array(capacity)
  let count = 0
  return {
    add(ms) {
      ring[count++ % capacity] = ms
    },
    percentile(share) {
      const sorted = ring.slice(0, Math.min(count, capacity)).toSorted()
      return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    },
  }
}
