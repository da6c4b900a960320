/** Minutes from `from` up to, but not with, `to`. */
export interface Minutes {
  readonly from: number
  readonly to: number
}

/** Rows of one length that together are exactly a stretch of time; span 1 is the flow records themselves. */
export interface Stretch extends Minutes {
  readonly span: number
}

/** Which buckets of a span hold the sum of all their minutes: those that start in [since, until). */
export interface Rolled {
  readonly span: number
  readonly since: number
  readonly until: number
}

export const floorTo = (span: number, minute: number): number => Math.floor(minute / span) * span
export const ceilTo = (span: number, minute: number): number => Math.ceil(minute / span) * span

/**
 * The fewest rows that are exactly the minutes asked for: whole buckets in the middle, shorter ones towards both
 * ends, single minutes at the very edges.
 * @param rolled longest span first; each span is a multiple of the next.
 */
export function cover(minutes: Minutes, [longest, ...shorter]: readonly Rolled[]): readonly Stretch[] {
  const { from, to } = minutes
  if (from >= to) return []
  if (!longest) return [{ span: 1, from, to }]
  const { span, since, until } = longest
  const first = Math.max(ceilTo(span, from), since)
  const end = Math.min(floorTo(span, to), until)
  if (first >= end) return cover(minutes, shorter)
  return [
    ...cover({ from, to: first }, shorter),
    { span, from: first, to: end },
    ...cover({ from: end, to }, shorter),
  ]
}
