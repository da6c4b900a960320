import { APPLICATIONS, type Application, applicationsOf, type FilterTerm, formatFilter } from '@sekisho/core'
import type { EdgeTotals, Window } from '@sekisho/store'
import type { Overview } from '../schema/map.ts'
import { type InsightPorts, timestamp } from './ports.ts'

type Attention = Overview['attention'][number]

/** What everybody takes these ports for: something else there hides, or is a mistake. */
const EXPECTED: ReadonlyMap<number, readonly string[]> = new Map<number, readonly Application[]>([
  [22, ['ssh']],
  [25, ['smtp', 'tls']],
  [53, ['dns', 'dot']],
  [80, ['http']],
  [443, ['tls', 'quic', 'dtls']],
  [3306, ['mysql', 'tls']],
  [5432, ['postgresql', 'tls']],
  [6379, ['redis', 'tls']],
  [9092, ['kafka', 'tls']],
  [27_017, ['mongodb', 'tls']],
])
const FILTER: readonly FilterTerm[] = [
  ...[...EXPECTED.keys()].map(port => ({ key: 'port', value: String(port), not: false }) as const),
  { key: 'app', value: '', not: true },
]
/** Items shown; edges told apart while counting. */
const SHOWN = 5
const COUNTED = 10_000

const BUILT_IN: ReadonlySet<string> = new Set(APPLICATIONS)

/** Something else was said than the rule allows that let the connection begin. */
export const isMismatch = ({ why }: EdgeTotals): boolean =>
  why === 'application-mismatch' || why === 'name-mismatch'

/** Applications of one's own are where their owner put them; of what was not recognised nothing can be said. */
export function isUnexpected({ port, application }: EdgeTotals): boolean {
  if (application === undefined || !BUILT_IN.has(application)) return false
  const expected = EXPECTED.get(port)
  return expected !== undefined && !applicationsOf(application).some(each => expected.includes(each))
}

/** Well-known ports on which something else is spoken, and was let pass: the busiest first. */
export function unexpectedEdges({ store }: InsightPorts, window: Window): readonly EdgeTotals[] {
  const found = new Map<string, EdgeTotals>()
  for (const edge of store.records.edges(window, FILTER)) {
    if (edge.outcome === 'denied' || !isUnexpected(edge)) continue
    const { source, destination, port, application } = edge
    const key = `${source.key}|${destination.key}|${port}|${application}`
    const known = found.get(key)
    if (known) found.set(key, { ...edge, connections: edge.connections + known.connections })
    else if (found.size < COUNTED) found.set(key, edge)
  }
  return [...found.values()].sort((a, b) => b.connections - a.connections)
}

export const unexpectedApplications = (ports: InsightPorts, window: Window): Attention[] =>
  unexpectedEdges(ports, window).slice(0, SHOWN).map(itemOf)

function itemOf({ source, destination, port, application = '', connections, last }: EdgeTotals): Attention {
  const term = (key: FilterTerm['key'], value: string) => ({ key, value, not: false })
  return {
    code: 'unexpected-application',
    severity: 'warning',
    at: timestamp(last),
    ...(source.workload !== undefined && { workload: source.workload }),
    details: { source: source.key, destination: destination.key, port, application, connections },
    action: 'show-flows',
    filter: formatFilter([term('src', source.key), term('dst', destination.key), term('app', application)]),
  }
}
