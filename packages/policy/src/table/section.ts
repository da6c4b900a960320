import type { Direction } from '@sekisho/core'
import type { BoundPeers, BoundRule, BoundSection } from '../model/bound.ts'
import type { NamedPortSpec } from '../model/ports.ts'
import { contentHash } from './hash.ts'
import { namedPortSet, nodesSet, rangeSet, type SetSpec, selectorSet } from './set-spec.ts'

/** The sets one rule asks for; absent peers mean any. */
export interface RuleSets {
  readonly peers?: readonly SetSpec[]
  /** The rule also matches what is in none of these. */
  readonly outside?: readonly SetSpec[]
  readonly named: readonly SetSpec[]
}

/** What of a section is the same for every workload it judges. */
export interface CompiledSection {
  /** Equal for sections that compile to equal rules. */
  readonly fingerprint: string
  /** Of the rules that are compiled. */
  readonly sets: ReadonlyMap<BoundRule, RuleSets>
  /** Ingress: the names that each subject resolves for itself. */
  readonly names: readonly NamedPortSpec[]
}

/** Everything that belongs to the installation. */
const insideSets = ({ inside }: BoundPeers): readonly SetSpec[] =>
  inside ? [selectorSet(inside), nodesSet(false)] : []

/** Names of destinations are left out: without them a rule matches less, and what it lacks is in `notEnforcedHere`. */
function ruleSets({ peers, named, namedOn }: BoundRule): RuleSets {
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
    named: perSelection,
  }
}

/** What the kernel can ask of a packet: a rule that asks for more is not there, so an Allow never allows more. */
const inKernel = ({ condition }: BoundRule): boolean => condition === undefined

const text = (rule: BoundRule, { peers, outside, named }: RuleSets): string =>
  JSON.stringify([
    rule.id,
    rule.action,
    peers?.map(set => set.id) ?? null,
    outside?.map(set => set.id) ?? null,
    rule.ports ?? null,
    rule.named.map(port => [port.protocol, port.name]),
    named.map(set => set.id),
  ])

function compile(section: BoundSection, direction: Direction): CompiledSection {
  const sets = new Map(section.rules.filter(inKernel).map(rule => [rule, ruleSets(rule)]))
  const content = [...sets].map(([rule, of]) => text(rule, of))
  const { policy } = section
  // A Deny rule that is not compiled still makes a stage of its own.
  const does = `${section.isolation ? 'isolates' : ''} ${section.denies ? 'denies' : ''}`
  const rank = policy.kind === 'ClusterNetworkPolicy' ? `${policy.tier} ${policy.priority}` : ''
  return {
    fingerprint: contentHash(`${policy.id} ${rank} ${does} ${content.join()}`),
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
