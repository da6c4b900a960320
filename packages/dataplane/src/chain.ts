import type { Family } from '@sekisho/core'
import type { AddressSet, Chain, RuleTable, TableRule } from '@sekisho/policy'
import { ANSWERER, ASKER, namedPortMatch, portMatches } from './match.ts'
import { chainName, counterName, denyChainName, PREFIX, type Role, ruleKey, setName } from './names.ts'
import type { Fragment, NftChain } from './objects.ts'
import { logStatement } from './skeleton.ts'

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

/** One text per set and family that may hold the peer; the empty text where every peer will do. */
function peerTexts(table: RuleTable, { direction }: Chain, { peers }: TableRule): readonly string[] {
  if (peers === undefined) return ['']
  const address = direction === 'egress' ? ANSWERER : ASKER
  return peers.flatMap(id => {
    const set = addressSet(table, id)
    return setFamilies(set).map(family => `${address[family]} @${setName(set.kind, family, id)}`)
  })
}

/**
 * One text per nft rule. Ports come before peers, because comparing a number is cheaper than looking an address up.
 * Named ports need no peers beside them: their members are among those of the peers.
 */
function matchTexts(table: RuleTable, chain: Chain, rule: TableRule): string[] {
  const peers = peerTexts(table, chain, rule)
  const ports = rule.ports === undefined ? [''] : portMatches(rule.ports)
  const named = (rule.namedPorts ?? []).flatMap(id =>
    FAMILIES.map(family => namedPortMatch(family, setName('named-port', family, id))),
  )
  return [...ports.flatMap(port => peers.map(peer => `${port} ${peer}`.trim())), ...named]
}

function verdict(role: Role, rule: TableRule, next: string | undefined): string {
  const key = ruleKey(rule.id)
  const counter = `counter name "${counterName(role, key)}"`
  switch (rule.action) {
    case 'allow':
      return `${counter} return`
    case 'next':
      return next === undefined ? `${counter} return` : `${counter} goto ${next}`
    case 'deny':
      return `goto ${denyChainName(role, key)}`
  }
}

/**
 * Where a denied packet ends: counted, told to user space, dropped. In audit the last step is missing, which is the
 * whole difference between the two.
 */
function denyChain(role: Role, key: string): NftChain {
  const told = [`counter name "${counterName(role, key)}"`, logStatement(`${PREFIX[role]}${key}`)]
  return { name: denyChainName(role, key), rules: role === 'enforce' ? [...told, 'goto refuse'] : told }
}

/** A packet without a connection has nothing to be judged by; only workloads with rules lose it. */
const UNTRACEABLE = 'ct state { invalid, untracked } counter name "invalid" drop'

/**
 * A stage needs an nft chain of its own only where a rule before it says `next`; otherwise falling through is what
 * "no match" means.
 */
function stageChains(table: RuleTable, chain: Chain, role: Role): NftChain[] {
  const base = chainName(role, chain.id)
  const parts: { name: string; rules: string[] }[] = []
  let current = { name: base, rules: role === 'enforce' ? [UNTRACEABLE] : [] }
  parts.push(current)
  chain.stages.forEach((stage, index) => {
    const last = index === chain.stages.length - 1
    const next = last ? undefined : `${base}_${index + 1}`
    for (const rule of stage) {
      const end = verdict(role, rule, next)
      for (const match of matchTexts(table, chain, rule)) current.rules.push(`${match} ${end}`.trim())
    }
    if (next === undefined || !stage.some(rule => rule.action === 'next')) return
    current.rules.push(`goto ${next}`)
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
