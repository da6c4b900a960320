import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** One figure of a suite. `bar` is what it must reach, in the words of its unit (`≥ 0.97`), when there is one. */
export interface Row {
  /** `<package>/<what>`, as in `dataplane/throughput`. */
  readonly suite: string
  readonly measure: string
  readonly value: number
  readonly unit: string
  readonly bar?: string
  readonly holds?: boolean
}

export interface Suite {
  /** `<package>/<what>`; its rows' suites start with it. */
  readonly name: string
  run(progress: (line: string) => void): Promise<readonly Row[]>
}

/** A figure with a bar that it must reach or stay under. */
export function barred(row: Omit<Row, 'bar' | 'holds'>, sign: '≥' | '≤', bar: number): Row {
  return { ...row, bar: `${sign} ${bar}`, holds: sign === '≥' ? row.value >= bar : row.value <= bar }
}

const shown = (value: number): string =>
  Number.isInteger(value) ? value.toLocaleString('en') : value.toPrecision(value >= 100 ? 6 : 3)

export function printTable(rows: readonly Row[]): void {
  const cells = rows.map(row => [
    row.suite,
    row.measure,
    `${shown(row.value)} ${row.unit}`.trim(),
    row.bar ?? '',
    row.holds === undefined ? '' : row.holds ? 'holds' : 'MISSED',
  ])
  const widths = [0, 1, 2, 3, 4].map(i => Math.max(...cells.map(line => line[i]?.length ?? 0)))
  for (const line of cells)
    console.log(
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
}

/** The same rows for machines; `bar` and `holds` are null where there is none. */
export function writeReport(path: string, rows: readonly Row[]): void {
  mkdirSync(dirname(path), { recursive: true })
  const full = rows.map(({ bar = null, holds = null, ...row }) => ({ ...row, bar, holds }))
  writeFileSync(path, `${JSON.stringify(full, null, 2)}\n`)
}
