import {
  type Direction,
  type EpochMs,
  namespace as makeNamespace,
  type Namespace,
  type NodeName,
  type PolicyId,
  type Workload,
  type WorkloadId,
} from '@sekisho/core'
import type { PolicyDocument, PolicyRule } from '../documents/document.ts'
import { Addresses, lendsAddresses, NodeAddresses } from './addresses.ts'
import { Blocks } from './blocks.ts'
import { type Bind, type BoundPolicy, bindPolicy, isExpired } from './bound.ts'
import { type Changes, type ModelChange, type ModelDelta, type NodeChange, Touched } from './change.ts'
import { Ends } from './ends.ts'
import { FIRST_SERIAL } from './entities.ts'
import { Entry, type Identity, isSelectable, type NamespaceEntry, type PolicySet } from './entry.ts'
import { identityIn } from './identity.ts'
import type { Profile } from './profile.ts'
import { Seats } from './seats.ts'
import { type Selection, Selections } from './selections.ts'
import { Standings } from './standing.ts'

const timedRules = ({ sections }: PolicyDocument): readonly PolicyRule[] =>
  Object.values(sections).flatMap(({ rules }) => rules.filter(rule => rule.validUntil !== undefined))

/** Names of workloads that a policy singles out. */
const namesIn = ({ subject }: PolicyDocument): readonly string[] =>
  subject.kind === 'pods' ? (subject.workloadNames ?? []) : []

const judges = ({ subjectOf }: Selection): boolean => subjectOf.size > 0

/**
 * Workloads, namespaces and policies, and what follows from them, kept right change by change.
 * The parts of this package read it; others see only `Model`.
 */
export class ModelIndex {
  readonly #entries = new Map<WorkloadId, Entry>()
  readonly #namespaces = new Map<string, NamespaceEntry>()
  readonly #policies = new Map<PolicyId, BoundPolicy>()
  readonly #nodes = new Map<NodeName, NodeChange>()
  readonly #timed = new Set<PolicyDocument>()
  /** How many policies single out workloads of a name. */
  readonly #named = new Map<string, number>()
  #now: EpochMs | undefined
  #revision = 0
  #serial = FIRST_SERIAL
  readonly #nextSerial = (): number => this.#serial++
  readonly #selections = new Selections(this.#nextSerial)
  readonly blocks = new Blocks(this.#nextSerial)
  readonly addresses = new Addresses(isSelectable)
  /** Of hosts, as `hosts` peers mean them. */
  readonly hostAddresses = new Addresses(({ kind }) => kind === 'host')
  readonly ends = new Ends(this)
  readonly seats = new Seats(this)
  readonly standings = new Standings(this)
  readonly nodeAddresses = new NodeAddresses()
  readonly workloads = new Map<WorkloadId, Workload>()
  readonly namespaces = new Map<string, Namespace>()
  readonly policies = new Map<PolicyId, PolicyDocument>()

  entry(id: WorkloadId): Entry | undefined {
    return this.#entries.get(id)
  }
  entries(): Iterable<Entry> {
    return this.#entries.values()
  }
  nodes(): Iterable<NodeChange> {
    return this.#nodes.values()
  }
  bound(id: PolicyId): BoundPolicy | undefined {
    return this.#policies.get(id)
  }
  selection(key: string): Selection | undefined {
    return this.#selections.get(key)
  }

  /** Addresses that are this workload's now. */
  owned(entry: Entry): readonly string[] {
    return (entry.workload.kind === 'host' ? this.hostAddresses : this.addresses).owned(entry)
  }

  /** Policies of every mode that select a workload, in the order in which they are asked. */
  policiesOf({ identity }: Entry): readonly BoundPolicy[] {
    return this.standings.kin(identity).policies
  }

  /** What judges a workload. The audit profile is the same object as the enforce profile where they do not differ. */
  profile(entry: Entry | undefined, direction: Direction, set: PolicySet): Profile {
    return this.standings.profile(entry && this.standings.kin(entry.identity), direction, set)
  }

  /** Another after each update. */
  get revision(): number {
    return this.#revision
  }
  get now(): EpochMs | undefined {
    return this.#now
  }

  /** When the next rule expires; undefined where none will. */
  nextExpiry(): EpochMs | undefined {
    const now = this.#now
    const ends = [...this.#timed].flatMap(timedRules).flatMap(({ validUntil }) => validUntil ?? [])
    return ends.filter(end => now === undefined || end > now).toSorted((a, b) => a - b)[0]
  }

  /** Policies of which a rule began or ceased to count are bound anew. */
  #setTime(now: EpochMs, touched: Touched): void {
    const before = this.#now
    this.#now = now
    const changed = [...this.#timed].filter(document =>
      timedRules(document).some(rule => isExpired(rule, before) !== isExpired(rule, now)),
    )
    for (const document of changed) this.#setPolicy(document, touched)
  }

  update(change: ModelChange): ModelDelta {
    this.#revision++
    this.seats.forget()
    this.standings.tidy()
    const touched = new Touched()
    if (change.now !== undefined) this.#setTime(change.now, touched)
    this.#updateNodes(change.nodes ?? {}, touched)
    this.#updateNamespaces(change.namespaces ?? {}, touched)
    this.#updateWorkloads(change.workloads ?? {}, touched)
    this.#updatePolicies(change.policies ?? {}, touched)
    return touched
  }

  #updateNodes({ set = [], removed = [] }: Changes<NodeChange, NodeName>, touched: Touched): void {
    for (const name of removed) this.#removeNode(name, touched)
    for (const node of set) {
      this.#removeNode(node.name, touched)
      this.#nodes.set(node.name, node)
      this.nodeAddresses.add(node.name, node.addresses)
    }
  }

