import type { NodeName, PolicyId, StateDelta, StateMessage, StatePosition, WorkloadId } from '@sekisho/core'
import { type NodeScope, nodeScope, type PolicyDocument } from '@sekisho/policy'
import type { LiveState } from '../lifecycle/state.ts'

/** What is in force, for one agent: as much of it as its node needs. */
export interface NodeState {
  /** The next line for it, made when it is ready for one; undefined while there is nothing new. */
  next(): string | undefined
}

export interface NodeStates {
  /** @param position what the agent applied last; undefined for one that knows nothing yet. */
  of(node: NodeName, position: StatePosition | undefined): NodeState
  /** Where an agent is that was told everything. */
  readonly position: StatePosition
  readonly revision: number
}

/** What one change of the state touched. */
interface Change {
  readonly revision: number
  readonly workloads: readonly WorkloadId[]
  readonly namespaces: readonly string[]
  readonly policies: boolean
  /** Nodes whose own workloads are others. */
  readonly nodes: ReadonlySet<NodeName>
}

/** Several changes, one after the other. */
interface Touched {
  readonly workloads: ReadonlySet<WorkloadId>
  readonly namespaces: ReadonlySet<string>
  readonly policies: boolean
  readonly isOwn: boolean
}

/** Changed workloads that are remembered: an agent that is further behind gets all that its node needs. */
const REMEMBERED = 100_000

const line = (message: StateMessage): string => `${JSON.stringify(message)}\n`

/** Lists that are empty are not sent. */
const part = <T, Id>(set: readonly T[], removed: readonly Id[]) =>
  set.length + removed.length === 0 ? undefined : { set, removed }

class Reader implements NodeState {
  readonly #states: States
  readonly #node: NodeName
  #revision: number | undefined
  #scope: NodeScope
  #sent: Set<WorkloadId> | undefined
  /** Those of them that were sent for an address only, which another may give up. */
  #rivals = new Set<WorkloadId>()
  #policies: ReadonlyMap<PolicyId, PolicyDocument> = new Map()

  constructor(states: States, node: NodeName, revision: number | undefined) {
    this.#states = states
    this.#node = node
    this.#revision = revision
    this.#scope = states.scope(node)
    // Whoever comes back and missed nothing has what he would be sent. Of others it is not known what they were sent.
    if (revision === states.revision) this.#know()
  }

  next(): string | undefined {
    const { revision } = this.#states
    if (this.#revision === revision) return undefined
    const since = this.#revision
    this.#revision = revision
    const touched = since === undefined ? undefined : this.#states.since(since, this.#node)
    if (!this.#sent || since === undefined || !touched) return line(this.#snapshot(revision))
    const isOther = touched.policies || touched.isOwn || touched.namespaces.size > 0
    const workloads = isOther
      ? this.#moved(this.#sent, touched.workloads)
      : this.#changed(this.#sent, touched.workloads)
    const policies = isOther ? this.#documents() : undefined
    const namespaces = this.#states.namespaces(touched.namespaces)
    if (!workloads && !policies && !namespaces) return this.#states.nothing
    return line({
      kind: 'delta',
      revision,
      ...(namespaces && { namespaces }),
      ...(workloads && { workloads }),
      ...(policies && { policies }),
    })
  }

  #know(): void {
    this.#begin(this.#scope.workloads())
    this.#policies = this.#states.documents(this.#scope)
  }

  #begin(sent: Set<WorkloadId>): void {
    this.#sent = sent
    this.#rivals = new Set([...sent].filter(id => !this.#scope.wants(id)))
  }

