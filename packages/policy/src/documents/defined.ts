import { APPLICATIONS, type ApplicationDefinition, type ApplicationName, type PolicyId } from '@sekisho/core'
import type { PolicyDocument } from './document.ts'
import type { Finding } from './spot.ts'

/**
 * Names of applications that are defined besides those that are built in; `any` for documents that were validated
 * before, whose definitions may come later.
 */
export type DefinedApplications = ReadonlySet<ApplicationName> | 'any'
const NONE: DefinedApplications = new Set()

/** Findings that count where so much is defined. */
export const counting = (
  findings: readonly Finding[],
  defined: DefinedApplications = NONE,
): readonly Finding[] =>
  findings.filter(
    ({ unlessDefined }) => unlessDefined === undefined || (defined !== 'any' && !defined.has(unlessDefined)),
  )

/**
 * What documents say of applications; of one document always the same object. By name, so that it is the same for all
 * who have the same documents: of two definitions that fit the first counts.
 */
export const definitionsIn = (documents: Iterable<PolicyDocument>): readonly ApplicationDefinition[] =>
  Array.from(documents)
    .flatMap(each => (each.kind === 'Application' ? each.definition : []))
    .toSorted((a, b) => (a.application < b.application ? -1 : 1))

/** The applications that documents define. */
export const definedBy = (documents: Iterable<PolicyDocument>): ReadonlySet<ApplicationName> =>
  new Set(definitionsIn(documents).map(({ application }) => application))

const namedBy = ({ sections }: PolicyDocument): readonly ApplicationName[] =>
  [sections.ingress, sections.egress].flatMap(
    section => section?.rules.flatMap(({ applications }) => applications ?? []) ?? [],
  )

/**
 * Names that no document defines, each with a policy that uses it. A Deny rule about what nothing is recognised as
 * would deny nothing, and nobody would see it: a definition goes after the last policy that names it.
 */
export function undefinedApplications(
  documents: Iterable<PolicyDocument>,
): ReadonlyMap<ApplicationName, PolicyId> {
  const all = Array.from(documents)
  const known: ReadonlySet<ApplicationName> = new Set([...APPLICATIONS, ...definedBy(all)])
  return new Map(
    all.flatMap(policy =>
      namedBy(policy).flatMap(name => (known.has(name) ? [] : [[name, policy.id] as const])),
    ),
  )
}
