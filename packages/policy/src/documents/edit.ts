import type { Direction } from '@sekisho/core'
import type { PolicyDocument } from './document.ts'
import { validatePolicy } from './validate.ts'

type Json = Readonly<Record<string, unknown>>

export const SECTION_TYPE = { ingress: 'Ingress', egress: 'Egress' } as const satisfies Record<
  Direction,
  string
>

/** A document that this program wrote itself. @throws TypeError where it is not valid: a mistake of ours. */
export function written(json: PolicyDocument['source']): PolicyDocument {
  const read = validatePolicy(json, { applications: 'any' })
  if (!read.ok) throw new TypeError(`a proposed policy is not valid: ${JSON.stringify(read.error)}`)
  return read.value
}

/** The rules of a direction as they are written. */
export const rulesOf = (policy: PolicyDocument, direction: Direction): readonly Json[] => {
  const spec = policy.source.spec as Readonly<Record<Direction, readonly Json[] | null | undefined>>
  return spec[direction] ?? []
}

/** The document with other rules in one section; a policy that then says nothing is undefined. */
export function withRules(
  policy: PolicyDocument,
  direction: Direction,
  rules: readonly Json[] | undefined,
): PolicyDocument | undefined {
  const { [direction]: _, policyTypes, ...spec } = policy.source.spec as Json
  const types = (policyTypes as readonly string[] | undefined)?.filter(
    type => rules || type !== SECTION_TYPE[direction],
  )
  const about = rules ?? (direction === 'ingress' ? spec.egress : spec.ingress)
  if (about === undefined) return undefined
  return written({
    ...policy.source,
    spec: {
      ...spec,
      ...(types && types.length > 0 && { policyTypes: types }),
      ...(rules && { [direction]: rules }),
    },
  })
}