  #removeNode(name: NodeName, touched: Touched): void {
    this.nodeAddresses.remove(name, this.#nodes.get(name)?.addresses ?? [])
    this.#nodes.delete(name)
    touched.nodes.add(name)
  }

  #updateNamespaces({ set = [], removed = [] }: Changes<Namespace, string>, touched: Touched): void {
    for (const name of removed) {
      const held = this.#namespaces.get(name)
      this.namespaces.delete(name)
      if (!held) continue
      held.known = false
      // Its policies hold until its workloads are gone: a namespace goes from the inside out.
      if (held.identities.size === 0) this.#dropNamespace(held)
      else this.#relabel(held, makeNamespace(name), touched)
    }
    for (const namespace of set) {
      this.namespaces.set(namespace.name, namespace)
      const held = this.#namespaces.get(namespace.name) ?? this.#addNamespace(namespace)
      held.known = true
      this.#relabel(held, namespace, touched)
    }
  }

  #addNamespace(namespace: Namespace): NamespaceEntry {
    const entry: NamespaceEntry = { namespace, known: false, identities: new Map(), scopes: new Set() }
    this.#namespaces.set(namespace.name, entry)
    this.#selections.placeNamespace(entry)
    return entry
  }

  #dropNamespace(entry: NamespaceEntry): void {
    this.#selections.dropNamespace(entry)
    this.#namespaces.delete(entry.namespace.name)
  }

  #relabel(entry: NamespaceEntry, namespace: Namespace, touched: Touched): void {
    entry.namespace = namespace
    this.#selections.placeNamespace(entry)
    for (const identity of entry.identities.values()) {
      const changed = this.#selections.select(identity)
      if (changed.length === 0) continue
      for (const { workload } of identity.members) touched.workloads.add(workload.id)
      if (changed.some(judges)) this.#rejudge(identity, touched)
    }
  }

  #rejudge(identity: Identity, touched: Touched): void {
    touched.identities.add(identity)
    identity.kin = undefined
  }

  #updateWorkloads({ set = [], removed = [] }: Changes<Workload, WorkloadId>, touched: Touched): void {
    const ips = new Set<string>()
    for (const id of removed) this.#removeWorkload(id, ips, touched)
    for (const workload of set) this.#setWorkload(workload, ips, touched)
    for (const ip of ips) {
      this.ends.forgetAddress(ip)
      for (const owners of [this.addresses, this.hostAddresses]) {
        for (const entry of owners.settle(ip)) touched.workloads.add(entry.workload.id)
      }
    }
  }

  #removeWorkload(id: WorkloadId, ips: Set<string>, touched: Touched): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    this.#withdraw(entry, ips, touched)
    this.#leave(entry)
    this.#entries.delete(id)
    this.workloads.delete(id)
    touched.workloads.add(id)
  }

  #setWorkload(workload: Workload, ips: Set<string>, touched: Touched): void {
    const old = this.#entries.get(workload.id)
    if (old) this.#withdraw(old, ips, touched)
    const identity = this.#identityOf(workload)
    const entry = old ?? new Entry(workload, identity, this.#nextSerial())
    entry.workload = workload
    this.#entries.set(workload.id, entry)
    this.workloads.set(workload.id, workload)
    this.#enter(entry, identity)
    this.#offer(entry, ips, touched)
    touched.workloads.add(workload.id)
  }

  #identityOf(workload: Workload): Identity {
    const { namespace: name } = workload
    const namespace = this.#namespaces.get(name) ?? this.#addNamespace(makeNamespace(name))
    const [identity, isNew] = identityIn(namespace, workload, this.#named.has(workload.name))
    if (isNew) this.#selections.select(identity)
    return identity
  }

  /** The new identity is there before the old is left: what both need is not made anew. */
  #enter(entry: Entry, identity: Identity): void {
    if (entry.identity !== identity) this.#leave(entry)
    entry.identity = identity
    identity.members.add(entry)
  }

  #leave(entry: Entry): void {
    const { identity } = entry
    const { namespace, members } = identity
    members.delete(entry)
    if (members.size > 0) return
    this.#selections.deselect(identity)
    namespace.identities.delete(identity.key)
    if (!namespace.known && namespace.identities.size === 0) this.#dropNamespace(namespace)
  }

  #withdraw(entry: Entry, ips: Set<string>, touched: Touched): void {
    const { id, addresses, node } = entry.workload
    this.ends.forgetNamed(id)
    this.addresses.withdraw(entry)
    this.hostAddresses.withdraw(entry)
    for (const ip of addresses) ips.add(ip)
    if (!lendsAddresses(entry)) return
    this.nodeAddresses.remove(node, addresses)
    touched.nodes.add(node)
  }

  #offer(entry: Entry, ips: Set<string>, touched: Touched): void {
    const { addresses, node } = entry.workload
    this.addresses.claim(entry)
    this.hostAddresses.claim(entry)
    for (const ip of addresses) ips.add(ip)
    if (!lendsAddresses(entry)) return
    this.nodeAddresses.add(node, addresses)
    touched.nodes.add(node)
  }

  #updatePolicies({ set = [], removed = [] }: Changes<PolicyDocument, PolicyId>, touched: Touched): void {
    this.#name(set, removed, touched)
    for (const id of removed) this.#removePolicy(id, touched)
    for (const document of set) this.#setPolicy(document, touched)
  }

  /** Workloads whose name begins or ceases to count are told from those that are alike, or no longer. */
  #name(set: readonly PolicyDocument[], removed: readonly PolicyId[], touched: Touched): void {
    const changed = new Set<string>()
    const count = (names: readonly string[], by: 1 | -1) => {
      for (const name of names) {
        const before = this.#named.get(name) ?? 0
        if (before + by === 0) this.#named.delete(name)
        else this.#named.set(name, before + by)
        if (before === 0 || before + by === 0) changed.add(name)
      }
    }
    // One document each, the last that was said: as the policies will be.
    const after = new Map<PolicyId, PolicyDocument | undefined>(removed.map(id => [id, undefined]))
    for (const document of set) after.set(document.id, document)
    for (const [id, document] of after) {
      if (document) count(namesIn(document), 1)
      const before = this.policies.get(id)
      if (before) count(namesIn(before), -1)
    }
    if (changed.size === 0) return
    const workloads = [...this.workloads.values()].filter(({ name }) => changed.has(name))
    this.#updateWorkloads({ set: workloads }, touched)
  }

  readonly #bind: Bind = {
    selection: (scope, selector) => this.#selections.acquire(scope, selector, this.#namespaces.values()),
    block: ranges => this.blocks.acquire(ranges),
  }

  #setPolicy(document: PolicyDocument, touched: Touched): void {
    const bound = bindPolicy({ policy: document, now: this.#now, serial: this.#nextSerial() }, this.#bind)
    // The old one goes second, so that selections both use are not made anew.
    this.#removePolicy(document.id, touched)
    this.#policies.set(document.id, bound)
    this.policies.set(document.id, document)
    if (timedRules(document).length > 0) this.#timed.add(document)
    bound.subject.subjectOf.add(bound)
    touched.policies.add(document.id)
    for (const identity of bound.subject.members) this.#rejudge(identity, touched)
  }

  #removePolicy(id: PolicyId, touched: Touched): void {
    const bound = this.#policies.get(id)
    if (!bound) return
    this.#timed.delete(bound.document)
    bound.subject.subjectOf.delete(bound)
    this.#policies.delete(id)
    this.policies.delete(id)
    touched.policies.add(id)
    for (const identity of bound.subject.members) this.#rejudge(identity, touched)
    for (const selection of bound.selections) this.#selections.release(selection)
    for (const block of bound.blocks) this.blocks.release(block)
  }
}
