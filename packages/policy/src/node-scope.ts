import type { NodeName, PolicyId, WorkloadId } from '@sekisho/core'
import { isNamed } from './documents/document.ts'
import { lendsAddresses } from './model/addresses.ts'
import type { BoundPeers, BoundPolicy, BoundRule } from './model/bound.ts'
import type { Entry } from './model/entry.ts'
import type { Model } from './model/model.ts'
import type { ModelIndex } from './model/model-index.ts'
import type { Selection } from './model/selections.ts'

/**
 * What of a model one node needs: the table that is compiled there from that is the one that is compiled from all of it.
 * A view of the model as it was; namespaces are needed by all.
 */
export interface NodeScope {
  /** Policies that select a workload of the node, and documents that policies name. */
  readonly policies: ReadonlySet<PolicyId>
  /** Workloads of the node, those that these policies may ask about as peers, and whoever claims an address of one of both. */
  workloads(): Set<WorkloadId>
  /** Whether it is one of them for what it is itself, and not only for an address that one of them claims too. */
  wants(id: WorkloadId): boolean
  /** Of a workload that changed, while policies, namespaces and the node's own stayed: itself if it is one of them, and whom it brings. */
  around(id: WorkloadId): readonly WorkloadId[]
}

const asksForNodes = ({ peers }: BoundRule): boolean =>
  peers?.places.some(place => place === 'cluster' || place === 'world') ?? false

/** Also those whose time is over: a node tells the time for itself. */
const rulesOf = ({ sections }: BoundPolicy): readonly BoundRule[] =>
  Object.values(sections).flatMap(({ rules, expired }) => [...rules, ...expired])

/** Whom a rule may ask about. */
const peersOf = ({ selections, inside, byName }: BoundPeers): readonly Selection[] => [
  ...selections,
  ...(inside ? [inside] : []),
  ...(byName ? peersOf(byName.resolvers) : []),
]
const askedBy = ({ peers, namedOn }: BoundRule): readonly Selection[] => [
  ...(peers ? peersOf(peers) : []),
  ...namedOn,
]

class Scope implements NodeScope {
  readonly policies: ReadonlySet<PolicyId>
  readonly #index: ModelIndex
  readonly #node: NodeName
  readonly #own: Iterable<WorkloadId>
  readonly #peers: ReadonlySet<Selection>
  readonly #asksForNodes: boolean

  constructor(index: ModelIndex, node: NodeName, own: Iterable<WorkloadId>) {
    this.#index = index
    this.#node = node
    this.#own = own
    const selecting = new Set(
      [...own].flatMap(id => {
        const entry = index.entry(id)
        return entry ? index.policiesOf(entry) : []
      }),
    )
    const named = [...index.policies.values()].filter(isNamed)
    this.policies = new Set([
      ...[...selecting].map(({ document }) => document.id),
      ...named.map(({ id }) => id),
    ])
    // Those in Learn are asked by nobody.
    const rules = [...selecting].filter(({ document }) => document.mode !== 'Learn').flatMap(rulesOf)
    this.#peers = new Set(rules.flatMap(askedBy))
    this.#asksForNodes = rules.some(asksForNodes)
  }

  #isWanted(entry: Entry): boolean {
    const { node, state } = entry.workload
    if (node === this.#node) return true
    if (state === 'finished') return false
    if (this.#asksForNodes && lendsAddresses(entry)) return true
    for (const selection of entry.selections) if (this.#peers.has(selection)) return true
    return false
  }

  /** Of two who claim an address one owns it, which is not told from the one alone. */
  #rivals(entry: Entry): readonly Entry[] {
    const { addresses, hostAddresses } = this.#index
    const claimants = entry.workload.addresses.map(ip => [
      ...addresses.claimants(ip),
      ...hostAddresses.claimants(ip),
    ])
    // Who claims nothing any more is nobody's rival, and nobody is his.
    return claimants.filter(each => each.includes(entry)).flat()
  }

  wants(id: WorkloadId): boolean {
    const entry = this.#index.entry(id)
    return entry !== undefined && this.#isWanted(entry)
  }

  around(id: WorkloadId): readonly WorkloadId[] {
    const entry = this.#index.entry(id)
    if (!entry) return []
    const rivals = this.#rivals(entry)
    if (this.#isWanted(entry)) return [id, ...rivals.map(({ workload }) => workload.id)]
    return rivals.some(rival => this.#isWanted(rival)) ? [id] : []
  }

  workloads(): Set<WorkloadId> {
    const found = new Set<WorkloadId>()
    const add = (entry: Entry | undefined) => {
      if (!entry || !this.#isWanted(entry)) return
      found.add(entry.workload.id)
      for (const rival of this.#rivals(entry)) found.add(rival.workload.id)
    }
    for (const id of this.#own) add(this.#index.entry(id))
    for (const { members } of this.#peers)
      for (const identity of members) for (const entry of identity.members) add(entry)
    if (this.#asksForNodes) for (const entry of this.#index.entries()) if (lendsAddresses(entry)) add(entry)
    return found
  }
}

/** @param own the workloads of the node, all of them; read again when asked. */
export const nodeScope = (model: Model, node: NodeName, own: Iterable<WorkloadId>): NodeScope =>
  new Scope(model.index, node, own)
