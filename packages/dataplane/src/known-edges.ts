import { FAMILIES, type Family } from '@sekisho/core'
import { type Clause, type Field, hostU32, inSet, L4PROTO, put } from './field.ts'
import { ANSWERER, ANSWERING_PORT, ASKER, WITH_PORTS } from './match.ts'
import type { NftRule, NftSet } from './objects.ts'
import { rule } from './statement.ts'

/**
 * What was allowed a short while ago: the stamp that was given, who asked, who answered, protocol and port. The first
 * packet of the next such connection passes by one look-up, where it would walk through the rules of both ends. A change
 * of the table leaves all this alone: what was allowed in an earlier generation has another stamp.
 */

/** A scan of as many ports and addresses has everybody's connections judged one by one, until it is forgotten. */
const EDGES_MAX = 65_536
const SECONDS_KEPT = 60

const STAMP: Field = { text: 'ct mark', type: 'mark', load: to => [{ kind: 'ct', key: 'mark', to }] }
const edge = (family: Family) => [STAMP, ASKER[family], ANSWERER[family], L4PROTO, ANSWERING_PORT] as const
const nameOf = (family: Family): string => `known_${family}`

export const KNOWN_EDGES: readonly NftSet[] = FAMILIES.map(family => ({
  name: nameOf(family),
  key: edge(family).map(({ type }) => type),
  elementsMax: EDGES_MAX,
  dynamic: { secondsKept: SECONDS_KEPT },
}))

/** Goes on for a connection that would be stamped as it is now. */
export const isKnown = (family: Family): readonly Clause[] => [
  WITH_PORTS,
  inSet(edge(family), nameOf(family)),
]

/** Keeps what a connection was stamped for. */
export const REMEMBER: readonly NftRule[] = FAMILIES.map(family =>
  rule(WITH_PORTS, put(edge(family), nameOf(family))),
)

const IPS_CONFIRMED = 8
/**
 * The first packet of a connection that no other packet has seen: until it has passed, nobody can go by what is written
 * into its mark.
 */
export const FIRST: Clause = {
  text: 'ct status ! confirmed',
  expressions: [
    { kind: 'ct', key: 'status', to: 0 },
    { kind: 'bitwise', register: 0, mask: hostU32(IPS_CONFIRMED), xor: hostU32(0) },
    { kind: 'compare', operator: '==', from: 0, value: hostU32(0) },
  ],
}
