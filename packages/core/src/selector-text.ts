import { LABEL_WORD, type LabelSelector, type SelectorRequirement } from './labels.ts'
import { fail, ok, type Result } from './result.ts'

const KEY = '[A-Za-z0-9](?:[-A-Za-z0-9_./]{0,315}[A-Za-z0-9])?'
const VALUE = `(?:${LABEL_WORD})?`
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`)
const EQUAL = new RegExp(`^(${KEY})\\s*(==?|!=)\\s*(${VALUE})$`)
const EXISTS = new RegExp(`^(!?)\\s*(${KEY})$`)
const A_VALUE = new RegExp(`^${VALUE}$`)

/** Commas between requirements, not those between values in parentheses. */
const BETWEEN = /,(?![^()]*\))/

/**
 * A selector as kubectl's `-l` takes it: `app=web`, `tier!=back`, `env in (prod, pci)`, `env notin (dev)`, `pci`, `!pci`, all
 * of which must hold. https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
 */
export function parseSelector(text: string): Result<LabelSelector, string> {
  const matchExpressions: SelectorRequirement[] = []
  for (const part of text.split(BETWEEN)) {
    const requirement = requirementOf(part.trim())
    if (!requirement)
      return fail(`${JSON.stringify(part.trim())} is no selector as in "app=web" or "env in (prod, pci)"`)
    matchExpressions.push(requirement)
  }
  return ok({ matchExpressions })
}

function requirementOf(text: string): SelectorRequirement | undefined {
  const [, among, set, listed] = SET.exec(text) ?? []
  if (among !== undefined) {
    const values = (listed ?? '').split(',').map(value => value.trim())
    const isWritten = values.every(value => A_VALUE.test(value))
    return isWritten ? { key: among, operator: set === 'in' ? 'In' : 'NotIn', values } : undefined
  }
  const [, equal, sign, value = ''] = EQUAL.exec(text) ?? []
  if (equal !== undefined) return { key: equal, operator: sign === '!=' ? 'NotIn' : 'In', values: [value] }
  const [, not, key] = EXISTS.exec(text) ?? []
  return key === undefined ? undefined : { key, operator: not ? 'DoesNotExist' : 'Exists' }
}
