import { type Direction, inRanges, type Protocol, parseIp } from '@sekisho/core'
import type { SideDecision } from '../decision.ts'
import type { OnFailure } from '../documents/document.ts'
import type { PolicySet } from '../model/entry.ts'
import { matchesPorts } from '../model/ports.ts'
import type { Attachment, Chain, RuleMatch, RuleTable, SetId } from '../table.ts'

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

export function holds(table: RuleTable, id: SetId, peer: Peer): boolean {
  const set = table.sets.get(id)
  if (!set) throw new TypeError(`the table has no set ${id}`)
  switch (set.kind) {
    case 'selector':
    case 'name':
      return set.members.has(peer.ip)
    case 'named-port':
      return set.members.has(peer.service)
    case 'range': {
      const ip = parseIp(peer.ip)
      return ip !== undefined && inRanges(set.ranges, ip)
    }
  }
}

interface Asked {
  readonly peer: Peer
  readonly packet: PacketQuery
  /** Whether open rules are asked. */
  readonly inspects: boolean
}

function matches(table: RuleTable, rule: RuleMatch, { peer, packet }: Asked): boolean {
  const inPeers = rule.outside
    ? !rule.outside.some(id => holds(table, id, peer))
    : !rule.peers || rule.peers.some(id => holds(table, id, peer))
  const inPorts = !rule.ports || matchesPorts(rule.ports, packet.protocol, packet.port)
  return inPeers && (inPorts || (rule.namedPorts ?? []).some(id => holds(table, id, peer)))
}

interface Walked {
  readonly answer: SideDecision
  /** Of the open rules that matched. */
  readonly open: readonly OnFailure[]
}

function walk(table: RuleTable, chain: Chain, asked: Asked): Walked {
  const open: OnFailure[] = []
  for (const stage of chain.stages) {
    for (const rule of stage) {
      const isOpen = rule.action === 'inspect'
      if ((isOpen && !asked.inspects) || !matches(table, rule, asked)) continue
      if (isOpen) open.push(rule.onFailure)
      const does = isOpen ? rule.may : rule.action
      // Of what an open rule may deny, the others are asked: they may deny it for good.
      if (isOpen && does === 'deny') continue
      if (does === 'next') break
      return { answer: { verdict: does, by: rule.id, why: rule.why }, open }
    }
  }
  return { answer: { verdict: 'allow', why: 'not-selected' }, open }
}

const chainOf = (attached: Attachment, direction: Direction, set: PolicySet) =>
  (set === 'audit' ? attached.audit[direction] : undefined) ?? attached.enforce[direction]

type WalkedSides = Readonly<Partial<Record<Direction, Walked>>>
const unasked = (why: SideDecision['why']): Walked => ({ answer: { verdict: 'allow', why }, open: [] })

function walkSides(
  table: RuleTable,
  packet: PacketQuery,
  { policies, inspects }: { readonly policies: PolicySet; readonly inspects: boolean },
): WalkedSides {
  const at = (ip: string) => [...table.attachments.values()].find(({ addresses }) => addresses.includes(ip))
  const [source, destination] = [at(packet.source), at(packet.destination)]
  const service = `${packet.destination}|${packet.protocol}|${packet.port}`
  const side = (attached: Attachment, direction: Direction): Walked => {
    if (source === destination) return unasked('self')
    if (direction === 'ingress' && table.nodeAddresses.has(packet.source)) return unasked('own-node')
    const id = chainOf(attached, direction, policies)
    const chain = id === undefined ? undefined : table.chains.get(id)
    if (!chain) return unasked('not-selected')
    const ip = direction === 'egress' ? packet.destination : packet.source
    return walk(table, chain, { peer: { ip, service }, packet, inspects })
  }
  return {
    ...(source && { egress: side(source, 'egress') }),
    ...(destination && { ingress: side(destination, 'ingress') }),
  }
}

/**
 * Decides a packet as the kernel does with this table where nothing is inspected: the meaning of `RuleTable`, written to
 * be read and tested against.
 */
export function decideByTable(
  table: RuleTable,
  packet: PacketQuery,
  policies: PolicySet = 'enforce',
): TableDecision {
  const { egress, ingress } = walkSides(table, packet, { policies, inspects: false })
  return { ...(egress && { egress: egress.answer }), ...(ingress && { ingress: ingress.answer }) }
}

/** What a node that inspects does with a packet. */
export type Treatment =
  | { readonly kind: 'pass' | 'drop' }
  | { readonly kind: 'inspect'; readonly onFailure: OnFailure }

/**
 * The same where connections can be inspected: what is denied for good is dropped, and what is still open on either side
 * is to be inspected. For what only policies in Audit ask, nobody is stopped.
 */
export function treatByTable(table: RuleTable, packet: PacketQuery): Treatment {
  const walked = (policies: PolicySet) =>
    Object.values(walkSides(table, packet, { policies, inspects: true }))
  const enforced = walked('enforce')
  if (enforced.some(({ answer }) => answer.verdict === 'deny')) return { kind: 'drop' }
  const open = enforced.flatMap(side => side.open)
  if (open.includes('closed')) return { kind: 'inspect', onFailure: 'closed' }
  const isOpen = open.length > 0 || walked('audit').some(side => side.open.length > 0)
  return isOpen ? { kind: 'inspect', onFailure: 'open' } : { kind: 'pass' }
}
