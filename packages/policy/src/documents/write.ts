import type { Mode } from '@sekisho/core'
import { stringify } from 'yaml'
import { isNamed, type PolicyDocument } from './document.ts'
import { KINDS } from './kinds.ts'
import { deepFreeze } from './validate.ts'

/** The document as YAML, as it was written but for comments and layout. */
export const policyToYaml = (document: PolicyDocument): string =>
  stringify(document.source, { aliasDuplicateObjects: false, lineWidth: 0 })

/** The same policy in another mode; its source says so too. A definition has none. */
export function withMode(document: PolicyDocument, mode: Mode): PolicyDocument {
  if (isNamed(document)) return document
  return deepFreeze({ ...document, mode, source: KINDS[document.kind].writeMode(document.source, mode) })
}
