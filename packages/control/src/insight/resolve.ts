import { canonicalIp, SekishoError, type Workload, type WorkloadId } from '@sekisho/core'
import type { Model, QueryEnd } from '@sekisho/policy'
import type { EdgeEnd } from '../schema/records.ts'
import { groupKey } from './protection.ts'

/** What a person named, as the engine is asked and as the console shows it. */
export interface ResolvedEnd {
  readonly query: QueryEnd
  readonly view: EdgeEnd
  readonly workload: Workload | undefined
}

/**
 * `namespace/name` of a workload or of its group (any one of it stands for all), a workload id, or an address.
 * A name without a namespace is fine where only one namespace has it.
 * @throws SekishoError `not-found`; `bad-request` when several namespaces have the name.
 */
export function resolveEnd(model: Model, text: string): ResolvedEnd {
  const ip = canonicalIp(text)
  if (ip !== undefined) return addressEnd(ip, model.workloadAt(ip))
  const known = model.workloads.get(text as WorkloadId) // an unknown text finds nothing
  return workloadEnd(known ?? named(model, text))
}

const addressEnd = (ip: string, workload: Workload | undefined): ResolvedEnd =>
  workload
    ? { query: { workload: workload.id, ip }, view: { ...viewOf(workload), ip }, workload }
    : { query: { ip }, view: { key: ip, kind: 'external', namespace: '', name: ip, ip }, workload }

const workloadEnd = (workload: Workload): ResolvedEnd => ({
  query: { workload: workload.id },
  view: viewOf(workload),
  workload,
})

const viewOf = (workload: Workload): EdgeEnd => ({
  key: groupKey(workload),
  kind: 'workload',
  namespace: workload.namespace,
  name: workload.owner.name,
  ip: workload.addresses[0] ?? '',
})

/** One in service before one that is going, a workload of that name before one of that owner; then by id. */
const RANK = { running: 0, terminating: 2, finished: 4 } as const
const rank = (workload: Workload, name: string): number =>
  RANK[workload.state] + (workload.name === name ? 0 : 1)

function named(model: Model, text: string): Workload {
  const slash = text.indexOf('/')
  const namespace = slash < 0 ? undefined : text.slice(0, slash)
  const name = text.slice(slash + 1)
  const found = [...model.workloads.values()]
    .filter(each => namespace === undefined || each.namespace === namespace)
    .filter(each => each.name === name || each.owner.name === name)
    .sort((a, b) => rank(a, name) - rank(b, name) || (a.id < b.id ? -1 : 1))
  const [first] = found
  if (!first) throw new SekishoError('not-found', `There is no workload ${text}.`)
  const namespaces = [...new Set(found.map(each => each.namespace))].sort()
  if (namespaces.length > 1) {
    const choices = namespaces.map(each => `${each}/${name}`).join(' or ')
    throw new SekishoError('bad-request', `${text} is in several namespaces; say ${choices}.`)
  }
  return first
}
