import {
  carries,
  knownApplication,
  type Labels,
  type PolicyId,
  type Workload,
  type WorkloadId,
} from '@sekisho/core'
import {
  createModel,
  type FlowFacts,
  type FlowQuery,
  groupOf,
  type LearnEnd,
  type LearnGroup,
  type Model,
  type PolicyDocument,
} from '@sekisho/policy'
import type { EdgeTotals, RecordedEdge, RecordedEnd, Records } from '@sekisho/store'
import type { InsightPorts } from './ports.ts'
import { groupKey } from './protection.ts'

/**
 * A model of the present with other policies. Workloads that are gone are added from history when a flow names
 * them: as finished ones, which keep their labels and own no address that may be another's by now.
 */
export function modelWith(
  ports: Pick<InsightPorts, 'model' | 'store'>,
  policies: Iterable<PolicyDocument>,
): Model {
  const model = createModel()
  const namespaces = new Map(ports.store.records.lastNamespaces().map(each => [each.name, each]))
  for (const [name, namespace] of ports.model.namespaces) namespaces.set(name, namespace)
  const { now } = ports.model.index
  model.update({
    ...(now !== undefined && { now }),
    nodes: { set: [...ports.model.index.nodes()] },
    namespaces: { set: [...namespaces.values()] },
    workloads: { set: [...ports.model.workloads.values()] },
    policies: { set: [...policies] },
  })
  return model
}

/** The policies in force, some of them replaced, some left out. */
export function policiesWith(
  model: Model,
  change: { readonly set: readonly PolicyDocument[]; readonly without: readonly string[] },
): readonly PolicyDocument[] {
  const policies = new Map<PolicyId, PolicyDocument>(model.policies)
  for (const document of change.set) policies.set(document.id, document)
  const without = new Set(change.without)
  return [...policies.values()].filter(({ id }) => !without.has(id))
}

/** Records that are held at a time: what is gone of them is recalled at once, for a model that changes is read anew. */
const PART = 16_384

export function* inParts<T>(all: Iterable<T>): Iterable<readonly T[]> {
  let part: T[] = []
  for (const each of all) {
    part.push(each)
    if (part.length < PART) continue
    yield part
    part = []
  }
  if (part.length > 0) yield part
}

type NamedEdge = RecordedEdge & Partial<Pick<EdgeTotals, 'hosts'>>

/** A recorded edge as a question to the engine. */
export const queryOf = (edge: NamedEdge): FlowQuery => ({
  source: queryEnd(edge.source),
  destination: queryEnd(edge.destination),
  protocol: edge.protocol,
  port: edge.port,
  ...(edge.application !== undefined && { facts: factsOf(edge.application, edge.hosts) }),
})

/**
 * A server of one name is asked for by that name in each hello, and the name is taken to have led there. Which of several
 * was asked for how often is on no record: then it stays open.
 */
function factsOf(recorded: string, hosts: readonly string[] = []): FlowFacts {
  const application = knownApplication(recorded)
  const [sni, another] = hosts
  if (sni === undefined || another !== undefined || application === 'unknown' || !carries(application, 'tls'))
    return { application }
  return { application, names: [sni], request: { kind: 'tls', sni } }
}

const queryEnd = ({ workload, ip }: RecordedEnd) => ({ ...(workload !== undefined && { workload }), ip })

/** Makes sure that every model knows both ends of each flow, if history does; the models change once at most. */
export function recall(records: Records, models: readonly Model[], edges: readonly RecordedEdge[]): void {
  const gone = new Map<WorkloadId, Workload>()
  for (const { source, destination } of edges) {
    for (const end of [source, destination]) {
      const known = end.workload === undefined || gone.has(end.workload)
      const workload = known ? undefined : goneWorkload(records, models, end)
      if (workload) gone.set(workload.id, workload)
    }
  }
  if (gone.size === 0) return
  for (const model of models) model.update({ workloads: { set: [...gone.values()] } })
}

function goneWorkload(records: Records, models: readonly Model[], end: RecordedEnd): Workload | undefined {
  const { workload: id, version } = end
  if (id === undefined || version === undefined || models[0]?.workloads.has(id)) return undefined
  const recorded = records.workloadVersion(version)?.workload
  return recorded && { ...recorded, state: 'finished' }
}

/** Workloads by owner, of today and of history, as `learn` takes them. */
export class Groups {
  readonly #records: Records
  readonly #current: ReadonlyMap<string, LearnGroup>
  readonly #byVersion = new Map<number, LearnGroup>()
  readonly #gone = new Map<string, LearnGroup>()
  readonly #model: Model

  constructor(records: Records, model: Model) {
    this.#records = records
    this.#model = model
    this.#current = currentGroups(model)
  }

  current(): readonly LearnGroup[] {
    return [...this.#current.values()]
  }

  end(end: RecordedEnd): LearnEnd {
    const group = end.workload === undefined ? undefined : this.#group(end, end.workload)
    return group ? { group, ip: end.ip } : { ip: end.ip }
  }

  #group(end: RecordedEnd, id: WorkloadId): LearnGroup {
    const known = end.version === undefined ? undefined : this.#byVersion.get(end.version)
    if (known) return known
    const recorded =
      end.version === undefined ? undefined : this.#records.workloadVersion(end.version)?.workload
    const workload = this.#model.workloads.get(id) ?? recorded
    const group = workload ? this.#groupOf(workload) : unreported(end)
    if (end.version !== undefined) this.#byVersion.set(end.version, group)
    return group
  }

  /** The group of today; of one that is gone whole, as the first of its workloads that is asked for. */
  #groupOf(workload: Workload): LearnGroup {
    const key = ownerKey(workload)
    const group = this.#current.get(key) ?? this.#gone.get(key) ?? groupOf(workload)
    if (!this.#current.has(key)) this.#gone.set(key, group)
    return group
  }
}

const ownerKey = (workload: Workload): string => `${groupKey(workload)}/${workload.owner.kind}`

/** Only its name is known, so no selector can be written for it; `learn` says so. */
const unreported = ({ namespace, name, ownerKind }: RecordedEnd): LearnGroup => ({
  namespace,
  owner: { kind: ownerKind, name },
  labels: {},
  kind: 'pod',
})

function currentGroups(model: Model): ReadonlyMap<string, LearnGroup> {
  const groups = new Map<string, LearnGroup>()
  for (const workload of model.workloads.values()) {
    const known = groups.get(ownerKey(workload))
    groups.set(ownerKey(workload), { ...groupOf(workload), ...(known && joined(known, workload.labels)) })
  }
  return groups
}

function joined({ labels, varying = [] }: LearnGroup, more: Labels): Pick<LearnGroup, 'labels' | 'varying'> {
  const common = inCommon(labels, more)
  const keys = [...varying, ...Object.keys(labels), ...Object.keys(more)]
  return { labels: common, varying: [...new Set(keys.filter(key => !Object.hasOwn(common, key)))] }
}

const inCommon = (a: Labels, b: Labels): Labels =>
  Object.fromEntries(Object.entries(a).filter(([key, value]) => Object.hasOwn(b, key) && b[key] === value))
