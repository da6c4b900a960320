import { fail, ok, type PolicyDocumentJson, type Problem, type Result } from '@sekisho/core'
import { counting, type DefinedApplications } from './defined.ts'
import type { PolicyDocument } from './document.ts'
import { KINDS, POLICY_KINDS } from './kinds.ts'
import { didYouMean, type Finding, formatPath, Spot } from './spot.ts'

/** Frozen to the last leaf: a policy in force must not change under its compiled form. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}

/** The document, or undefined after at least one finding. */
export function readDocument(root: Spot): PolicyDocument | undefined {
  if (!root.object()) return undefined
  const kind = root.at('kind').value
  const known = POLICY_KINDS.find(candidate => candidate === kind)
  if (known === undefined) {
    const hint = typeof kind === 'string' ? didYouMean(kind, POLICY_KINDS) : ''
    root.at('kind').refuse(`must be one of ${POLICY_KINDS.join(', ')}${hint}`)
    return undefined
  }
  const reader = KINDS[known]
  if (root.at('apiVersion').value !== reader.apiVersion) {
    root.at('apiVersion').refuse(`must be ${reader.apiVersion} for kind ${known}`)
  }
  // The kind's own reader made it, so kind and shape belong together.
  return { ...reader.read(root), source: root.value as PolicyDocumentJson } as PolicyDocument
}

/** Validates one document that is JSON already. All mistakes are reported; with any, nothing is returned. */
export function validatePolicy(
  json: unknown,
  at: {
    readonly document?: number
    readonly file?: string
    readonly applications?: DefinedApplications
  } = {},
): Result<PolicyDocument, readonly Problem[]> {
  const findings: Finding[] = []
  const document = readDocument(new Spot(json, [], findings))
  const mistakes = counting(findings, at.applications)
  if (document && mistakes.length === 0) return ok(deepFreeze(document))
  return fail(
    mistakes.map(({ path, reason }) => ({
      document: at.document ?? 0,
      path: formatPath(path),
      reason,
      ...(at.file !== undefined && { file: at.file }),
    })),
  )
}
