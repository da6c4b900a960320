export type Labels = Readonly<Record<string, string>>

/** What a value of a label is, if it is not empty; also the part of a key behind its prefix. */
export const LABEL_WORD = '[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?'

export type SelectorOperator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'

export interface SelectorRequirement {
  readonly key: string
  readonly operator: SelectorOperator
  readonly values?: readonly string[]
}

/** metav1.LabelSelector: all parts must hold; an empty selector selects everything. */
export interface LabelSelector {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly SelectorRequirement[]
}

export type LabelPredicate = (labels: Labels) => boolean

/** Own property only: a label called `constructor` must not find Object's. */
const label = (labels: Labels, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined

/** NotIn and DoesNotExist match where the key is absent (metav1.LabelSelectorRequirement). */
const OPERATORS = {
  In: (value: string | undefined, values: ReadonlySet<string>) => value !== undefined && values.has(value),
  NotIn: (value: string | undefined, values: ReadonlySet<string>) =>
    value === undefined || !values.has(value),
  Exists: (value: string | undefined) => value !== undefined,
  DoesNotExist: (value: string | undefined) => value === undefined,
} satisfies Record<SelectorOperator, (value: string | undefined, values: ReadonlySet<string>) => boolean>

/** Compiles a validated selector once; the predicate allocates nothing. */
export function compileSelector(selector: LabelSelector): LabelPredicate {
  const equal = Object.entries(selector.matchLabels ?? {})
  const rest = (selector.matchExpressions ?? []).map(requirement => {
    const values = new Set(requirement.values ?? [])
    const test = OPERATORS[requirement.operator]
    return (labels: Labels) => test(label(labels, requirement.key), values)
  })
  return labels =>
    equal.every(([key, value]) => label(labels, key) === value) && rest.every(test => test(labels))
}

/** A text that is equal for selectors of equal meaning up to order and repetition; the key of selector sets. */
export function selectorKey(selector: LabelSelector): string {
  const equal = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]) => `${key} In ${JSON.stringify([value])}`,
  )
  const rest = (selector.matchExpressions ?? []).map(({ key, operator, values }) =>
    operator === 'Exists' || operator === 'DoesNotExist'
      ? `${key} ${operator}`
      : `${key} ${operator} ${JSON.stringify([...new Set(values)].toSorted())}`,
  )
  return [...new Set([...equal, ...rest])].toSorted().join(', ')
}
