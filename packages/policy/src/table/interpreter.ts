import { type Direction, inRanges, type Protocol, parseIp } from '@sekisho/core'
import type { SideDecision } from '../decision.ts'
import type { PolicySet } from '../model/entry.ts'
import { matchesPorts } from '../model/ports.ts'
import type { Attachment, Chain, RuleTable, SetId, TableRule } from '../table.ts'

/** What a packet shows: addresses and ports, no names. */
export interface PacketQuery {
  /** Canonical texts. */
  readonly source: string
  readonly destination: string
  readonly protocol: Protocol
  readonly port: number
}

/** What a node says about a packet; a side is absent where it is not one of the node's workloads. */
export interface TableDecision {
  readonly egress?: SideDecision
  readonly ingress?: SideDecision
}

interface Peer {
  readonly ip: string
  /** How a named-port set names this packet's destination. */
  readonly service: string
}

function holds(table: RuleTable, id: SetId, peer: Peer): boolean {
  const set = table.sets.get(id)
  if (!set) throw new TypeError(`the table has no set ${id}`)
  switch (set.kind) {
    case 'selector':
      return set.members.has(peer.ip)
    case 'named-port':
      return set.members.has(peer.service)
    case 'range': {
      const ip = parseIp(peer.ip)
      return ip !== undefined && inRanges(set.ranges, ip)
    }
  }
}

function matches(
  table: RuleTable,
  rule: TableRule,
  { peer, packet }: { peer: Peer; packet: PacketQuery },
): boolean {
  const inPeers = rule.outside
    ? !rule.outside.some(id => holds(table, id, peer))
    : !rule.peers || rule.peers.some(id => holds(table, id, peer))
  const inPorts = !rule.ports || matchesPorts(rule.ports, packet.protocol, packet.port)
  return inPeers && (inPorts || (rule.namedPorts ?? []).some(id => holds(table, id, peer)))
}

function walk(table: RuleTable, chain: Chain, asked: { peer: Peer; packet: PacketQuery }): SideDecision {
  for (const stage of chain.stages) {
    const rule = stage.find(candidate => matches(table, candidate, asked))
    if (rule && rule.action !== 'next') return { verdict: rule.action, by: rule.id, why: rule.why }
  }
  return { verdict: 'allow', why: 'not-selected' }
}

const chainOf = (attached: Attachment, direction: Direction, set: PolicySet) =>
  (set === 'audit' ? attached.audit[direction] : undefined) ?? attached.enforce[direction]

/** Decides a packet as the kernel does with this table: the meaning of `RuleTable`, written to be read and tested against. */
export function decideByTable(
  table: RuleTable,
  packet: PacketQuery,
  policies: PolicySet = 'enforce',
): TableDecision {
  const at = (ip: string) => [...table.attachments.values()].find(({ addresses }) => addresses.includes(ip))
  const [source, destination] = [at(packet.source), at(packet.destination)]
  const service = `${packet.destination}|${packet.protocol}|${packet.port}`
  const side = (attached: Attachment, direction: Direction): SideDecision => {
    if (source === destination) return { verdict: 'allow', why: 'self' }
    if (direction === 'ingress' && table.nodeAddresses.has(packet.source))
      return { verdict: 'allow', why: 'own-node' }
    const id = chainOf(attached, direction, policies)
    const chain = id === undefined ? undefined : table.chains.get(id)
    if (!chain) return { verdict: 'allow', why: 'not-selected' }
    const ip = direction === 'egress' ? packet.destination : packet.source
    return walk(table, chain, { peer: { ip, service }, packet })
  }
  return {
    ...(source && { egress: side(source, 'egress') }),
    ...(destination && { ingress: side(destination, 'ingress') }),
  }
}
