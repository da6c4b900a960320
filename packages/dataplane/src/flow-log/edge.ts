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
  readonly first: EpochMs
  readonly last: EpochMs
}

const endKey = ({ workload, ip }: FlowEnd): string => (workload === undefined ? ip : `${workload} ${ip}`)

export const endsKey = ({ source, destination, protocol, port }: EdgeEnds): string =>
  `${endKey(source)}>${endKey(destination)} ${protocol} ${port}`

export const edgeKey = (ends: EdgeEnds, { outcome, by }: Attribution): string =>
  `${endsKey(ends)} ${outcome} ${by ?? ''}`

/** A flow under construction: the counts of one edge in the present window. */
export interface OpenEdge {
  readonly ends: EdgeEnds
  readonly attribution: Attribution
  amounts: Amounts
  /** Source ports of denied attempts, so that a repeated SYN is not a new attempt. */
  readonly attempts: Set<number>
}

/** Sums and the span of both; `as` because Math.min forgets the unit. */
export const add = (a: Amounts, b: Amounts): Amounts => ({
  connections: a.connections + b.connections,
  packets: a.packets + b.packets,
  bytesToDestination: a.bytesToDestination + b.bytesToDestination,
  bytesToSource: a.bytesToSource + b.bytesToSource,
  first: Math.min(a.first, b.first) as EpochMs,
  last: Math.max(a.last, b.last) as EpochMs,
})

export const toFlow = ({ ends, attribution, amounts }: OpenEdge): Flow => ({
  ...ends,
  ...attribution,
  ...amounts,
})
