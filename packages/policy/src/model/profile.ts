import type { Direction } from '@sekisho/core'
import type { SideDecision } from '../decision.ts'
import type { BoundPolicy, BoundRule, BoundSection } from './bound.ts'
import type { PolicySet } from './entry.ts'

/** One stage: the first matching rule answers. In a deny stage an Allow rule only ends the stage. */
export interface Stage {
  readonly kind: 'deny' | 'allow'
  readonly sections: readonly BoundSection[]
  readonly rules: readonly BoundRule[]
}

/**
 * Everything that judges one direction of a workload, in the order that ARCHITECTURE.md binds: a stage for each
 * policy with Deny rules, one stage of all Allow rules, and the isolation that closes them.
 */
export interface Profile {
  /** Sections in order, each once; the identity of the profile. */
  readonly sections: readonly BoundSection[]
  readonly stages: readonly Stage[]
  readonly isolation: SideDecision | undefined
}

export const EMPTY_PROFILE: Profile = Object.freeze({ sections: [], stages: [], isolation: undefined })

const MODES_OF = {
  enforce: new Set(['Enforce']),
  audit: new Set(['Enforce', 'Audit']),
} as const satisfies Record<PolicySet, ReadonlySet<string>>

/** @param policies those that select the workload, sorted by id. */
export function makeProfile(policies: readonly BoundPolicy[], direction: Direction, set: PolicySet): Profile {
  const sections = policies
    .filter(policy => MODES_OF[set].has(policy.document.mode))
    .flatMap(policy => policy.sections[direction] ?? [])
  if (sections.length === 0) return EMPTY_PROFILE
  const denying = sections.filter(section => section.denies)
  const stages: Stage[] = denying.map(section => ({
    kind: 'deny',
    sections: [section],
    rules: section.rules,
  }))
  const rules = sections.flatMap(section => section.rules.filter(rule => rule.action === 'allow'))
  if (rules.length > 0) stages.push({ kind: 'allow', sections, rules })
  return { sections, stages, isolation: sections.find(section => section.isolation)?.isolation }
}
