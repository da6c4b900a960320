import { type Direction, FAMILIES, type Family, protocolNumber } from '@sekisho/core'
import type { AddressSet, PortMatch, RuleTable, TableRule } from '@sekisho/policy'
import { type Clause, inSet, notInSet } from './field.ts'
import { ANSWERER, ASKER, namedPortMatch, portMatches } from './match.ts'
import { setName } from './names.ts'
import type { NftRule } from './objects.ts'
import { rule } from './statement.ts'

/** Families a set has elements of, now or later. Ranges never change, so an empty family needs no rule. */
export function setFamilies(set: AddressSet): readonly Family[] {
  if (set.kind !== 'range') return FAMILIES
  return FAMILIES.filter(family => set.ranges.some(range => range.family === family))
}

export function addressSet(table: RuleTable, id: string): AddressSet {
  const set = table.sets.get(id)
  if (!set) throw new TypeError(`the table has no set ${JSON.stringify(id)}`)
  return set
}

/** Which packets a chain of rules is for, as far as its map has looked already. */
export interface Known {
  readonly family: Family
  readonly protocol: number
  readonly port: number
}

/** Clauses for each family that no set may hold the peer; reading the other family's address ends the rule. */
function outsideMatches(
  table: RuleTable,
  { direction, rule: { outside = [] } }: Asked,
  known: Known | undefined,
): (readonly Clause[])[] {
  const address = direction === 'egress' ? ANSWERER : ASKER
  const families = known ? [known.family] : FAMILIES
  return families.map(family =>
    outside.map(id => notInSet([address[family]], setName(addressSet(table, id).kind, family, id))),
  )
}

/** One clause per set and family that may hold the peer; none where every peer will do. */
function peerMatches(table: RuleTable, asked: Asked, known: Known | undefined): (readonly Clause[])[] {
  const { peers } = asked.rule
  if (asked.rule.outside) return outsideMatches(table, asked, known)
  if (peers === undefined) return [[]]
  const address = asked.direction === 'egress' ? ANSWERER : ASKER
  return peers.flatMap(id => {
    const set = addressSet(table, id)
    const families = setFamilies(set).filter(family => !known || family === known.family)
    return families.map(family => [inSet([address[family]], setName(set.kind, family, id))])
  })
}

const covers = ({ protocol, ports }: PortMatch, known: Known): boolean =>
  protocolNumber(protocol) === known.protocol &&
  (ports === undefined || ports.some(([first, last]) => first <= known.port && known.port <= last))

function portClauses({ rule: { ports } }: Asked, known: Known | undefined): (readonly Clause[])[] {
  if (ports === undefined) return [[]]
  if (!known) return portMatches(ports)
  return ports.some(match => covers(match, known)) ? [[]] : []
}

/** A rule of a compiled chain, and what follows where it matches. */
export interface Asked {
  readonly direction: Direction
  readonly rule: TableRule
  readonly counter: string
  /** One nft rule for each. Made when asked for: in a map there is none. */
  ends(): readonly (readonly Clause[])[]
}

/**
 * The nft rules of one rule. Ports come before peers, because comparing a number is cheaper than looking an
 * address up. Named ports need no peers beside them: their members are among those of the peers.
 */
export function nftRules(table: RuleTable, asked: Asked, known?: Known): NftRule[] {
  const peers = peerMatches(table, asked, known)
  const families = known ? [known.family] : FAMILIES
  const named = (asked.rule.namedPorts ?? []).flatMap(id =>
    families.map(family => namedPortMatch(family, setName('named-port', family, id))),
  )
  const matches = portClauses(asked, known).flatMap(port => peers.map(peer => [...port, ...peer]))
  const ends = asked.ends()
  return [...matches, ...named].flatMap(match => ends.map(end => rule(...match, ...end)))
}
