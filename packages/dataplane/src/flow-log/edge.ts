import {
  type Direction,
  type EpochMs,
  type Flow,
  type FlowDetail,
  type FlowEnd,
  LIMITS,
  type Outcome,
  type Protocol,
  type Reason,
  type RuleId,
} from '@sekisho/core'

/** One conversation as the policies see it: no source port. */
export interface EdgeEnds {
  readonly source: FlowEnd
  readonly destination: FlowEnd
  readonly protocol: Protocol
  /** Destination port after DNAT; the ICMP type for ICMP. */
  readonly port: number
}

/** What happened to a conversation, and who decided. */
export interface Attribution {
  readonly outcome: Outcome
  readonly direction?: Direction
  readonly by?: RuleId
  readonly why: Reason
}

/** What is added to an edge by one observation. */
export interface Amounts {
  readonly connections: number
  readonly packets: number
  readonly bytesToDestination: number
  readonly bytesToSource: number
}

/** When an observation was made, or between when. */
export interface Span {
  readonly first: EpochMs
  readonly last: EpochMs
}

export const endKey = ({ workload, ip }: FlowEnd): string =>
  workload === undefined ? ip : `${workload} ${ip}`

export const endsKey = ({ source, destination, protocol, port }: EdgeEnds): string =>
  `${endKey(source)}>${endKey(destination)} ${protocol} ${port}`

/** A conversation with its answer: what one record is about. */
export interface Edge {
  readonly ends: EdgeEnds
  readonly attribution: Attribution
  /** What is spoken, once known. */
  readonly application?: string
  /** Equal for equal edges. */
  readonly key: string
}

export function edgeOf(ends: EdgeEnds, attribution: Attribution, application?: string): Edge {
  const { outcome, by = '' } = attribution
  const key = `${endsKey(ends)} ${outcome} ${by} ${application ?? ''}`
  return { ends, attribution, ...(application !== undefined && { application }), key }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** A flow under construction: the counts of one edge in the present window. */
export interface OpenEdge {
  readonly edge: Edge
  readonly counts: Mutable<Amounts & Span>
  /** Source ports of denied attempts, so that a repeated SYN is not a new attempt. */
  readonly attempts: Set<number>
  /** Requests by name; absent until there is one. */
  requests?: Map<string, number>
  /** By kind and value; absent until there is one. */
  details?: Map<string, FlowDetail>
}

export const openEdge = (edge: Edge, { first, last }: Span): OpenEdge => ({
  edge,
  counts: { connections: 0, packets: 0, bytesToDestination: 0, bytesToSource: 0, first, last },
  attempts: new Set(),
})

/** In place: this happens for each event. */
export function add({ counts }: OpenEdge, amounts: Amounts, { first, last }: Span): void {
  counts.connections += amounts.connections
  counts.packets += amounts.packets
  counts.bytesToDestination += amounts.bytesToDestination
  counts.bytesToSource += amounts.bytesToSource
  if (first < counts.first) counts.first = first
  if (last > counts.last) counts.last = last
}

/** Names beyond the limit are counted under none. */
export function addRequests(open: OpenEdge, name: string, count: number): void {
  open.requests ??= new Map()
  const known = open.requests.get(name)
  const hasRoom = open.requests.size < LIMITS.requestsPerFlow.value - 1
  const as = known !== undefined || hasRoom ? name : ''
  open.requests.set(as, (open.requests.get(as) ?? 0) + count)
}

/** What is beyond the limit is not kept: the first are those of every conversation that is alike. */
export function addDetail(open: OpenEdge, detail: FlowDetail): void {
  open.details ??= new Map()
  if (open.details.size < LIMITS.detailsPerFlow.value)
    open.details.set(`${detail.detail} ${detail.value}`, detail)
}

/** The same edge after all: everything that was counted of another. */
export function merge(to: OpenEdge, from: OpenEdge): void {
  add(to, from.counts, from.counts)
  for (const [name, count] of from.requests ?? []) addRequests(to, name, count)
  for (const detail of from.details?.values() ?? []) addDetail(to, detail)
}

export const toFlow = ({
  edge: { ends, attribution, application },
  counts,
  requests,
  details,
}: OpenEdge): Flow => ({
  ...ends,
  ...(application !== undefined && { application }),
  ...attribution,
  ...counts,
  ...(requests && { requests: [...requests].map(([name, count]) => ({ name, count })) }),
  ...(details && { details: [...details.values()] }),
})
