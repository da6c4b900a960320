import type { Labels, Workload } from '@sekisho/core'
import { groupKey, type LearnGroup } from '../../learn/flow.ts'
import { findSubjects } from '../../learn/subjects.ts'
import { and, type Cube, fromSelector, inNamespaces } from '../cube.ts'

/** Workloads of one NeuVector service, or why labels cannot say which they are. */
export type Service = { readonly cubes: readonly Cube[] } | { readonly refused: string }

/** By NeuVector's name for them: the owner's name, a dot, the namespace. */
export type Services = ReadonlyMap<string, Service>

const isCommon = (labels: Labels, others: readonly Workload[], key: string): boolean =>
  others.every(other => other.labels[key] === labels[key])

function groupOf(workloads: readonly [Workload, ...Workload[]]): LearnGroup {
  const [{ namespace, owner, kind, labels }, ...others] = workloads
  const keys = new Set(workloads.flatMap(workload => Object.keys(workload.labels)))
  const common = [...keys].filter(key => isCommon(labels, others, key))
  return {
    namespace,
    owner,
    kind,
    labels: Object.fromEntries(common.map(key => [key, labels[key] ?? ''])),
    varying: [...keys].filter(key => !common.includes(key)),
  }
}

/** What labels select the workloads of each owner, and of no other that is known. */
export function findServices(workloads: readonly Workload[]): Services {
  const selectable = workloads.filter(({ kind, hostNetwork }) => kind === 'pod' && !hostNetwork)
  const owned = Map.groupBy(selectable, ({ namespace, owner }) => `${namespace}/${owner.kind}/${owner.name}`)
  const groups = [...owned.values()].flatMap(([first, ...more]) => (first ? [groupOf([first, ...more])] : []))
  const subjects = findSubjects(groups)
  const services = new Map<string, Service>()
  for (const group of groups) {
    const name = `${group.owner.name}.${group.namespace}`
    const subject = subjects.of.get(groupKey(group))
    const held = services.get(name)
    const cube = subject && fromSelector(subject.selector, 'pod')
    const whole = cube && and(cube, inNamespaces(group.namespace))
    if (!subject || !whole) services.set(name, { refused: 'has no labels' })
    else if (subject.names.length > 1)
      services.set(name, { refused: `has the same labels as others: ${subject.names.join(', ')}` })
    else services.set(name, { cubes: [...(held && 'cubes' in held ? held.cubes : []), whole] })
  }
  return services
}
