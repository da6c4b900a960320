import {
  type Family,
  familyBits,
  formatIp,
  hasPorts,
  type IpRange,
  type Protocol,
  protocolNumber,
} from '@sekisho/core'
import type { PortMatch } from '@sekisho/policy'
import {
  type Clause,
  ctPort,
  ctSource,
  inRanges,
  inSet,
  L4PROTO,
  markIs,
  maskedMark,
  type NumberRange,
  protocolIn,
  vmap,
} from './field.ts'
import { GENERATION_MASK, MARK_MASK, STATE_MASK, stateMark } from './mark.ts'
import { ctState } from './statement.ts'

/**
 * Rules look at the connection, not at the packet: the original direction's source is who asked, the reply
 * direction's source is who answers after DNAT. So a packet of either direction judges its connection, and a
 * live download is cut by its next data packet as surely as by its next acknowledgement.
 */
export const ASKER = { 4: ctSource('original', 4), 6: ctSource('original', 6) } as const
export const ANSWERER = { 4: ctSource('reply', 4), 6: ctSource('reply', 6) } as const
export const ANSWERING_PORT = ctPort('reply', 'source')
/** For ICMP the kernel's tuple holds type and code where others have the destination port. */
const ICMP_TYPE_AND_CODE = ctPort('original', 'destination')

/** The connection was judged by the rules as they are now. */
export const JUDGED_NOW = inSet([maskedMark(GENERATION_MASK)], 'current')
/** Accepts what was allowed by them: its mark has no bits but the generation's. */
export const ALLOWED_NOW = vmap([maskedMark(MARK_MASK)], 'allowed')
export const IS_DENIED = markIs('ct', { mask: STATE_MASK, operator: '==', value: stateMark('denied') })

/**
 * A TCP connection of which the beginning was not seen. Connection tracking takes whoever speaks first for the one
 * who asked, so a connection that was cut would come back with its answerer as its asker, once it is forgotten.
 */
export const MIDSTREAM: Clause = {
  text: 'meta l4proto tcp tcp flags & (fin | syn | rst | ack) != syn ct state new',
  expressions: [
    ...protocolIn([6]).expressions,
    { kind: 'payload', base: 'transport', offset: 13, length: 1, to: 0 },
    { kind: 'bitwise', register: 0, mask: Uint8Array.of(0x17), xor: Uint8Array.of(0) },
    { kind: 'compare', operator: '!=', from: 0, value: Uint8Array.of(0x02) },
    ...ctState('new').expressions,
  ],
}

/** A reset that the kernel itself sends: it is about a connection, and of none. */
export const KERNEL_RESET: Clause = {
  text: 'meta l4proto tcp tcp flags & (fin | syn | rst) == rst ct state related',
  expressions: [
    ...protocolIn([6]).expressions,
    { kind: 'payload', base: 'transport', offset: 13, length: 1, to: 0 },
    { kind: 'bitwise', register: 0, mask: Uint8Array.of(0x07), xor: Uint8Array.of(0) },
    { kind: 'compare', operator: '==', from: 0, value: Uint8Array.of(0x04) },
    ...ctState('related').expressions,
  ],
}

/** Sorted, disjoint, neighbours joined: the kernel refuses overlapping intervals. */
export function mergePorts(ranges: readonly NumberRange[]): NumberRange[] {
  const merged: NumberRange[] = []
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const previous = merged.at(-1)
    if (previous && first <= previous[1] + 1) {
      merged[merged.length - 1] = [previous[0], Math.max(previous[1], last)]
    } else merged.push([first, last])
  }
  return merged
}

/** What follows the protocol: ports, ICMP types, or nothing where every one matches. */
function portClause(protocol: Protocol, ranges: readonly NumberRange[] | undefined): Clause | undefined {
  if (ranges === undefined) return undefined
  if (hasPorts(protocol)) return inRanges(ANSWERING_PORT, mergePorts(ranges), 2)
  if (protocol !== 'ICMP' && protocol !== 'ICMPv6') return undefined
  const types = mergePorts(ranges).map(([first, last]): NumberRange => [first * 256, last * 256 + 255])
  return inRanges(ICMP_TYPE_AND_CODE, types, 2)
}

/** Ranges of each protocol; undefined where one match already takes every port. */
function rangesByProtocol(ports: readonly PortMatch[]): Map<Protocol, NumberRange[] | undefined> {
  const all = new Map<Protocol, NumberRange[] | undefined>()
  for (const { protocol, ports: ranges } of ports) {
    const known = all.get(protocol)
    if (ranges === undefined || (all.has(protocol) && known === undefined)) all.set(protocol, undefined)
    else all.set(protocol, [...(known ?? []), ...ranges])
  }
  return all
}

/** Clauses for each group of protocols with equal ports, as in `meta l4proto { tcp, udp } ct reply proto-src 53`. */
export function portMatches(ports: readonly PortMatch[]): (readonly Clause[])[] {
  const groups = new Map<string, { readonly port: Clause | undefined; readonly protocols: number[] }>()
  for (const [protocol, ranges] of rangesByProtocol(ports)) {
    if (ranges?.length === 0) continue
    const port = portClause(protocol, ranges)
    const group = groups.get(port?.text ?? '') ?? { port, protocols: [] }
    groups.set(port?.text ?? '', group)
    group.protocols.push(protocolNumber(protocol))
  }
  return [...groups.values()].map(({ port, protocols }) => [protocolIn(protocols), ...(port ? [port] : [])])
}

/** The protocols that have ports, as nft writes them. */
export const TRANSPORTS: ReadonlyMap<number, string> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
])
/** nft learns the width of `proto-src` only from such a match before it. */
export const WITH_PORTS = protocolIn([...TRANSPORTS.keys()])

/** The answerer's address, protocol and port are an element. */
export const namedPortMatch = (family: Family, set: string): readonly Clause[] => [
  WITH_PORTS,
  inSet([ANSWERER[family], L4PROTO, ANSWERING_PORT], set),
]

const text = (family: Family, value: bigint): string => formatIp({ family, value })

/** A range as nft text; one that is a whole prefix is written as such. */
export function rangeElement({ family, first, last }: IpRange): string {
  if (first === last) return text(family, first)
  const size = last - first + 1n
  const bits = size.toString(2).length - 1
  const isPrefix = size === 1n << BigInt(bits) && first % size === 0n
  return isPrefix
    ? `${text(family, first)}/${familyBits(family) - bits}`
    : `${text(family, first)}-${text(family, last)}`
}
