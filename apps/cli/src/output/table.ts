import { pad, width } from './width.ts'

export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => string
  /** Only with `-o wide`. */
  readonly wide?: boolean
}

/** Foreign text must not steer the terminal: control characters become visible. */
const printable = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]/gu, '\ufffd')

export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  headers: boolean,
): string {
  const cells = rows.map(row => columns.map(column => printable(column.value(row))))
  const lines = headers ? [columns.map(column => column.title), ...cells] : cells
  const widths = columns.map((_, i) => Math.max(0, ...lines.map(line => width(line[i] ?? ''))))
  const last = columns.length - 1
  return lines
    .map(line => line.map((cell, i) => (i === last ? cell : pad(cell, widths[i] ?? 0))).join('   '))
    .map(line => `${line.trimEnd()}\n`)
    .join('')
}
