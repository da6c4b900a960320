import { type LabelSelector, LIMITS, type SelectorRequirement } from '@sekisho/core'
import { labelKey, labelValue } from './names.ts'
import type { Spot } from './spot.ts'

const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const

function checked(spot: Spot, check: (text: string) => string | undefined): string | undefined {
  const text = spot.text()
  const wrong = text === undefined ? undefined : check(text)
  if (wrong !== undefined) spot.refuse(wrong)
  return text
}

/** A map of labels, keys and values checked as Kubernetes does. */
export function readLabels(spot: Spot): Record<string, string> {
  if (spot.absent || !spot.object()) return {}
  if (spot.keys.length > LIMITS.labelsPerWorkload.value) spot.refuse('has too many labels')
  const labels: [string, string][] = []
  for (const key of spot.keys) {
    const wrong = labelKey(key)
    if (wrong !== undefined) spot.at(key).refuse(`the key ${wrong}`)
    const value = checked(spot.at(key), labelValue)
    if (value !== undefined) labels.push([key, value])
  }
  return Object.fromEntries(labels)
}

function readRequirement(spot: Spot): SelectorRequirement | undefined {
  if (!spot.fields(['key', 'operator', 'values'])) return undefined
  const key = checked(spot.at('key'), labelKey)
  const operator = spot.at('operator').oneOf(OPERATORS)
  const items = spot.at('values').list(LIMITS.labelsPerWorkload.value)
  const values = items.map(item => checked(item, labelValue)).filter(value => value !== undefined)
  if (key === undefined || operator === undefined) return undefined
  const takesValues = operator === 'In' || operator === 'NotIn'
  if (takesValues && items.length === 0) spot.at('values').refuse(`${operator} needs at least one value`)
  if (!takesValues && items.length > 0) spot.at('values').refuse(`${operator} takes no values`)
  return takesValues ? { key, operator, values } : { key, operator }
}

/** metav1.LabelSelector. Missing, null and empty all select everything; the caller knows where absence matters. */
export function readSelector(spot: Spot): LabelSelector {
  if (spot.absent || !spot.fields(['matchLabels', 'matchExpressions'])) return {}
  const matchLabels = readLabels(spot.at('matchLabels'))
  const matchExpressions = spot
    .at('matchExpressions')
    .list(LIMITS.labelsPerWorkload.value)
    .map(readRequirement)
    .filter(requirement => requirement !== undefined)
  return {
    ...(Object.keys(matchLabels).length > 0 && { matchLabels }),
    ...(matchExpressions.length > 0 && { matchExpressions }),
  }
}
