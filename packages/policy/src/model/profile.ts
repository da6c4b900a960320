import type { Direction } from '@sekisho/core'
import type { SideDecision } from '../decision.ts'
import type { Tier } from '../documents/document.ts'
import type { BoundPolicy, BoundRule, BoundSection } from './bound.ts'
import type { PolicySet } from './entry.ts'

/**
 * One stage: the first matching rule answers. Where a rule only leaves the stage (an Allow rule among Deny rules, a Pass
 * of a tier) and where none matches, the closing answer counts, then the next stage.
 */
export interface Stage {
  readonly kind: StageKind
  readonly rules: readonly BoundRule[]
  /** The isolation, in the stage of Allow rules. */
  readonly closing?: SideDecision
}
export type StageKind = 'tier' | 'deny' | 'allow'

/** What a matching rule does in a stage: answer, or go on to the next stage. */
const EFFECTS = {
  tier: { allow: 'allow', deny: 'deny', pass: 'next' },
  deny: { allow: 'next', deny: 'deny', pass: 'next' },
  allow: { allow: 'allow', deny: 'next', pass: 'next' },
} as const satisfies Record<StageKind, Record<BoundRule['action'], 'allow' | 'deny' | 'next'>>

export const effectOf = (stage: Stage, rule: BoundRule): 'allow' | 'deny' | 'next' =>
  EFFECTS[stage.kind][rule.action]

/** What a stage says where a rule of it is the first that matches, or where none does; undefined asks the next stage. */
export const answerOf = (stage: Stage, rule: BoundRule | undefined): SideDecision | undefined =>
  rule ? (effectOf(stage, rule) === 'next' ? undefined : rule.answer) : stage.closing

/**
 * Everything that judges one direction of a workload, in the order that ARCHITECTURE.md binds: the Admin tier, a stage
 * for each policy with Deny rules, one stage of all Allow rules closed by the isolation, and the Baseline tier.
 */
export interface Profile {
  /** Sections in order, each once; the identity of the profile. */
  readonly sections: readonly BoundSection[]
  readonly stages: readonly Stage[]
}

export const EMPTY_PROFILE: Profile = Object.freeze({
  sections: [],
  stages: [],
})

const MODES_OF = {
  enforce: new Set(['Enforce']),
  audit: new Set(['Enforce', 'Audit']),
} as const satisfies Record<PolicySet, ReadonlySet<string>>

/** Lower priorities first; the API leaves ties open, here names break them, so that history does not matter. */
const byPriority = ({ policy: a }: BoundSection, { policy: b }: BoundSection): number =>
  a.kind === 'ClusterNetworkPolicy' && b.kind === 'ClusterNetworkPolicy'
    ? a.priority - b.priority || (a.name < b.name ? -1 : 1)
    : 0

function tier(sections: readonly BoundSection[], name: Tier): readonly Stage[] {
  const ofTier = sections.filter(
    ({ policy }) => policy.kind === 'ClusterNetworkPolicy' && policy.tier === name,
  )
  const rules = ofTier.toSorted(byPriority).flatMap(section => section.rules)
  return rules.length > 0 ? [{ kind: 'tier', rules }] : []
}

/** Between the tiers: what is denied by name, what is allowed, and what isolates. */
function middle(sections: readonly BoundSection[]): readonly Stage[] {
  const denying = sections.filter(section => section.denies)
  const rules = sections.flatMap(section => section.rules.filter(rule => rule.action === 'allow'))
  const closing = sections.find(section => section.isolation)?.isolation
  return [
    ...denying.map(({ rules: own }): Stage => ({ kind: 'deny', rules: own })),
    ...(rules.length > 0 || closing ? [{ kind: 'allow', rules, ...(closing && { closing }) } as const] : []),
  ]
}

/** @param policies those that select the workload, sorted by id. */
export function makeProfile(policies: readonly BoundPolicy[], direction: Direction, set: PolicySet): Profile {
  const sections = policies
    .filter(policy => MODES_OF[set].has(policy.document.mode))
    .flatMap(policy => policy.sections[direction] ?? [])
  if (sections.length === 0) return EMPTY_PROFILE
  const others = sections.filter(({ policy }) => policy.kind !== 'ClusterNetworkPolicy')
  const stages = [...tier(sections, 'Admin'), ...middle(others), ...tier(sections, 'Baseline')]
  return { sections, stages }
}
