import { familyBits, formatIp, hasPorts, type IpRange, type Protocol, protocolNumber } from '@sekisho/core'
import type { PortMatch } from '@sekisho/policy'

/**
 * Rules look at the connection, not at the packet: the original direction's source is who asked, the reply
 * direction's source is who answers after DNAT. So a packet of either direction judges its connection, and a
 * live download is cut by its next data packet as surely as by its next acknowledgement.
 */
export const ASKER = { 4: 'ct original ip saddr', 6: 'ct original ip6 saddr' } as const
export const ANSWERER = { 4: 'ct reply ip saddr', 6: 'ct reply ip6 saddr' } as const
const ANSWERING_PORT = 'ct reply proto-src'
/** For ICMP the kernel's tuple holds type and code where others have the destination port. */
const ICMP_TYPE_AND_CODE = 'ct original proto-dst'

type Range = readonly [first: number, last: number]

const NFT_NAMES = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'ipv6-icmp'],
  [132, 'sctp'],
])
const byFirst = (a: Range, b: Range): number => a[0] - b[0]

/** Sorted, disjoint, neighbours joined: nft refuses an anonymous set with overlapping intervals. */
export function mergePorts(ranges: readonly Range[]): Range[] {
  const merged: Range[] = []
  for (const [first, last] of ranges.toSorted(byFirst)) {
    const previous = merged.at(-1)
    if (previous && first <= previous[1] + 1) {
      merged[merged.length - 1] = [previous[0], Math.max(previous[1], last)]
    } else merged.push([first, last])
  }
  return merged
}

const anyOf = (items: readonly string[]): string =>
  items.length === 1 ? (items[0] ?? '') : `{ ${items.join(', ')} }`
const rangeText = ([first, last]: Range): string => (first === last ? `${first}` : `${first}-${last}`)

/** What follows `meta l4proto`: ports, ICMP types, or nothing where every one matches. */
function portText(protocol: Protocol, ranges: readonly Range[] | undefined): string {
  if (ranges === undefined) return ''
  if (hasPorts(protocol)) return ` ${ANSWERING_PORT} ${anyOf(mergePorts(ranges).map(rangeText))}`
  if (protocol !== 'ICMP' && protocol !== 'ICMPv6') return ''
  const types = mergePorts(ranges).map(([first, last]): Range => [first * 256, last * 256 + 255])
  return ` ${ICMP_TYPE_AND_CODE} ${anyOf(types.map(rangeText))}`
}

/** Ranges of each protocol; undefined where one match already takes every port. */
function rangesByProtocol(ports: readonly PortMatch[]): Map<Protocol, Range[] | undefined> {
  const all = new Map<Protocol, Range[] | undefined>()
  for (const { protocol, ports: ranges } of ports) {
    const known = all.get(protocol)
    if (ranges === undefined || (all.has(protocol) && known === undefined)) all.set(protocol, undefined)
    else all.set(protocol, [...(known ?? []), ...ranges])
  }
  return all
}

/** One match text per group of protocols with equal ports, as in `meta l4proto { tcp, udp } ct reply proto-src 53`. */
export function portMatches(ports: readonly PortMatch[]): string[] {
  const groups = new Map<string, string[]>()
  for (const [protocol, ranges] of rangesByProtocol(ports)) {
    if (ranges?.length === 0) continue
    const text = portText(protocol, ranges)
    const number = protocolNumber(protocol)
    groups.set(text, [...(groups.get(text) ?? []), NFT_NAMES.get(number) ?? `${number}`])
  }
  return [...groups].map(([text, names]) => `meta l4proto ${anyOf(names)}${text}`)
}

/** nft learns the width of `proto-src` only from a protocol match before it. */
export const namedPortMatch = (family: 4 | 6, set: string): string =>
  `meta l4proto { tcp, udp, sctp } ${ANSWERER[family]} . meta l4proto . ${ANSWERING_PORT} @${set}`

const text = (family: 4 | 6, value: bigint): string => formatIp({ family, value })

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
