import {
  applicationOfProtocol,
  type Direction,
  hasPorts,
  type IpRange,
  type NamedPort,
  type Protocol,
  TELLING_PROTOCOLS,
} from '@sekisho/core'
import type { Entity, Peer, PolicyDocument, PolicyRule } from '../documents/document.ts'
import { ENTITY_PEERS } from '../model/entities.ts'
import type { PortMatch } from '../table.ts'

/** Ports of one protocol that no rule in question tells apart. */
export interface PortPiece {
  readonly protocol: Protocol
  readonly first: number
  readonly last: number
}

/** Everything by which some documents can tell one address or port from another. */
export interface Cuts {
  readonly blocks: readonly IpRange[]
  /** Per protocol the numbers at which a rule may change its mind. */
  readonly ports: ReadonlyMap<Protocol, ReadonlySet<number>>
  /** Some rule asks for a port by name. */
  readonly named: boolean
}

const ALWAYS = ['TCP', 'UDP', 'SCTP', 'ICMP', 'ICMPv6'] as const satisfies readonly Protocol[]
/** Candidates to stand for every protocol that no rule names; the one for experiments first (RFC 3692). */
const OTHERS: readonly Protocol[] = Array.from({ length: 236 }, (_, i): Protocol => `IP/${253 - i}`)

const lastPort = (protocol: Protocol): number =>
  hasPorts(protocol) ? 65_535 : protocol === 'ICMP' || protocol === 'ICMPv6' ? 255 : 0

/** Blocks by which a peer tells addresses apart; of places and hosts the space knows each address itself. */
function blocksOf(peer: Peer): readonly IpRange[] {
  if (peer.kind === 'block') return [peer.cidr, ...peer.except]
  if (peer.kind !== 'entity') return []
  const said: Partial<Record<Entity, readonly Peer[]>> = ENTITY_PEERS
  return (said[peer.entity] ?? []).flatMap(blocksOf)
}

const asks = (document: PolicyDocument, test: (peer: Peer) => boolean): boolean =>
  Object.values(document.sections).some(({ rules }) => rules.some(({ peers }) => peers?.some(test)))

/** Whether a rule asks if a peer is on the subject's own node. */
export const asksForHost = (document: PolicyDocument): boolean =>
  asks(document, peer => peer.kind === 'entity' && peer.entity === 'host')

/** Whether a rule asks if a peer is part of the installation: a name never leads to what is. */
export const asksForWorld = (document: PolicyDocument): boolean =>
  asks(document, ({ kind }) => kind === 'fqdn' || kind === 'entity')

/** Protocols that a rule tells from others, because they are an application that it asks for. */
const toldBy = ({ applications = [] }: PolicyRule): readonly Protocol[] =>
  TELLING_PROTOCOLS.filter(protocol => applications.some(asked => asked === applicationOfProtocol(protocol)))

export function cutsOf(documents: Iterable<PolicyDocument>, directions: readonly Direction[]): Cuts {
  const blocks: IpRange[] = []
  const ports = new Map<Protocol, Set<number>>()
  let named = false
  for (const document of documents) {
    for (const rule of directions.flatMap(direction => document.sections[direction]?.rules ?? [])) {
      for (const peer of rule.peers ?? []) blocks.push(...blocksOf(peer))
      for (const protocol of toldBy(rule)) ports.set(protocol, ports.get(protocol) ?? new Set())
      for (const port of rule.ports ?? []) {
        const held = ports.get(port.protocol) ?? new Set()
        ports.set(port.protocol, held)
        if (port.kind === 'range') held.add(port.first).add(port.last + 1)
        if (port.kind === 'named') named = true
      }
    }
  }
  return { blocks, ports, named }
}

function split(
  protocol: Protocol,
  [first, last]: readonly [number, number],
  cuts: Iterable<number>,
): PortPiece[] {
  const starts = [...new Set([first, ...cuts])].filter(cut => cut >= first && cut <= last)
  starts.sort((a, b) => a - b)
  return starts.map((start, i) => ({ protocol, first: start, last: (starts[i + 1] ?? last + 1) - 1 }))
}

/** Those that are written somewhere, and one for all that are not. */
function everyProtocol(sides: readonly Cuts[]): readonly Protocol[] {
  const told = new Set<Protocol>([...ALWAYS, ...sides.flatMap(({ ports }) => [...ports.keys()])])
  const other = OTHERS.find(protocol => !told.has(protocol))
  return other ? [...told, other] : [...told]
}

/**
 * The ports of a question, cut so that the rules of both sides judge each piece alike.
 * @param wanted absent means every protocol and port.
 * @param listening named ports of the destination.
 */
export function portPieces(
  wanted: readonly PortMatch[] | undefined,
  sides: readonly Cuts[],
  listening: readonly NamedPort[],
): readonly PortPiece[] {
  const names = sides.some(cuts => cuts.named) ? listening : []
  const matches = wanted ?? everyProtocol(sides).map((protocol): PortMatch => ({ protocol }))
  return matches.flatMap(({ protocol, ports = [[0, lastPort(protocol)]] }) => {
    const cuts = [
      ...sides.flatMap(side => [...(side.ports.get(protocol) ?? [])]),
      ...names.filter(port => port.protocol === protocol).flatMap(({ port }) => [port, port + 1]),
    ]
    return ports.flatMap(span => split(protocol, span, cuts))
  })
}

/** IPv4, and IPv6 without the addresses that stand for IPv4 ones (RFC 4291 section 2.5.5.2). */
export const EVERY_ADDRESS: readonly IpRange[] = [
  { family: 4, first: 0n, last: (1n << 32n) - 1n },
  { family: 6, first: 0n, last: (0xffffn << 32n) - 1n },
  { family: 6, first: 1n << 48n, last: (1n << 128n) - 1n },
]

const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)

/** Ranges cut at the ends of every block, so that each block holds all of a piece or nothing of it. */
export function addressPieces(ranges: readonly IpRange[], blocks: readonly IpRange[]): readonly IpRange[] {
  return ranges.flatMap(({ family, first, last }) => {
    const cuts = blocks
      .filter(block => block.family === family)
      .flatMap(block => [block.first, block.last + 1n])
    const starts = [...new Set([first, ...cuts])]
      .filter(cut => cut >= first && cut <= last)
      .toSorted(ascending)
    return starts.map((start, i) => ({ family, first: start, last: (starts[i + 1] ?? last + 1n) - 1n }))
  })
}
