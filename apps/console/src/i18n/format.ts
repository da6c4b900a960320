/** Two languages; both complete by construction (`Dictionary`). */
export const LOCALES = ['en', 'ja'] as const
export type Locale = (typeof LOCALES)[number]

export const isLocale = (text: unknown): text is Locale => LOCALES.some(locale => locale === text)

/** Numbers, sizes and times as a reader of one language expects them. All times are given in milliseconds or RFC 3339. */
export interface Format {
  readonly number: (value: number) => string
  readonly compact: (value: number) => string
  readonly percent: (ratio: number) => string
  readonly bytes: (value: number) => string
  readonly milliseconds: (value: number) => string
  /** `2026/11/22 13:05:09` in Japanese, `22 Nov 2026, 13:05:09` in English, in the reader's time zone. */
  readonly dateTime: (at: string | number) => string
  readonly clock: (at: string | number) => string
  /** The same instant in UTC, for tooltips. */
  readonly utc: (at: string | number) => string
  readonly ago: (at: string | number, now: number) => string
  /** `4:05`, for countdowns. */
  readonly countdown: (ms: number) => string
  readonly list: (items: readonly string[]) => string
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const
const STEPS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const

const pad = (value: number): string => String(value).padStart(2, '0')

export function createFormat(locale: Locale): Format {
  const tag = locale === 'ja' ? 'ja-JP' : 'en-GB'
  const number = new Intl.NumberFormat(tag)
  const short = new Intl.NumberFormat(tag, { maximumSignificantDigits: 3 })
  const compact = new Intl.NumberFormat(tag, { notation: 'compact', maximumFractionDigits: 1 })
  const percent = new Intl.NumberFormat(tag, { style: 'percent', maximumFractionDigits: 1 })
  const time = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const
  const dateTime = new Intl.DateTimeFormat(tag, {
    year: 'numeric',
    month: locale === 'ja' ? '2-digit' : 'short',
    day: '2-digit',
    ...time,
  })
  const clock = new Intl.DateTimeFormat(tag, time)
  const relative = new Intl.RelativeTimeFormat(tag, { numeric: 'auto' })
  const list = new Intl.ListFormat(tag, { type: 'conjunction' })

  return {
    number: value => number.format(value),
    compact: value => compact.format(value),
    percent: ratio => percent.format(ratio),
    bytes(value) {
      const power = value < 1 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), UNITS.length - 1)
      return `${short.format(value / 1000 ** power)} ${UNITS[power]}`
    },
    milliseconds: value => `${short.format(value)} ms`,
    dateTime: at => dateTime.format(new Date(at)),
    clock: at => clock.format(new Date(at)),
    utc: at => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`,
    ago(at, now) {
      const past = new Date(at).getTime() - now
      const [unit, size] = STEPS.find(([, ms]) => Math.abs(past) >= ms) ?? ['second', 1_000]
      return relative.format(Math.round(past / size), unit)
    },
    countdown(ms) {
      const seconds = Math.max(0, Math.ceil(ms / 1000))
      return `${Math.floor(seconds / 60)}:${pad(seconds % 60)}`
    },
    list: items => list.format(items),
  }
}
