import type { EpochMs, Protocol } from '@sekisho/core'
import type { Evident } from './dns.ts'
import type { LearnNote } from './flow.ts'

/** What was seen of one peer on one port. */
export interface Seen {
  readonly connections: number
  readonly first: EpochMs
  readonly last: EpochMs
  readonly applications: readonly string[]
  readonly notes: readonly LearnNote[]
}

/** Most flows of a service speak the same: nothing is made then. */
const union = (a: readonly string[], b: readonly string[]): readonly string[] =>
  b.every(each => a.includes(each)) ? a : [...new Set([...a, ...b])]

/** Adds what else was seen; the earliest and the latest of both. */
export function addSeen(a: Seen | undefined, b: Seen): Seen {
  if (!a) return b
  return {
    connections: a.connections + b.connections,
    // The smaller and the larger of two times are times.
    first: Math.min(a.first, b.first) as EpochMs,
    last: Math.max(a.last, b.last) as EpochMs,
    applications: union(a.applications, b.applications),
    notes: [...a.notes, ...b.notes],
  }
}

export const seenOf = ({ connections, first, last, application, notes = [] }: Evident): Seen => {
  return { connections, first, last, applications: application === undefined ? [] : [application], notes }
}

/** Enough of it, and not only in one short moment. */
const SURE = { connections: 10, span: 300_000 }
const LIKELY_CONNECTIONS = 3

export function confidence({ connections, first, last }: Seen): 'low' | 'medium' | 'high' {
  if (connections >= SURE.connections && last - first >= SURE.span) return 'high'
  return connections >= LIKELY_CONNECTIONS ? 'medium' : 'low'
}

/** One port, as text and as it sorts. */
export interface PortKey {
  readonly protocol: Protocol
  readonly port: number
}

export const portKey = ({ protocol, port }: PortKey): string => `${protocol} ${port}`
export const parsePortKey = (key: string): PortKey => {
  const space = key.indexOf(' ')
  // Made by `portKey` from a flow's own protocol.
  return { protocol: key.slice(0, space) as Protocol, port: Number(key.slice(space + 1)) }
}

/** A span of ports of one protocol, written as one entry. */
export interface PortSpan {
  readonly protocol: Protocol
  readonly first: number
  readonly last: number
}

/** Ports as entries: neighbours join only where every port between was seen. ICMP types stay single. */
export function exactSpans(keys: Iterable<string>): readonly PortSpan[] {
  const spans: PortSpan[] = []
  const sorted = [...keys]
    .map(parsePortKey)
    .toSorted((a, b) => (a.protocol === b.protocol ? a.port - b.port : a.protocol < b.protocol ? -1 : 1))
  for (const { protocol, port } of sorted) {
    const end = spans.at(-1)
    const joins = end?.protocol === protocol && end.last + 1 === port && !protocol.startsWith('ICMP')
    if (end && joins) spans[spans.length - 1] = { ...end, last: port }
    else spans.push({ protocol, first: port, last: port })
  }
  return spans
}

export const spanText = ({ protocol, first, last }: PortSpan): string =>
  `${protocol} ${first}${last === first ? '' : `-${last}`}`
