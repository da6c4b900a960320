import type { MapEdge } from '@sekisho/control'
import type { Outcome } from '@sekisho/core'
import type { Graph } from '../graph/graph.ts'
import { sumCounts } from '../graph/graph.ts'
import { isFolded } from '../graph/port.ts'
import { nodeLabel } from './words.ts'

/** One edge as the table twin shows it. */
export interface Row {
  readonly edge: MapEdge
  readonly source: string
  readonly destination: string
  readonly port: string
}

const COLUMNS = [
  'source',
  'destination',
  'port',
  'application',
  'verdict',
  'connections',
  'denied',
  'bytes',
  'last',
] as const
export type ColumnName = (typeof COLUMNS)[number]
export const isColumn = (key: string): key is ColumnName => COLUMNS.some(column => column === key)
/** Columns of counts: to the right, and largest first when sorted. */
export const NUMBERS: ReadonlySet<ColumnName> = new Set(['connections', 'denied', 'bytes'])

export interface Sort {
  readonly key: ColumnName
  readonly descending: boolean
}

const RANK = { denied: 2, audited: 1, allowed: 0 } as const satisfies Record<Outcome, number>

const VALUE = {
  source: row => row.source,
  destination: row => row.destination,
  port: row => row.edge.port,
  application: row => row.edge.application ?? '',
  verdict: row => RANK[row.edge.outcome],
  connections: row => sumCounts(row.edge.connections),
  denied: row => row.edge.connections.denied,
  bytes: row => row.edge.bytes,
  last: row => row.edge.last,
} satisfies Record<ColumnName, (row: Row) => string | number>

/** Every edge of the map that has both ends on it: the same as is drawn, one by one. */
export function rows(graph: Graph): Row[] {
  const label = (key: string): string => {
    const node = graph.nodes[graph.indexOf.get(key) ?? -1]
    return node ? nodeLabel(node) : key
  }
  return graph.links.flatMap(link =>
    link.edges.map(edge => ({
      edge,
      source: label(edge.source),
      destination: label(edge.destination),
      port: `${isFolded(edge) ? '*' : edge.port}/${edge.protocol}`,
    })),
  )
}

const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0)

export function sorted(list: readonly Row[], { key, descending }: Sort): Row[] {
  const value = VALUE[key]
  const sign = descending ? -1 : 1
  return list.toSorted((a, b) => sign * compare(value(a), value(b)) || compare(a.source, b.source))
}

/** RFC 4180. A cell that a spreadsheet would take for a formula is made text: names come from workloads. */
function cell(value: string | number): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const HEADERS = [
  'source',
  'destination',
  'protocol',
  'port',
  'application',
  'outcome',
  'by',
  'why',
  'allowed',
  'audited',
  'denied',
  'bytes',
  'first',
  'last',
] as const

export function toCsv(list: readonly Row[]): string {
  const lines = list.map(({ edge, source, destination }) => {
    const { protocol, port, application = '', outcome, by = '', why, connections, bytes, first, last } = edge
    const { allowed, audited, denied } = connections
    const what = [source, destination, protocol, port, application, outcome, by, why]
    return [...what, allowed, audited, denied, bytes, first, last].map(cell).join(',')
  })
  return `${[HEADERS.join(','), ...lines].join('\r\n')}\r\n`
}

export const toJson = (list: readonly Row[]): string =>
  `${JSON.stringify(
    list.map(({ edge }) => edge),
    null,
    2,
  )}\n`
