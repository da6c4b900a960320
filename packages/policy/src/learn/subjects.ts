import type { LabelSelector, Labels } from '@sekisho/core'
import { groupKey, groupName, type LearnGroup, type LearnNote } from './flow.ts'
import { type GroupLabels, selectorOf } from './selector.ts'

/** Labels that a controller writes anew for each version, pod or run: a selector with one would soon select nothing. */
const UNSTABLE = new Set([
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'job-name',
  'controller-uid',
  'batch.kubernetes.io/job-name',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-completion-index',
  'app.kubernetes.io/version',
  'helm.sh/chart',
])

export const stableLabels = (labels: Labels): Labels =>
  Object.fromEntries(
    Object.entries(labels)
      .filter(([key]) => !UNSTABLE.has(key))
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )

/** One or more groups that a selector tells from all others of their namespace. */
export interface LearnSubject {
  readonly namespace: string
  /** Kind and name of the first of its groups, by key. */
  readonly owner: LearnGroup['owner']
  /** `namespace/owner` of each group. */
  readonly names: readonly string[]
  readonly selector: LabelSelector
}

export interface Subjects {
  /** By `groupKey`; a group that no selector selects alone is missing. */
  readonly of: ReadonlyMap<string, LearnSubject>
  readonly notes: readonly LearnNote[]
}

interface Labelled extends GroupLabels {
  readonly group: LearnGroup
}

function label(groups: readonly LearnGroup[]): readonly Labelled[] {
  const known = new Map(groups.map(group => [groupKey(group), group]))
  return [...known.values()]
    .toSorted((a, b) => (groupKey(a) < groupKey(b) ? -1 : 1))
    .map(group => ({
      group,
      labels: stableLabels(group.labels),
      varying: new Set(group.varying),
    }))
}

/** The subject of groups with equal labels, among all groups of their namespace. */
function subjectOf(
  first: Labelled,
  alike: readonly Labelled[],
  inNamespace: readonly Labelled[],
): LearnSubject {
  const others = inNamespace.filter(one => !alike.includes(one))
  const varying = new Set(alike.flatMap(one => [...one.varying]))
  return {
    namespace: first.group.namespace,
    owner: first.group.owner,
    names: alike.map(one => groupName(one.group)),
    selector: selectorOf({ labels: first.labels, varying }, others),
  }
}

function noteOf(names: readonly string[], labels: Labels): readonly LearnNote[] {
  if (Object.keys(labels).length === 0) {
    return names.map((group): LearnNote => ({ code: 'no-labels', details: { group } }))
  }
  return names.length > 1 ? [{ code: 'groups-merged', details: { groups: names.join(', ') } }] : []
}

/** Finds a selector for each group. Groups with equal labels become one subject; those without labels have none. */
export function findSubjects(groups: readonly LearnGroup[]): Subjects {
  const of = new Map<string, LearnSubject>()
  const notes: LearnNote[] = []
  for (const inNamespace of Map.groupBy(label(groups), ({ group }) => group.namespace).values()) {
    for (const alike of Map.groupBy(inNamespace, ({ labels }) => JSON.stringify(labels)).values()) {
      const [first] = alike
      if (!first) continue
      const subject = subjectOf(first, alike, inNamespace)
      notes.push(...noteOf(subject.names, first.labels))
      if (Object.keys(first.labels).length === 0) continue
      for (const { group } of alike) of.set(groupKey(group), subject)
    }
  }
  return { of, notes }
}
