import type { Writable } from 'node:stream'
import { styleText } from 'node:util'
import { UsageError } from '../arguments.ts'
import { type Column, renderTable } from './table.ts'

export const FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const
export type Format = (typeof FORMATS)[number]

export interface Output {
  readonly format: Format
  /** A list in the chosen format; `name` gives what `-o name` prints for a row. */
  list<Row>(
    rows: readonly Row[],
    view: { columns: readonly Column<Row>[]; name: (row: Row) => string },
  ): Promise<void>
  /** One thing in the chosen format; `human` is what tables cannot say well. */
  one<T>(value: T, view: { human: (value: T) => string; name: (value: T) => string }): Promise<void>
  /** Text for people or for another program, as it is. */
  text(line: string): void
  /** Progress and remarks: standard error, and only where a person watches. */
  progress(line: string): void
  paint(style: 'red' | 'yellow' | 'green' | 'dim' | 'bold', text: string): string
}

export interface OutputOptions {
  readonly format: Format
  readonly headers: boolean
  readonly color: boolean
  readonly quiet: boolean
  readonly stdout: Writable
  readonly stderr: Writable & { isTTY?: boolean }
}

export function parseFormat(value: string | undefined): Format {
  const format = FORMATS.find(known => known === (value ?? 'table'))
  if (!format) throw new UsageError(`-o takes ${FORMATS.join(', ')}, not "${value}"`)
  return format
}

/** NO_COLOR and FORCE_COLOR (no-color.org), then whether a terminal is there. */
export function wantsColor(option: string | undefined, tty: boolean): boolean {
  if (option === 'always') return true
  if (option === 'never') return false
  if (option !== undefined && option !== 'auto') throw new UsageError('--color takes auto, always or never')
  if (process.env.NO_COLOR) return false
  return tty || Boolean(process.env.FORCE_COLOR)
}

export function createOutput(options: OutputOptions): Output {
  const { format, headers, color, quiet, stdout, stderr } = options
  const write = (text: string): void => void stdout.write(text)
  const structured = async (value: unknown): Promise<void> => {
    if (format === 'json') return write(`${JSON.stringify(value, null, 2)}\n`)
    const { stringify } = await import('yaml')
    write(stringify(value))
  }
  return {
    format,
    list: async (rows, { columns, name }) => {
      if (format === 'json' || format === 'yaml') return structured(rows)
      if (format === 'name') return write(rows.map(row => `${name(row)}\n`).join(''))
      const shown = columns.filter(column => format === 'wide' || !column.wide)
      write(renderTable(rows, shown, headers))
    },
    one: async (value, { human, name }) => {
      if (format === 'json' || format === 'yaml') return structured(value)
      write(format === 'name' ? `${name(value)}\n` : human(value))
    },
    text: line => write(`${line}\n`),
    progress: line => {
      if (!quiet && stderr.isTTY) stderr.write(`${line}\n`)
    },
    paint: (style, text) => (color ? styleText(style, text, { validateStream: false }) : text),
  }
}
