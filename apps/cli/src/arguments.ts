export type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>

/** The command line is wrong: printed with the usage, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A string option, or undefined; a repeated option is its last value. */
export function text(values: Values, name: string): string | undefined {
  const value = values[name]
  const last = Array.isArray(value) ? value.at(-1) : value
  return typeof last === 'string' ? last : undefined
}

/** Every value of an option that may be repeated. */
export function texts(values: Values, name: string): readonly string[] {
  const value = values[name]
  return (Array.isArray(value) ? value : [value]).filter(one => typeof one === 'string')
}

export function wholeNumber(values: Values, name: string): number | undefined {
  const value = text(values, name)
  if (value === undefined) return undefined
  if (!/^\d{1,9}$/.test(value)) throw new UsageError(`--${name} takes a whole number, not "${value}"`)
  return Number(value)
}

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** `5m`, `30s`, `2h`, `1d` or plain seconds. */
export function duration(values: Values, name: string): number | undefined {
  const value = text(values, name)
  if (value === undefined) return undefined
  const match = /^(\d{1,6})([smhd]?)$/.exec(value)
  if (!match) throw new UsageError(`--${name} takes a duration such as 30s, 5m or 2h, not "${value}"`)
  return Number(match[1]) * SECONDS[(match[2] || 's') as keyof typeof SECONDS]
}

/** The positional at `index`, or a usage error that names it. */
export function required(positionals: readonly string[], index: number, name: string): string {
  const value = positionals[index]
  if (!value) throw new UsageError(`${name} is missing`)
  return value
}
