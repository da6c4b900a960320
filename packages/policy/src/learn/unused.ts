import { type Direction, type EpochMs, type PolicyId, type RuleId, ruleId } from '@sekisho/core'
import type { PolicyDocument, PolicyRule, PolicySection } from '../documents/document.ts'
import { rulesOf, SECTION_TYPE, withRules, written } from '../documents/edit.ts'
import { policyToYaml } from '../documents/write.ts'
import { DIRECTIONS } from '../model/entry.ts'
import type { Model } from '../model/model.ts'
import { type SeenUses, type UsingFlow, usesOf } from './uses.ts'

const DAY_MS = 86_400_000

/** What an Allow rule is for that nothing uses; an unused denial is no mistake, and an exception was agreed on. */
export const RULE_ROLES = ['allow', 'deny', 'exception'] as const
export type RuleRole = (typeof RULE_ROLES)[number]

export const RULE_USES = [
  'unused', // no connection for so many days
  'not-seen-long-enough', // none either, but records or policy are younger than that
  'perhaps', // connections came to it of which records do not keep what it asks for
  'used',
] as const
export type RuleUse = (typeof RULE_USES)[number]

export interface UsedRule {
  readonly rule: RuleId
  readonly role: RuleRole
  readonly use: RuleUse
  /** All that came to it in the time observed. */
  readonly connections: number
  readonly last?: EpochMs
  /** From when on the rule, as it is now, was observed. */
  readonly since: EpochMs
  /** It is unused but cannot go alone: beside Deny rules it is what isolates, so that without it everything would be open. */
  readonly isolates?: true
}

export interface UnusedResult {
  /** Of policies in Enforce and Audit, in their order; those in Learn decide nothing. */
  readonly rules: readonly UsedRule[]
  /** Policies without the Allow rules that can go; what was isolated stays isolated. */
  readonly documents: readonly PolicyDocument[]
  /** The same as one text. */
  readonly yaml: string
}

export interface UnusedOptions {
  readonly model: Model
  readonly flows: Iterable<UsingFlow>
  /** The time that the flows are all of. */
  readonly observed: { readonly since: EpochMs; readonly until: EpochMs }
  /** Without a connection for so many days a rule is unused. */
  readonly days: number
  /** Only policies of these namespaces; all, and those of none, when left out. */
  readonly namespaces?: readonly string[]
  /** When a policy was changed last, where that is known. */
  readonly changedAt?: (policy: PolicyId) => EpochMs | undefined
}

interface Part {
  readonly policy: PolicyDocument
  readonly direction: Direction
  readonly section: PolicySection
  readonly index: number
  readonly written: PolicyRule
}

const partsOf = (policy: PolicyDocument): readonly Part[] =>
  DIRECTIONS.flatMap(direction => {
    const section = policy.sections[direction]
    if (!section) return []
    return section.rules.map((rule, index) => ({ policy, direction, section, index, written: rule }))
  })

/** Passes, rules with an end or a ticket, and what a Deny rule of the same section is not to stop. */
function roleOf({ written: rule, section, index }: Part): RuleRole {
  const { action, ticket, validUntil } = rule
  if (action === 'Pass' || ticket !== undefined || validUntil !== undefined) return 'exception'
  if (action === 'Deny') return 'deny'
  return section.rules.slice(index + 1).some(later => later.action === 'Deny') ? 'exception' : 'allow'
}

interface Observed {
  readonly since: EpochMs
  /** The first moment of the days that count. */
  readonly from: number
}

function useOf(id: RuleId, { sure, perhaps }: SeenUses, { since, from }: Observed): RuleUse {
  if ((sure.get(id)?.last ?? Number.NEGATIVE_INFINITY) >= from) return 'used'
  if ((perhaps.get(id)?.last ?? Number.NEGATIVE_INFINITY) >= from) return 'perhaps'
  return since > from ? 'not-seen-long-enough' : 'unused'
}

