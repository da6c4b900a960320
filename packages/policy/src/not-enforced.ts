import { type Direction, type PolicyId, type RuleId, ruleId } from '@sekisho/core'
import type { PolicyDocument, PolicyRule } from './documents/document.ts'
import { DIRECTIONS } from './model/entry.ts'

/** What the kernel's rules cannot ask, so that it is decided here and not yet enforced there. */
export const NOT_ENFORCED = [
  'application', // what is spoken shows only in the bytes after the first packets
  'request', // so does what is asked
  'name', // which names led to an address
  'profiles', // inspections of allowed traffic
  'host-subject', // the host's own traffic does not pass where workloads' traffic is judged
  'external-subject', // no agent runs on an external machine
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

function ofRule({ applications, l7, peers = [] }: PolicyRule): ReadonlySet<NotEnforcedWhat> {
  return new Set([
    ...(applications ? (['application'] as const) : []),
    ...(l7 ? (['request'] as const) : []),
    ...(peers.some(({ kind }) => kind === 'fqdn') ? (['name'] as const) : []),
  ])
}

function ofPolicy({ subject, profiles }: PolicyDocument): readonly NotEnforcedWhat[] {
  return [
    ...(profiles.length > 0 ? (['profiles'] as const) : []),
    ...(subject.kind === 'hosts' ? (['host-subject'] as const) : []),
    ...(subject.kind === 'externals' ? (['external-subject'] as const) : []),
  ]
}

function ofSection(document: PolicyDocument, direction: Direction): readonly NotEnforced[] {
  return (document.sections[direction]?.rules ?? []).flatMap((rule, index) =>
    [...ofRule(rule)].map(what => ({
      policy: document.id,
      rule: ruleId(document.id, direction, index),
      action: rule.action,
      what,
    })),
  )
}

/** Every part of a policy that agents of this version do not enforce, to be told to whoever applies it. */
export const notEnforcedHere = (document: PolicyDocument): readonly NotEnforced[] => [
  ...ofPolicy(document).map(what => ({ policy: document.id, what })),
  ...DIRECTIONS.flatMap(direction => ofSection(document, direction)),
]
