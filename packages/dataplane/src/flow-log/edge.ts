import type { Direction, EpochMs, Flow, FlowEnd, Outcome, Protocol, Reason, RuleId } from '@sekisho/core'

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

const endKey = ({ workload, ip }: FlowEnd): string => (workload === undefined ? ip : `${workload} ${ip}`)

export const endsKey = ({ source, destination, protocol, port }: EdgeEnds): string =>
  `${endKey(source)}>${endKey(destination)} ${protocol} ${port}`

/** A conversation with its answer: what one record is about. */
export interface Edge {
  readonly ends: EdgeEnds
  readonly attribution: Attribution
  /** Equal for equal edges. */
  readonly key: string
}

export function edgeOf(ends: EdgeEnds, attribution: Attribution): Edge {
  const { outcome, by = '' } = attribution
  return { ends, attribution, key: `${endsKey(ends)} ${outcome} ${by}` }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** A flow under construction: the counts of one edge in the present window. */
export interface OpenEdge {
  readonly edge: Edge
  readonly counts: Mutable<Amounts & Span>
  /** Source ports of denied attempts, so that a repeated SYN is not a new attempt. */
  readonly attempts: Set<number>
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

export const toFlow = ({ edge: { ends, attribution }, counts }: OpenEdge): Flow => ({
  ...ends,
  ...attribution,
  ...counts,
})
