import {
  canonicalIp,
  type EpochMs,
  type EventSeverity,
  type FilterTerm,
  type WorkloadId,
} from '@sekisho/core'
import { FINDING_KINDS, type FindingKind } from '@sekisho/policy'
import type { EdgeTotals, EventRecord, Records, Window } from '@sekisho/store'
import { LOOK_BACK_MS } from '../insight/alarms.ts'
import { isMismatch, isUnexpected } from '../insight/unexpected.ts'
import { isOwn } from './policy.ts'

/** Whom a finding is about: a workload, or an address that is none's. */
export type Offender =
  | { readonly kind: 'workload'; readonly id: WorkloadId }
  | { readonly kind: 'address'; readonly ip: string }

export const offenderKey = (offender: Offender): string =>
  offender.kind === 'workload' ? offender.id : offender.ip

export interface Finding {
  readonly kind: FindingKind
  readonly severity: EventSeverity
  readonly offender: Offender
  /** Address of the other end, where there is one. */
  readonly peer?: string
  /** Of `dns-finding`. */
  readonly check?: string
  readonly count: number
  /** Of all that is counted. */
  readonly first: EpochMs
  readonly last: EpochMs
}

type FindingRecords = Pick<Records, 'events' | 'edges'>

/** Events of one kind that are read in one look: a flood of them says nothing more. */
const EVENTS = 1_000
/** Pairs of ends that are told apart; a scan makes tens of thousands, and is found as a scan. */
const PAIRS = 10_000

const verdict = (value: string): FilterTerm => ({ key: 'verdict', value, not: false })

const offender = (workload: WorkloadId | undefined, ip: unknown): Offender | undefined => {
  if (workload !== undefined) return { kind: 'workload', id: workload }
  return typeof ip === 'string' && canonicalIp(ip) === ip ? { kind: 'address', ip } : undefined
}

/** The one of a group that tried most: the event names the group, of which the others did nothing. */
function scanner(records: FindingRecords, { at, workload, details }: EventRecord): Offender | undefined {
  const source = String(details.source)
  const outside = offender(undefined, source)
  if (outside) return outside
  const tried = new Map<WorkloadId, Set<string>>()
  const window = { since: (at - LOOK_BACK_MS) as EpochMs, until: (at + 1) as EpochMs }
  for (const edge of records.edges(window, [{ key: 'src', value: source, not: false }])) {
    if (edge.source.workload === undefined) continue
    const places = tried.get(edge.source.workload) ?? new Set()
    tried.set(edge.source.workload, places.add(`${edge.destination.ip} ${edge.port}`))
  }
  const [most] = [...tried].toSorted(([, a], [, b]) => b.size - a.size)
  return offender(most?.[0] ?? workload, undefined)
}

const ofEvent = (
  { at, severity, details }: EventRecord,
  kind: FindingKind,
  whom: Offender | undefined,
): readonly Finding[] =>
  whom === undefined
    ? []
    : [
        {
          kind,
          severity,
          offender: whom,
          ...(kind === 'metadata-probe' && typeof details.address === 'string' && { peer: details.address }),
          ...(kind === 'dns-finding' && { check: String(details.check) }),
          count: 1,
          first: at,
          last: at,
        },
      ]

const events =
  (kind: FindingKind, whom: (records: FindingRecords, event: EventRecord) => Offender | undefined): Collect =>
  (records, window) =>
    records
      .events({ window, code: kind, limit: EVENTS })
      .items.flatMap(event => ofEvent(event, kind, whom(records, event)))

/** Edges that are one finding each pair of ends. What responses themselves deny is none. */
const pairs =
  (kind: FindingKind, filter: readonly FilterTerm[], holds: (edge: EdgeTotals) => boolean): Collect =>
  (records, window) => {
    const found = new Map<string, Finding>()
    for (const edge of records.edges(window, filter)) {
      const { source, destination, connections, first, last, by } = edge
      const whom = offender(source.workload, source.ip)
      if (!whom || !holds(edge) || (by !== undefined && isOwn(by))) continue
      const key = `${offenderKey(whom)} ${destination.ip}`
      const known = found.get(key)
      if (!known && found.size >= PAIRS) continue
      found.set(key, {
        kind,
        severity: 'warning',
        offender: whom,
        peer: destination.ip,
        count: connections + (known?.count ?? 0),
        first: known && known.first < first ? known.first : first,
        last: known && known.last > last ? known.last : last,
      })
    }
    return [...found.values()]
  }

type Collect = (records: FindingRecords, window: Window) => readonly Finding[]

/** How each kind of finding is found in the records of a window. */
const COLLECT = {
  'port-scan': events('port-scan', scanner),
  'metadata-probe': events('metadata-probe', (_, { workload, details }) =>
    offender(workload, details.source),
  ),
  'mining-pool': events('mining-pool', (_, { workload }) => offender(workload, undefined)),
  'dns-finding': events('dns-finding', (_, { workload, details }) => offender(workload, details.client)),
  'denied-attempts': pairs('denied-attempts', [verdict('denied')], () => true),
  'application-mismatch': pairs('application-mismatch', [verdict('denied'), verdict('audited')], isMismatch),
  'unexpected-application': pairs(
    'unexpected-application',
    [{ key: 'app', value: '', not: true }],
    edge => edge.outcome !== 'denied' && isUnexpected(edge),
  ),
} as const satisfies Record<FindingKind, Collect>

/** Everything of these kinds that is on record within a window. */
export const collect = (
  records: FindingRecords,
  kinds: ReadonlySet<FindingKind>,
  window: Window,
): readonly Finding[] =>
  FINDING_KINDS.filter(kind => kinds.has(kind)).flatMap(kind => COLLECT[kind](records, window))
