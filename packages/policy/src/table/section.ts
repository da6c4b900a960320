import { type Direction, parseRuleId } from '@sekisho/core'
import type { BoundPeers, BoundRule, BoundSection } from '../model/bound.ts'
import type { NamedPortSpec } from '../model/ports.ts'
import { contentHash } from './hash.ts'
import { namedPortSet, nameSet, nodesSet, rangeSet, type SetSpec, selectorSet } from './set-spec.ts'

/** The sets one rule asks for; absent peers mean any. */
export interface RuleSets {
  readonly peers?: readonly SetSpec[]
  /** The rule also matches what is in none of these. */
  readonly outside?: readonly SetSpec[]
  /** The rule may match what is in any of these, by the name that is asked for there. */
  readonly byName?: readonly SetSpec[]
  /** Who may say where names lead. */
  readonly resolvers?: readonly SetSpec[]
  readonly named: readonly SetSpec[]
}

/** What of a section is the same for every workload it judges. */
export interface CompiledSection {
  /** Equal for sections that compile to equal rules. */
  readonly fingerprint: string
  readonly sets: ReadonlyMap<BoundRule, RuleSets>
  /** Ingress: the names that each subject resolves for itself. */
  readonly names: readonly NamedPortSpec[]
}

/** Everything that belongs to the installation. */
const insideSets = ({ inside }: BoundPeers): readonly SetSpec[] =>
  inside ? [selectorSet(inside), nodesSet(false)] : []

function nameSets({ action, peers }: BoundRule): Pick<RuleSets, 'byName' | 'resolvers'> {
  if (!peers?.byName) return {}
  const { patterns, resolvers } = peers.byName
  return {
    byName: [...new Set(patterns)].map(pattern => nameSet(pattern, action === 'deny')),
    resolvers: [...resolvers.selections.map(selectorSet), rangeSet(resolvers.ranges)],
  }
}

function ruleSets(rule: BoundRule): RuleSets {
  const { peers, named, namedOn } = rule
  const perSelection = namedOn.flatMap(selection => named.map(port => namedPortSet(selection, port)))
  if (!peers) return { named: perSelection }
  const ranges = peers.ranges.length > 0 ? [rangeSet(peers.ranges)] : []
  const places = [
    ...(peers.places.includes('host') ? [nodesSet(true)] : []),
    ...(peers.places.includes('cluster') ? insideSets(peers) : []),
  ]
  const sets = [...peers.selections.map(selectorSet), ...places, ...ranges]
  return {
    peers: [...new Map(sets.map(set => [set.id, set])).values()],
    ...(peers.places.includes('world') && { outside: insideSets(peers) }),
    ...nameSets(rule),
    named: perSelection,
  }
}

const idsOf = (sets: readonly SetSpec[] | undefined) => sets?.map(set => set.id) ?? null

/**
 * What is to be found out does not show in the table, but what was found out counts no longer when it changes: then the
 * table must change too, so that every connection is judged anew.
 */
function asked(
  section: BoundSection,
  direction: Direction,
  { id, needsFacts, onFailure }: BoundRule,
): unknown {
  const index = needsFacts ? parseRuleId(id)?.index : undefined
  const rule = index === undefined ? undefined : section.policy.sections[direction]?.rules[index]
  if (!rule) return null
  const names = rule.peers?.flatMap(peer => (peer.kind === 'fqdn' ? [peer.pattern] : []))
  return [rule.applications ?? null, rule.l7 ?? null, names ?? null, onFailure]
}

const content = (
  rule: BoundRule,
  { peers, outside, byName, resolvers, named }: RuleSets,
): readonly unknown[] => [
  rule.id,
  rule.action,
  rule.answer.onDeny ?? null,
  idsOf(peers),
  idsOf(outside),
  idsOf(byName),
  idsOf(resolvers),
  rule.ports ?? null,
  rule.named.map(port => [port.protocol, port.name]),
  idsOf(named),
]

function compile(section: BoundSection, direction: Direction): CompiledSection {
  const sets = new Map(section.rules.map(rule => [rule, ruleSets(rule)]))
  const rules = [...sets].map(([rule, of]) => [...content(rule, of), asked(section, direction, rule)])
  const { policy } = section
  const does = `${section.isolation ? `isolates ${section.isolation.onDeny ?? ''}` : ''} ${section.denies ? 'denies' : ''}`
  const rank = policy.kind === 'ClusterNetworkPolicy' ? `${policy.tier} ${policy.priority}` : ''
  return {
    fingerprint: contentHash(`${policy.id} ${rank} ${does} ${JSON.stringify(rules)}`),
    sets,
    names: direction === 'ingress' ? section.rules.flatMap(rule => rule.named) : [],
  }
}

/** Compiles each section once; a policy that changes is bound anew and so has new sections. */
export class CompiledSections {
  readonly #compiled = new WeakMap<BoundSection, CompiledSection>()

  get(section: BoundSection, direction: Direction): CompiledSection {
    const old = this.#compiled.get(section)
    if (old) return old
    const made = compile(section, direction)
    this.#compiled.set(section, made)
    return made
  }
}
