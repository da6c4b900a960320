import type { LabelSelector, Labels, SelectorRequirement } from '@sekisho/core'

/**
 * Labels that by convention say what a workload is, the recommended one first (Kubernetes: common-labels.md), and
 * labels that say which part or installation of it. A selector has one of the first; a part alone would also
 * select the same part of what is installed tomorrow.
 */
const NAMES = ['app.kubernetes.io/name', 'app', 'k8s-app', 'name'] as const
const PARTS = [
  'app.kubernetes.io/component',
  'app.kubernetes.io/instance',
  'component',
  'tier',
  'role',
] as const

/** What is known of the labels of a group of workloads. */
export interface GroupLabels {
  /** Those that all have, with equal values. */
  readonly labels: Labels
  /** Keys that some have, or that differ between them. */
  readonly varying: ReadonlySet<string>
}

/** Every set of parts, smaller ones first; among equals the order of `PARTS`. */
const PART_SETS: readonly (readonly string[])[] = Array.from({ length: 2 ** PARTS.length }, (_, bits) =>
  PARTS.filter((_part, index) => (bits & (1 << index)) !== 0),
).toSorted((a, b) => a.length - b.length)

/** Every set that may be tried, smallest first. */
const CANDIDATES: readonly (readonly string[])[] = PART_SETS.flatMap(parts =>
  NAMES.map(name => [name, ...parts]),
)

/** Whether a workload of the group may have all of `wanted`. */
const mayHave = ({ labels, varying }: GroupLabels, wanted: Labels): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value || varying.has(key))

const pick = (labels: Labels, keys: readonly string[]): Labels =>
  Object.fromEntries(keys.flatMap(key => (labels[key] === undefined ? [] : [[key, labels[key]]])))

/** The first candidate that the group has whole and that none of the others may have. */
function conventional({ labels }: GroupLabels, others: readonly GroupLabels[]): Labels | undefined {
  for (const keys of CANDIDATES) {
    if (!keys.every(key => Object.hasOwn(labels, key))) continue
    const wanted = pick(labels, keys)
    if (!others.some(other => mayHave(other, wanted))) return wanted
  }
  return undefined
}

/** What keeps `own` from selecting `other` too, which has all its labels and more. */
function exclusion(own: GroupLabels, other: GroupLabels): SelectorRequirement | undefined {
  const extra = Object.entries(other.labels).find(
    ([key]) => !Object.hasOwn(own.labels, key) && !own.varying.has(key),
  )
  return extra && { key: extra[0], operator: 'NotIn', values: [extra[1]] }
}

/** All labels, and what only wider groups have taken out: for groups whose conventional labels are not theirs alone. */
function whole(own: GroupLabels, others: readonly GroupLabels[]): LabelSelector {
  const exclusions = new Map<string, Set<string>>()
  for (const other of others.filter(each => mayHave(each, own.labels))) {
    const { key, values = [] } = exclusion(own, other) ?? {}
    if (key !== undefined) exclusions.set(key, new Set([...(exclusions.get(key) ?? []), ...values]))
  }
  const matchExpressions = [...exclusions].map(([key, values]) => {
    return { key, operator: 'NotIn' as const, values: [...values].toSorted() }
  })
  return { matchLabels: own.labels, ...(matchExpressions.length > 0 && { matchExpressions }) }
}

/**
 * Selects every workload of a group and, where labels tell them apart, none of the others.
 * @param others all other groups that are known in the namespace.
 */
export function selectorOf(own: GroupLabels, others: readonly GroupLabels[]): LabelSelector {
  const matchLabels = conventional(own, others)
  return matchLabels ? { matchLabels } : whole(own, others)
}
