import type { Clock, EpochMs } from '@sekisho/core'
import type { Window } from '@sekisho/store'

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

export interface WindowText {
  readonly window?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
}

const duration = (text: string): number => {
  const unit = UNITS[text.slice(-1) as keyof typeof UNITS] // the schema allows no other letter
  return Number(text.slice(0, -1)) * unit
}

/** A duration back from now, or fixed ends; what is left out comes from `byDefault` (ms back; default: everything). */
export function windowOf(
  { window, since, until }: WindowText,
  clock: Pick<Clock, 'now'>,
  byDefault = Number.POSITIVE_INFINITY,
): Window {
  // The end is outside the window, so "now" must be a moment later to hold what came just now.
  const end = until === undefined ? clock.now() + 1 : Date.parse(until)
  const back = window === undefined ? byDefault : duration(window)
  const start = since === undefined ? Math.max(0, end - back) : Date.parse(since)
  return { since: start as EpochMs, until: end as EpochMs }
}
