import type { ParseArgsConfig } from 'node:util'
import type { Client } from './client.ts'
import type { Output } from './output/output.ts'

export type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>

/** What a command is given: its arguments, where to write, and a client that connects only when asked for. */
export interface Invocation {
  readonly values: Values
  readonly positionals: readonly string[]
  readonly output: Output
  client(): Promise<Client>
}

/** One command; `run` resolves to the exit code. */
export interface Command {
  readonly usage: string
  readonly options?: NonNullable<ParseArgsConfig['options']>
  run(invocation: Invocation): Promise<number>
}

/** 0 done; 1 failed at run time, or differences found; 2 the command line is wrong. The same for every output format. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const

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
