import { type Direction, type PolicyId, type RuleId, ruleId } from '@sekisho/core'
import type { PolicyDocument, PolicyRule } from './documents/document.ts'
import { DIRECTIONS } from './model/entry.ts'

/** What is decided here and not enforced on a node. */
export const NOT_ENFORCED = [
  'application', // what is spoken shows only in the bytes after the first packets, which an agent may be told not to read
  'request', // so does what is asked
  'name', // where a name leads shows in resolvers' answers, which are read alike
  'profiles', // and what inspections find in it
  'host-subject', // the host's own traffic does not pass where workloads' traffic is judged
] as const
export type NotEnforcedWhat = (typeof NOT_ENFORCED)[number]

/** A part of a policy that is not enforced. An Allow rule then allows nothing, a Deny rule denies nothing. */
export interface NotEnforced {
  readonly policy: PolicyId
  /** Absent where the whole policy is meant. */
  readonly rule?: RuleId
  readonly action?: PolicyRule['action']
  readonly what: NotEnforcedWhat
}

/** What the agents do beside judging packets by their ends and ports. */
export interface Enforcing {
  /** All of them read conversations. */
  readonly inspection: boolean
}

function ofRule({ applications, l7, peers = [] }: PolicyRule): readonly NotEnforcedWhat[] {
  return [
    ...(applications ? (['application'] as const) : []),
    ...(l7 ? (['request'] as const) : []),
    ...(peers.some(({ kind }) => kind === 'fqdn') ? (['name'] as const) : []),
  ]
}

function ofPolicy(
  { subject, profiles }: PolicyDocument,
  { inspection }: Enforcing,
): readonly NotEnforcedWhat[] {
  return [
    ...(profiles.length > 0 && !inspection ? (['profiles'] as const) : []),
    ...(subject.kind === 'hosts' ? (['host-subject'] as const) : []),
  ]
}

function ofSection(document: PolicyDocument, direction: Direction): readonly NotEnforced[] {
  return (document.sections[direction]?.rules ?? []).flatMap((rule, index) =>
    ofRule(rule).map(what => ({
      policy: document.id,
      rule: ruleId(document.id, direction, index),
      action: rule.action,
      what,
    })),
  )
}

/**
 * Every part of a policy that agents do not enforce, to be told to whoever applies it.
 * @param enforcing what they do; default: everything, as they do unless told otherwise.
 */
export const notEnforcedHere = (
  document: PolicyDocument,
  enforcing: Enforcing = { inspection: true },
): readonly NotEnforced[] => [
  ...ofPolicy(document, enforcing).map(what => ({ policy: document.id, what })),
  ...(enforcing.inspection ? [] : DIRECTIONS.flatMap(direction => ofSection(document, direction))),
]
