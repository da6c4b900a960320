import type { Chain, OpenRule, RuleTable, SettledRule, TableRule } from '@sekisho/policy'
import { nftSets } from './address-set.ts'
import type { Clause } from './field.ts'
import { chainName, counterName, denyChainName, PREFIX, type Role, ruleKey } from './names.ts'
import { EMPTY, type Fragment, type NftChain, type NftRule, type NftSet } from './objects.ts'
import { walked } from './peer-map.ts'
import { DISPATCHED_MIN, portDispatch } from './port-dispatch.ts'
import { inspectChain } from './queue-chains.ts'
import { type Asked, addressSet } from './rule.ts'
import { told } from './skeleton.ts'
import { counter, goTo, jump, RETURN, rule } from './statement.ts'

/** In what way a chain is asked, and whether what it leaves open can be found out. */
export interface Asking {
  readonly role: Role
  readonly inspects: boolean
}

const isSettled = (rule: TableRule): rule is SettledRule => rule.action !== 'inspect'

function settledEnd(role: Role, { id, action }: SettledRule, next: string | undefined): readonly Clause[] {
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

/** Marks the connection as one to be inspected. Nobody is stopped for what only audit asks. */
function openEnds(role: Role, { may, onFailure }: OpenRule, next: string | undefined): (readonly Clause[])[] {
  const mark = inspectChain(role === 'audit' ? 'open' : onFailure)
  switch (may) {
    case 'allow':
      return [[goTo(mark)]]
    case 'deny':
      return [[jump(mark)]]
    case 'next':
      return next === undefined ? [[goTo(mark)]] : [[jump(mark)], [goTo(next)]]
  }
}

/**
 * Where a denied packet ends: counted, told to user space, dropped. In audit the last step is missing, which is the
 * whole difference between the two.
 */
function denyChain(role: Role, { id, reset }: SettledRule): NftChain {
  const key = ruleKey(id)
  const reported = [rule(counter(counterName(role, key))), told(`${PREFIX[role]}${key}`)]
  return {
    name: denyChainName(role, key),
    rules: role === 'enforce' ? [...reported, rule(goTo(reset ? 'refuse_reset' : 'refuse'))] : reported,
  }
}

/** Rules that are walked one after the other, and where the packet goes that none of them matches. */
interface Part {
  readonly name: string
  readonly asked: Asked[]
  fallThrough: readonly NftRule[]
}

/**
 * A stage needs an nft chain of its own only where a rule before it says `next`; otherwise falling through is what
 * "no match" means.
 */
function parts(chain: Chain, { role, inspects }: Asking): Part[] {
  const base = chainName(role, chain.id)
  let current: Part = { name: base, asked: [], fallThrough: [] }
  const all = [current]
  chain.stages.forEach((stage, index) => {
    const last = index === chain.stages.length - 1
    const next = last ? undefined : `${base}_${index + 1}`
    for (const one of stage) {
      if (!isSettled(one) && !inspects) continue
      current.asked.push({
        direction: chain.direction,
        rule: one,
        counter: counterName(role, ruleKey(one.id)),
        ends: () => (isSettled(one) ? [settledEnd(role, one, next)] : openEnds(role, one, next)),
      })
    }
    if (next === undefined || !stage.some(one => leaves(one, inspects))) return
    current.fallThrough = [rule(goTo(next))]
    current = { name: next, asked: [], fallThrough: [] }
    all.push(current)
  })
  return all
}

const leaves = (rule: TableRule, inspects: boolean): boolean =>
  isSettled(rule) ? rule.action === 'next' : inspects && rule.may === 'next'

type Rendered = Pick<Fragment, 'maps' | 'peerMaps' | 'chains'>

function render(table: RuleTable, { name, asked, fallThrough }: Part): Rendered {
  const { peerMaps, rules } = walked(table, name, asked)
  const dispatched =
    rules.length < DISPATCHED_MIN ? undefined : portDispatch(table, { name, asked, fallThrough })
  if (!dispatched) return { maps: [], peerMaps, chains: [{ name, rules: [...rules, ...fallThrough] }] }
  return {
    maps: [dispatched.map],
    peerMaps: [],
    chains: [{ name, rules: dispatched.rules }, ...dispatched.chains],
  }
}

/** The address sets that rules look into, by what the rules they are made of ask for. */
function setsAsked(table: RuleTable, chains: readonly NftChain[], rules: readonly TableRule[]): NftSet[] {
  const names = new Set<string>()
  for (const { rules: made } of chains) {
    for (const { expressions } of made)
      for (const one of expressions) if (one.kind === 'lookup') names.add(one.set)
  }
  if (names.size === 0) return []
  const ids = new Set(
    rules.flatMap(({ peers = [], outside = [], namedPorts = [] }) => [...peers, ...outside, ...namedPorts]),
  )
  const sets = [...ids].flatMap(id => nftSets(addressSet(table, id)))
  return sets.filter(({ name }) => names.has(name))
}

/** The nft chains of one compiled chain in one role, with the counters and deny chains its rules need. */
export function chainFragment(table: RuleTable, chain: Chain, asking: Asking): Fragment {
  const { role } = asking
  const rules = chain.stages.flat()
  const settled = rules.filter(isSettled)
  const denying = settled.filter(({ action }) => action === 'deny')
  const denied = new Map(denying.map(one => [one.id, one]))
  const rendered = parts(chain, asking).map(part => render(table, part))
  const chains = rendered.flatMap(part => part.chains)
  return {
    ...EMPTY,
    counters: [...new Map(settled.map(({ id, action }) => [id, action === 'deny']))].map(([id, denies]) => ({
      name: counterName(role, ruleKey(id)),
      rule: { id, role, denies },
    })),
    maps: rendered.flatMap(({ maps }) => maps),
    peerMaps: rendered.flatMap(({ peerMaps }) => peerMaps),
    sets: setsAsked(table, chains, rules),
    chains: [...[...denied.values()].map(one => denyChain(role, one)), ...chains],
  }
}
