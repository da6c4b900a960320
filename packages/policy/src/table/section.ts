import type { Direction } from '@sekisho/core'
import type { BoundRule, BoundSection } from '../model/bound.ts'
import type { NamedPortSpec } from '../model/ports.ts'
import { contentHash } from './hash.ts'
import { namedPortSet, rangeSet, type SetSpec, selectorSet } from './set-spec.ts'

/** The sets one rule asks for; absent peers mean any. */
export interface RuleSets {
  readonly peers?: readonly SetSpec[]
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

function ruleSets({ peers, named, namedOn }: BoundRule): RuleSets {
  const perSelection = namedOn.flatMap(selection => named.map(port => namedPortSet(selection, port)))
  if (!peers) return { named: perSelection }
  const ranges = peers.ranges.length > 0 ? [rangeSet(peers.ranges)] : []
  return { peers: [...peers.selections.map(selectorSet), ...ranges], named: perSelection }
}

const text = (rule: BoundRule, { peers, named }: RuleSets): string =>
  JSON.stringify([
    rule.id,
    rule.action,
    peers?.map(set => set.id) ?? null,
    rule.ports ?? null,
    rule.named.map(port => [port.protocol, port.name]),
    named.map(set => set.id),
  ])

function compile(section: BoundSection, direction: Direction): CompiledSection {
  const sets = new Map(section.rules.map(rule => [rule, ruleSets(rule)]))
  const content = [...sets].map(([rule, of]) => text(rule, of))
  return {
    fingerprint: contentHash(`${section.policy.id} ${section.isolation ? 'isolates' : ''} ${content.join()}`),
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
