import type { Family } from '@sekisho/core'
import type { AddressSet, Chain, RuleTable, TableRule } from '@sekisho/policy'
import { type Clause, inSet } from './field.ts'
import { ANSWERER, ASKER, namedPortMatch, portMatches } from './match.ts'
import { chainName, counterName, denyChainName, PREFIX, type Role, ruleKey, setName } from './names.ts'
import type { Fragment, NftChain, NftRule } from './objects.ts'
import { told } from './skeleton.ts'
import { counter, ctState, DROP, goTo, RETURN, rule } from './statement.ts'

const FAMILIES = [4, 6] as const

/** Families a set has elements of, now or later. Ranges never change, so an empty family needs no rule. */
export function setFamilies(set: AddressSet): readonly Family[] {
  if (set.kind !== 'range') return FAMILIES
  return FAMILIES.filter(family => set.ranges.some(range => range.family === family))
}

function addressSet(table: RuleTable, id: string): AddressSet {
  const set = table.sets.get(id)
  if (!set) throw new TypeError(`the table has no set ${JSON.stringify(id)}`)
  return set
}

/** One clause per set and family that may hold the peer; none where every peer will do. */
function peerMatches(table: RuleTable, { direction }: Chain, { peers }: TableRule): (readonly Clause[])[] {
  if (peers === undefined) return [[]]
  const address = direction === 'egress' ? ANSWERER : ASKER
  return peers.flatMap(id => {
    const set = addressSet(table, id)
    return setFamilies(set).map(family => [inSet([address[family]], setName(set.kind, family, id))])
  })
}

/**
 * The clauses of each nft rule. Ports come before peers, because comparing a number is cheaper than looking an
 * address up. Named ports need no peers beside them: their members are among those of the peers.
 */
function matches(table: RuleTable, chain: Chain, asked: TableRule): (readonly Clause[])[] {
  const peers = peerMatches(table, chain, asked)
  const ports = asked.ports === undefined ? [[]] : portMatches(asked.ports)
  const named = (asked.namedPorts ?? []).flatMap(id =>
    FAMILIES.map(family => namedPortMatch(family, setName('named-port', family, id))),
  )
  return [...ports.flatMap(port => peers.map(peer => [...port, ...peer])), ...named]
}

function consequence(role: Role, { id, action }: TableRule, next: string | undefined): readonly Clause[] {
  const key = ruleKey(id)
  const counted = counter(counterName(role, key))
  switch (action) {
    case 'allow':
      return [counted, RETURN]
    case 'next':
      return [counted, next === undefined ? RETURN : goTo(next)]
    case 'deny':
      return [goTo(denyChainName(role, key))]
  }
}

/**
 * Where a denied packet ends: counted, told to user space, dropped. In audit the last step is missing, which is the
 * whole difference between the two.
 */
function denyChain(role: Role, key: string): NftChain {
  const reported = [rule(counter(counterName(role, key))), told(`${PREFIX[role]}${key}`)]
  return {
    name: denyChainName(role, key),
    rules: role === 'enforce' ? [...reported, rule(goTo('refuse'))] : reported,
  }
}

/** A packet without a connection has nothing to be judged by; only workloads with rules lose it. */
const UNTRACEABLE = rule(ctState('invalid', 'untracked'), counter('invalid'), DROP)

/**
 * A stage needs an nft chain of its own only where a rule before it says `next`; otherwise falling through is what
 * "no match" means.
 */
function stageChains(table: RuleTable, chain: Chain, role: Role): NftChain[] {
  const base = chainName(role, chain.id)
  let current: { name: string; rules: NftRule[] } = {
    name: base,
    rules: role === 'enforce' ? [UNTRACEABLE] : [],
  }
  const parts = [current]
  chain.stages.forEach((stage, index) => {
    const last = index === chain.stages.length - 1
    const next = last ? undefined : `${base}_${index + 1}`
    for (const asked of stage) {
      const end = consequence(role, asked, next)
      for (const match of matches(table, chain, asked)) current.rules.push(rule(...match, ...end))
    }
    if (next === undefined || !stage.some(({ action }) => action === 'next')) return
    current.rules.push(rule(goTo(next)))
    current = { name: next, rules: [] }
    parts.push(current)
  })
  return parts
}

/** The nft chains of one compiled chain in one role, with the counters and deny chains its rules need. */
export function chainFragment(table: RuleTable, chain: Chain, role: Role): Fragment {
  const rules = chain.stages.flat()
  const denied = rules.filter(rule => rule.action === 'deny').map(rule => ruleKey(rule.id))
  return {
    counters: [...new Map(rules.map(rule => [rule.id, rule.action === 'deny']))].map(([id, denies]) => ({
      name: counterName(role, ruleKey(id)),
      rule: { id, role, denies },
    })),
    chains: [...[...new Set(denied)].map(key => denyChain(role, key)), ...stageChains(table, chain, role)],
    elements: [],
  }
}
