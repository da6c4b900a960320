import type { Query } from '../api/index.ts'
import type { Param } from './url.ts'

/** What a view looks back on: a duration to now, or fixed ends (RFC 3339). */
export type TimeWindow =
  | { readonly kind: 'last'; readonly duration: string }
  | { readonly kind: 'fixed'; readonly since: string; readonly until: string }

export const DURATIONS = ['5m', '15m', '1h', '6h', '24h', '7d'] as const

export const last = (duration: string): TimeWindow => ({ kind: 'last', duration })

const isTime = (text: string | undefined): text is string =>
  text !== undefined && !Number.isNaN(Date.parse(text))

/** In the address: `1h`, or `2026-11-22T04:00:00.000Z..2026-11-22T05:00:00.000Z`. */
export const timeWindow = (fallback: string): Param<TimeWindow> => ({
  parse(value) {
    if (value !== null && /^\d{1,4}[smhd]$/.test(value)) return last(value)
    const [since, until] = value?.split('..') ?? []
    return isTime(since) && isTime(until) ? { kind: 'fixed', since, until } : last(fallback)
  },
  format(value) {
    if (value.kind === 'fixed') return `${value.since}..${value.until}`
    return value.duration === fallback ? null : value.duration
  },
})

/** As the API's `windowQuery` takes it. */
export const windowQuery = (window: TimeWindow): Query =>
  window.kind === 'last' ? { window: window.duration } : { since: window.since, until: window.until }

/** As the command line takes it: always back from now, so fixed ends become the hours since the first one. */
export function windowFlags(window: TimeWindow): string {
  if (window.kind === 'last') return `--window ${window.duration}`
  return `--window ${Math.max(1, Math.ceil((Date.now() - Date.parse(window.since)) / 3_600_000))}h`
}
