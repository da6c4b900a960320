import { hasPorts, protocolNumber } from '@sekisho/core'
import type { PortMatch, RuleTable } from '@sekisho/policy'
import { L4PROTO, NFPROTO, vmap } from './field.ts'
import { ANSWERING_PORT, TRANSPORTS, WITH_PORTS } from './match.ts'
import type { NftChain, NftFixedMap, NftRule } from './objects.ts'
import { type Asked, type Known, nftRules } from './rule.ts'
import { rule } from './statement.ts'

/**
 * Fewer rules are walked, 15 ns each. Every chain behind a map makes each later change of rules slower, since the
 * kernel follows all verdicts to look for loops.
 */
export const DISPATCHED_MIN = 200
/** Ports told apart by one map; a chain with more is walked. */
const PORTS_MAX = 64
/** How much larger the chains behind a map may be together than the rules they stand for: rules for any port are in each. */
const GROWTH_MAX = 2

/** Single ports that rules ask for, as `protocol:port`. */
export function singlePorts(matches: readonly PortMatch[]): string[] {
  return matches
    .filter(({ protocol }) => hasPorts(protocol))
    .flatMap(({ protocol, ports = [] }) =>
      ports.filter(([first, last]) => first === last).map(([port]) => `${protocolNumber(protocol)}:${port}`),
    )
}

/** As part of an element's key: `tcp . 80`. */
export function portText(port: string): string {
  const [protocol, number] = port.split(':')
  return `${TRANSPORTS.get(Number(protocol)) ?? protocol} . ${number}`
}

/** Whether a rule asks for single ports only, so that a map of ports decides all it can match. */
export const isSingle = ({ rule: { ports, namedPorts = [] } }: Asked): boolean =>
  ports !== undefined &&
  namedPorts.length === 0 &&
  ports.every(
    ({ protocol, ports: ranges }) =>
      hasPorts(protocol) && ranges?.every(([first, last]) => first === last) === true,
  )

interface Walk {
  readonly name: string
  readonly asked: readonly Asked[]
  readonly fallThrough: readonly NftRule[]
}

/**
 * A long walk made short: one look at family, protocol and port leads to a chain that holds, in their order, exactly
 * the rules that can match there; what no map element is for walks the rules that are not about single ports. The
 * same rule decides either way. Undefined where it does not pay.
 */
export function portDispatch(
  table: RuleTable,
  { name, asked, fallThrough }: Walk,
): { readonly map: NftFixedMap; readonly chains: NftChain[]; readonly rules: NftRule[] } | undefined {
  const ports = new Set(asked.flatMap(({ rule: { ports: matches = [] } }) => singlePorts(matches)))
  if (ports.size === 0 || ports.size > PORTS_MAX) return undefined
  const map = `${name}_ports`
  const chains = [...ports].flatMap(port => {
    const [protocol = 0, number = 0] = port.split(':').map(Number)
    return ([4, 6] as const).map(family => {
      const known: Known = { family, protocol, port: number }
      const rules = asked.flatMap(one => nftRules(table, one, known))
      const key = `ipv${family} . ${portText(port)}`
      return {
        key,
        chain: { name: `${name}_${family}_${protocol}_${number}`, rules: [...rules, ...fallThrough] },
      }
    })
  })
  const flat = asked.flatMap(one => nftRules(table, one))
  const total = chains.reduce((sum, { chain }) => sum + chain.rules.length, 0)
  if (total > flat.length * GROWTH_MAX) return undefined
  const others = asked.filter(one => !isSingle(one)).flatMap(one => nftRules(table, one))
  return {
    map: {
      set: { name: map, key: ['nf_proto', 'inet_proto', 'inet_service'], data: 'verdict' },
      elements: chains.map(({ key, chain }) => ({
        set: map,
        key,
        verdict: { kind: 'goto', chain: chain.name },
      })),
    },
    chains: chains.map(({ chain }) => chain),
    rules: [rule(WITH_PORTS, vmap([NFPROTO, L4PROTO, ANSWERING_PORT], map)), ...others, ...fallThrough],
  }
}