/** Rules of one section that can go; where only Deny rules would be left, which isolate nothing, none can. */
function removable(parts: readonly Part[], unused: ReadonlySet<RuleId>): readonly Part[] {
  const gone = parts.filter(part => unused.has(idOf(part)))
  const left = parts.filter(part => !gone.includes(part))
  const isOpened = left.length > 0 && left.every(({ written: { action } }) => action !== 'Allow')
  return isOpened && parts[0]?.section.isolates ? [] : gone
}

const idOf = ({ policy, direction, index }: Part): RuleId => ruleId(policy.id, direction, index)

/** The policy in words that say which directions it is about even where no rule of one is left. */
function explicit(policy: PolicyDocument): PolicyDocument {
  if (policy.kind === 'ClusterNetworkPolicy') return policy
  const policyTypes = DIRECTIONS.filter(each => policy.sections[each]).map(each => SECTION_TYPE[each])
  return written({ ...policy.source, spec: { ...(policy.source.spec as object), policyTypes } })
}

function without(policy: PolicyDocument, gone: readonly Part[]): PolicyDocument {
  const out = new Set(gone.map(({ direction, index }) => `${direction} ${index}`))
  return DIRECTIONS.reduce((left, direction) => {
    const rules = rulesOf(policy, direction)
    const kept = rules.filter((_, index) => !out.has(`${direction} ${index}`))
    return kept.length === rules.length ? left : (withRules(left, direction, kept) ?? left)
  }, explicit(policy))
}

/**
 * Which rules no connection came to for so many days, and the policies without those that only allow. Removing them
 * changes no verdict about what was seen.
 */
export function findUnused(options: UnusedOptions): UnusedResult {
  const { model, flows, observed, days, namespaces } = options
  const changed = (policy: PolicyId) => options.changedAt?.(policy) ?? observed.since
  const policies = [...model.policies.values()].filter(
    ({ mode, namespace }) => mode !== 'Learn' && (namespaces?.includes(namespace) ?? true),
  )
  const ruled = new Map(policies.map(policy => [policy, partsOf(policy)]))
  const policyOf = new Map([...ruled.values()].flat().map(part => [idOf(part), part.policy.id]))
  // A rule's id is its place in its policy: before the last change another rule may have had it.
  const seen = usesOf(model, flows, ({ by, last }) => {
    const policy = by && policyOf.get(by)
    return policy !== undefined && last >= changed(policy)
  })
  const from = observed.until - days * DAY_MS
  const rules = [...ruled].flatMap(([policy, parts]) =>
    parts.map((part): UsedRule => {
      const id = idOf(part)
      const { connections, last } = seen.sure.get(id) ?? seen.perhaps.get(id) ?? { connections: 0 }
      // The later of two times is a time.
      const since = Math.max(observed.since, changed(policy.id)) as EpochMs
      const use = useOf(id, seen, { since, from })
      return { rule: id, role: roleOf(part), use, connections, ...(last !== undefined && { last }), since }
    }),
  )
  return propose([...ruled], rules)
}

function propose(
  ruled: readonly (readonly [PolicyDocument, readonly Part[]])[],
  rules: readonly UsedRule[],
): UnusedResult {
  const unused = new Set(
    rules.flatMap(({ rule, role, use }) => (role === 'allow' && use === 'unused' ? [rule] : [])),
  )
  const goneOf = new Map(
    ruled.map(([policy, parts]) => {
      const sections = Map.groupBy(parts, ({ direction }) => direction)
      return [policy, [...sections.values()].flatMap(section => removable(section, unused))]
    }),
  )
  const gone = new Set([...goneOf.values()].flat().map(idOf))
  const documents = [...goneOf].flatMap(([policy, parts]) =>
    parts.length > 0 ? [without(policy, parts)] : [],
  )
  return {
    rules: rules.map(one => (unused.has(one.rule) && !gone.has(one.rule) ? { ...one, isolates: true } : one)),
    documents,
    yaml: documents.map(policyToYaml).join('---\n'),
  }
}