  #snapshot(revision: number): StateMessage {
    this.#scope = this.#states.scope(this.#node)
    this.#know()
    return {
      kind: 'snapshot',
      history: this.#states.position.history,
      revision,
      namespaces: [...this.#states.model.namespaces.values()],
      workloads: this.#states.workloads(this.#sent ?? []),
      policies: [...this.#policies.values()].map(({ source }) => source),
    }
  }

  /** The same is asked for: only who changed can come or go. */
  #changed(sent: Set<WorkloadId>, changed: Iterable<WorkloadId>): StateDelta['workloads'] {
    const set = new Set<WorkloadId>()
    const removed: WorkloadId[] = []
    for (const id of changed) {
      const around = this.#scope.around(id)
      for (const each of around) set.add(each)
      if (!around.includes(id) && sent.delete(id)) removed.push(id)
    }
    for (const id of set) {
      sent.add(id)
      if (!this.#scope.wants(id)) this.#rivals.add(id)
    }
    for (const id of this.#rivals) {
      if (!this.#scope.wants(id) && this.#scope.around(id).length > 0) continue
      this.#rivals.delete(id)
      if (!this.#scope.wants(id) && sent.delete(id)) removed.push(id)
    }
    return part(this.#states.workloads(set), removed)
  }

  #moved(sent: ReadonlySet<WorkloadId>, changed: ReadonlySet<WorkloadId>): StateDelta['workloads'] {
    this.#scope = this.#states.scope(this.#node)
    const wanted = this.#scope.workloads()
    this.#begin(wanted)
    const set = [...wanted].filter(id => !sent.has(id) || changed.has(id))
    return part(
      this.#states.workloads(set),
      [...sent].filter(id => !wanted.has(id)),
    )
  }

  #documents(): StateDelta['policies'] {
    const before = this.#policies
    const after = this.#states.documents(this.#scope)
    this.#policies = after
    return part(
      [...after].flatMap(([id, document]) => (before.get(id) === document ? [] : [document.source])),
      [...before.keys()].filter(id => !after.has(id)),
    )
  }
}

class States implements NodeStates {
  readonly #history = crypto.randomUUID()
  readonly #state: Pick<LiveState, 'model' | 'revision' | 'onChange'>
  readonly #own = new Map<NodeName, Set<WorkloadId>>()
  readonly #nodeOf = new Map<WorkloadId, NodeName>()
  readonly #changes: Change[] = []
  #remembered = 0
  /** The revision from which on all changes are remembered. */
  #floor: number
  #nothing: { readonly revision: number; readonly line: string } | undefined

  constructor(state: Pick<LiveState, 'model' | 'revision' | 'onChange'>) {
    this.#state = state
    this.#floor = state.revision
    for (const { id, node } of state.model.workloads.values()) this.#place(id, node)
    state.onChange(delta => this.#follow(delta))
  }

  get model(): LiveState['model'] {
    return this.#state.model
  }
  get revision(): number {
    return this.#state.revision
  }

  get position(): StatePosition {
    return { history: this.#history, revision: this.revision }
  }

  /** Of another's history nothing is known here: what it told may be anything. */
  of(node: NodeName, position: StatePosition | undefined): NodeState {
    return new Reader(this, node, position?.history === this.#history ? position.revision : undefined)
  }

  scope(node: NodeName): NodeScope {
    return nodeScope(this.model, node, this.#own.get(node) ?? [])
  }

  workloads(ids: Iterable<WorkloadId>) {
    return [...ids].flatMap(id => this.model.workloads.get(id) ?? [])
  }

  documents({ policies }: NodeScope): ReadonlyMap<PolicyId, PolicyDocument> {
    const found = [...policies].toSorted().flatMap(id => this.model.policies.get(id) ?? [])
    return new Map(found.map(document => [document.id, document]))
  }

  namespaces(names: ReadonlySet<string>): StateDelta['namespaces'] {
    const known = [...names].filter(name => this.model.namespaces.has(name))
    const set = known.flatMap(name => this.model.namespaces.get(name) ?? [])
    return part(
      set,
      [...names].filter(name => !this.model.namespaces.has(name)),
    )
  }

  /** Most changes are nothing to most nodes. */
  get nothing(): string {
    const { revision } = this
    if (this.#nothing?.revision !== revision)
      this.#nothing = { revision, line: line({ kind: 'delta', revision }) }
    return this.#nothing.line
  }

  /** Undefined where that is not remembered. */
  since(revision: number, node: NodeName): Touched | undefined {
    if (revision < this.#floor || revision > this.revision) return undefined
    // Who asks is rarely far behind, and what is remembered may be of hours.
    const known = this.#changes.findLastIndex(change => change.revision <= revision)
    const changes = this.#changes.slice(known + 1)
    return {
      workloads: new Set(changes.flatMap(({ workloads }) => workloads)),
      namespaces: new Set(changes.flatMap(({ namespaces }) => namespaces)),
      policies: changes.some(({ policies }) => policies),
      isOwn: changes.some(({ nodes }) => nodes.has(node)),
    }
  }

  #follow({ revision, workloads, namespaces, policies }: StateDelta): void {
    const nodes = new Set<NodeName>()
    const ids = [...(workloads?.removed ?? []), ...(workloads?.set ?? []).map(({ id }) => id)]
    for (const id of workloads?.removed ?? []) nodes.add(this.#displace(id) ?? NOWHERE)
    for (const { id, node } of workloads?.set ?? []) {
      nodes.add(this.#displace(id) ?? NOWHERE).add(node)
      this.#place(id, node)
    }
    const names = [...(namespaces?.removed ?? []), ...(namespaces?.set ?? []).map(({ name }) => name)]
    const isPolicies = (policies?.set?.length ?? 0) + (policies?.removed?.length ?? 0) > 0
    this.#changes.push({ revision, workloads: ids, namespaces: names, policies: isPolicies, nodes })
    this.#remembered += ids.length + 1
    while (this.#remembered > REMEMBERED) this.#forget()
  }

  #forget(): void {
    const oldest = this.#changes.shift()
    this.#remembered -= (oldest?.workloads.length ?? 0) + 1
    this.#floor = oldest?.revision ?? this.revision
  }

  #place(id: WorkloadId, node: NodeName): void {
    this.#nodeOf.set(id, node)
    const own = this.#own.get(node)
    if (own) own.add(id)
    else this.#own.set(node, new Set([id]))
  }

  #displace(id: WorkloadId): NodeName | undefined {
    const node = this.#nodeOf.get(id)
    this.#nodeOf.delete(id)
    if (node === undefined) return undefined
    const own = this.#own.get(node)
    own?.delete(id)
    if (own?.size === 0) this.#own.delete(node)
    return node
  }
}

/** Of a workload that was of no node. */
const NOWHERE = '' as NodeName // no node has that name

export const createNodeStates = (state: Pick<LiveState, 'model' | 'revision' | 'onChange'>): NodeStates =>
  new States(state)
