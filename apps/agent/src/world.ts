import { isDeepStrictEqual } from 'node:util'
import {
  fail,
  type Namespace,
  type NodeName,
  ok,
  type PolicyDocumentJson,
  type PolicyId,
  type Result,
  type StateDelta,
  type StatePosition,
  type StateSnapshot,
  type Workload,
  type WorkloadId,
} from '@sekisho/core'
import type { ModelChange, PolicyDocument } from '@sekisho/policy'
import { validatePolicy } from '@sekisho/policy/enforcement'
import type { Inventory } from './server/message.ts'

/** An interface that leads to one workload; without an index there is none of that name now. */
export interface OwnInterface {
  readonly name: string
  readonly index: number | undefined
}

/** Finds by which interfaces the node's kernel knows its own workloads. */
export type Locate = (own: readonly Workload[]) => ReadonlyMap<WorkloadId, OwnInterface>

/** Whom the node gave which addresses; each address to one. */
export type Attached = ReadonlyMap<WorkloadId, readonly string[]>

/**
 * What the agent knows: the server's state, and over it the node's own workloads, whose truth never waits for the
 * network. A workload of this node that the server still lists but the node does not have any more is gone.
 */
export class World {
  readonly #node: NodeName
  readonly #server = {
    namespaces: new Map<string, Namespace>(),
    workloads: new Map<WorkloadId, Workload>(),
    policies: new Map<PolicyId, PolicyDocument>(),
  }
  /** Undefined until the sources have spoken: until then the server's word for this node stands. */
  #local: { namespaces: Map<string, Namespace>; workloads: Map<WorkloadId, Workload> } | undefined
  /** Addresses of the node's own workloads: what others say they have of them is not so here. */
  #ownAddresses: ReadonlySet<string> = new Set()
  /** Addresses that the node's pods were given when their network was made: the server learns them later. */
  #attached: Attached = new Map()
  /** External workloads that are this machine. */
  readonly #machines = new Set<WorkloadId>()
  /** Of the machine, and what its agent needs before any policy. */
  #nodeAddresses: readonly string[] = []
  #needs: PolicyDocument | undefined
  readonly #locate: Locate
  #interfaces: ReadonlyMap<WorkloadId, OwnInterface> = new Map()
  /** Those that were looked for last. */
  #own: ReadonlySet<WorkloadId> = new Set()
  #revision: number | undefined
  #history: string | undefined
  /** Of other machines, which a server that took over has not heard of yet; its predecessor had. */
  #held: ReadonlySet<WorkloadId> = new Set()

  constructor(node: NodeName, locate: Locate = () => new Map()) {
    this.#node = node
    this.#locate = locate
  }

  /** Of the server's state; undefined before there is any. */
  get revision(): number | undefined {
    return this.#revision
  }

  /** From where a server goes on telling; undefined where it must tell all. */
  get position(): StatePosition | undefined {
    const [history, revision] = [this.#history, this.#revision]
    return history !== undefined && revision !== undefined ? { history, revision } : undefined
  }

  /** The node's own workloads; undefined until the sources have spoken. */
  get local(): Inventory | undefined {
    if (!this.#local) return undefined
    const { namespaces, workloads } = this.#local
    return { namespaces: [...namespaces.values()], workloads: [...workloads.values()] }
  }

  /** The node's own workloads, whoever says so. */
  get own(): ReadonlySet<WorkloadId> {
    return this.#own
  }

  /** What the model must change, or why the message cannot be used; then nothing has changed. */
  receive(message: StateSnapshot | StateDelta): Result<ModelChange, string> {
    const documents = message.kind === 'snapshot' ? message.policies : (message.policies?.set ?? [])
    const policies = validateAll(documents)
    if (!policies.ok) return policies
    const delta = message.kind === 'snapshot' ? this.#asDelta(message, policies.value) : message
    const change = this.#merge(delta, policies.value)
    if (message.kind === 'snapshot') this.#history = message.history
    this.#revision = message.revision
    return ok(change)
  }

  /** Whether there is something to let go. */
  get holds(): boolean {
    return this.#held.size > 0
  }

  /** What the server had time enough to hear of and has not is gone. @returns what the model must change. */
  letGo(): ModelChange {
    const held = this.#held
    this.#held = new Set()
    for (const id of held) this.#server.workloads.delete(id)
    return { workloads: resolve(held, id => this.#workload(id)) }
  }

  /**
   * What the cluster has every server has; what only agents know they must tell the next one first. A rule that denies
   * one of those as a peer would not know it until then.
   */
  #isUnheard(id: WorkloadId, { history }: StateSnapshot): boolean {
    const { kind, node } = this.#server.workloads.get(id) ?? {}
    const isReported = kind === 'host' || kind === 'container' || kind === 'service'
    const isAnothers = this.#history !== undefined && history !== this.#history
    return this.#held.has(id) || (isReported && isAnothers && node !== this.#node)
  }

  /** A snapshot as the delta from what is known to it. */
  #asDelta(snapshot: StateSnapshot, policies: readonly PolicyDocument[]): StateDelta {
    const { namespaces, workloads } = snapshot
    const told = new Set(workloads.map(each => each.id))
    const missing = [...this.#server.workloads.keys()].filter(id => !told.has(id))
    this.#held = new Set(missing.filter(id => this.#isUnheard(id, snapshot)))
    const gone = <K>(known: Iterable<K>, now: ReadonlySet<K>) => [...known].filter(key => !now.has(key))
    return {
      kind: 'delta',
      revision: snapshot.revision,
      namespaces: {
        set: namespaces,
        removed: gone(this.#server.namespaces.keys(), new Set(namespaces.map(each => each.name))),
      },
      workloads: {
        set: workloads,
        removed: missing.filter(id => !this.#held.has(id)),
      },
      policies: { removed: gone(this.#server.policies.keys(), new Set(policies.map(each => each.id))) },
    }
  }

  #merge(delta: StateDelta, policies: readonly PolicyDocument[]): ModelChange {
    const server = this.#server
    const namespaces = update(server.namespaces, delta.namespaces ?? {}, each => each.name)
    const workloads = update(server.workloads, delta.workloads ?? {}, each => each.id)
    const heard = [...(delta.workloads?.set ?? []).map(({ id }) => id), ...(delta.workloads?.removed ?? [])]
    if (this.holds) this.#held = this.#held.difference(new Set(heard))
    const removed = (delta.policies?.removed ?? []) as readonly PolicyId[] // looked up, never trusted
    const touched: Set<PolicyId> = update(server.policies, { set: policies, removed }, each => each.id)
    if (this.#findMachines(workloads) && this.#needs) touched.add(this.#needs.id)
    const isOwn = (id: WorkloadId) => this.#own.has(id) || server.workloads.get(id)?.node === this.#node
    const moved = [...workloads].some(isOwn) ? this.#relocate() : []
    return {
      namespaces: resolve(namespaces, name => this.#namespace(name)),
      workloads: resolve(new Set([...workloads, ...moved]), id => this.#workload(id)),
      policies: resolve(touched, id => this.#policy(id)),
    }
  }

  /** @returns whether policies begin to judge the machine itself, or cease to. */
  #findMachines(touched: Iterable<WorkloadId>): boolean {
    const before = this.#machines.size > 0
    for (const id of touched) {
      const workload = this.#server.workloads.get(id)
      if (workload?.kind === 'external' && workload.node === this.#node) this.#machines.add(id)
      else this.#machines.delete(id)
    }
    return this.#machines.size > 0 !== before
  }

  /** The machine's own addresses are these. @returns what the model must change. */
  address(addresses: readonly string[]): ModelChange {
    this.#nodeAddresses = addresses
    return { workloads: resolve(this.#machines, id => this.#workload(id)) }
  }

  /** What the agent needs where its machine is judged. @returns what the model must change. */
  need(needs: PolicyDocument): ModelChange {
    this.#needs = needs
    return { policies: resolve(new Set([needs.id]), id => this.#policy(id)) }
  }

  #policy(id: PolicyId): PolicyDocument | undefined {
    if (id === this.#needs?.id) return this.#machines.size > 0 ? this.#needs : undefined
    return this.#server.policies.get(id)
  }

  /** The node's own workloads, all of them. @returns what the model must change. */
  report({ namespaces, workloads }: Inventory): ModelChange {
    const before = this.#local
    const after = {
      namespaces: new Map(namespaces.map(each => [each.name, each])),
      workloads: new Map(workloads.map(each => [each.id, each])),
    }
    this.#local = after
    const moved = this.#takeAddresses()
    const ours = before ? before.workloads.keys() : this.#serversOwn()
    return {
      namespaces: resolve(changed(before?.namespaces, after.namespaces), name => this.#namespace(name)),
      workloads: resolve(
        new Set([
          ...changed(before?.workloads, after.workloads),
          ...[...ours].filter(id => !after.workloads.has(id)),
          ...this.#claimantsOf(moved),
          ...this.#relocate(),
        ]),
        id => this.#workload(id),
      ),
    }
  }

  /** All that the node's pods were given. @returns what the model must change. */
  attach(attached: Attached): ModelChange {
    const touched = changed(this.#attached, attached)
    this.#attached = attached
    const others = this.#claimantsOf(this.#takeAddresses())
    const all = new Set([...touched, ...others, ...this.#relocate()])
    return { workloads: resolve(all, id => this.#workload(id)) }
  }

  /** Whether the server has told of this pod of the node, and not of one before it that had its name. */
  knows(pod: WorkloadId): boolean {
    const told = this.#server.workloads.get(pod)
    return told?.node === this.#node && told.state === 'running'
  }

  /** @returns addresses that became the node's own, or ceased to be. */
  #takeAddresses(): ReadonlySet<string> {
    const before = this.#ownAddresses
    const after = addressesOf(this.#local ? [...this.#local.workloads.values()] : [])
    for (const given of this.#attached.values()) for (const ip of given) after.add(ip)
    this.#ownAddresses = after
    return after.symmetricDifference(before)
  }

  /** The node's interfaces may be others. @returns what the model must change. */
  look(): ModelChange {
    return { workloads: resolve(new Set(this.#relocate()), id => this.#workload(id)) }
  }

  /** Finds the own workloads' interfaces anew. @returns those that are known by another. */
  #relocate(): readonly WorkloadId[] {
    const own = this.#local
      ? [...this.#local.workloads.values()]
      : [...this.#server.workloads.values()]
          .filter(({ node }) => node === this.#node)
          .map(each => this.#withGivenAddresses(each))
    const [before, after] = [this.#interfaces, this.#locate(own)]
    this.#own = new Set(own.map(({ id }) => id))
    this.#interfaces = after
    return [...new Set([...before.keys(), ...after.keys()])].filter(
      id => !isDeepStrictEqual(before.get(id), after.get(id)),
    )
  }

  /** Workloads of other nodes that the server lists under one of these addresses. */
  #claimantsOf(ips: ReadonlySet<string>): WorkloadId[] {
    if (ips.size === 0) return []
    const all = [...this.#server.workloads.values()]
    return all.filter(({ addresses }) => addresses.some(ip => ips.has(ip))).map(({ id }) => id)
  }

  /** Workloads that the server has of this node, which itself is none that it could lose. */
  #serversOwn(): WorkloadId[] {
    const own = [...this.#server.workloads.values()].filter(({ node }) => node === this.#node)
    return own.flatMap(({ id }) => (this.#machines.has(id) ? [] : id))
  }

  #namespace(name: string): Namespace | undefined {
    return this.#local?.namespaces.get(name) ?? this.#server.namespaces.get(name)
  }

  #workload(id: WorkloadId): Workload | undefined {
    const local = this.#local?.workloads.get(id)
    const remote = this.#server.workloads.get(id)
    if (local) return this.#located(local)
    if (remote && this.#machines.has(id)) return this.#withNodeAddresses(remote)
    if (remote?.node !== this.#node) return remote && this.#withoutOwnAddresses(remote)
    return this.#local ? undefined : this.#located(this.#withGivenAddresses(remote))
  }

  /** An address belongs to whom it was given last, whatever the server still says of its last owner. */
  #withGivenAddresses(own: Workload): Workload {
    if (own.hostNetwork || this.#attached.size === 0) return own
    const given = this.#attached.get(own.id) ?? []
    return { ...own, addresses: [...given, ...this.#withoutOwnAddresses(own).addresses] }
  }

  /** What the machine sends is its own, by whichever of its addresses. */
  #withNodeAddresses(machine: Workload): Workload {
    const { addresses } = this.#withoutOwnAddresses(machine)
    return { ...machine, addresses: [...new Set([...addresses, ...this.#nodeAddresses])] }
  }

  #located(own: Workload): Workload {
    const found = this.#interfaces.get(own.id)
    if (found === undefined) return own
    const { name, index } = found
    return { ...own, interface: name, ...(index !== undefined && { interfaceIndex: index }) }
  }

  /**
   * Two nodes with one address are a lie or the same private network on both; either way the address is here what it
   * is on this node, or its workload would lose its rules to one far away.
   */
  #withoutOwnAddresses(remote: Workload): Workload {
    if (remote.hostNetwork || !remote.addresses.some(ip => this.#ownAddresses.has(ip))) return remote
    return { ...remote, addresses: remote.addresses.filter(ip => !this.#ownAddresses.has(ip)) }
  }

  /** Whether the server lacks something of this node, as after it was restored from an older copy. */
  serverLags(): boolean {
    if (!this.#local) return false
    const { workloads } = this.#local
    return (
      this.#serversOwn().some(id => !workloads.has(id)) ||
      [...workloads].some(([id, workload]) => !isDeepStrictEqual(this.#server.workloads.get(id), workload))
    )
  }

  /** The server's state as it would send it, to start from next time. */
  snapshot(): StateSnapshot | undefined {
    if (this.#revision === undefined) return undefined
    const { namespaces, workloads, policies } = this.#server
    return {
      kind: 'snapshot',
      ...(this.#history !== undefined && { history: this.#history }),
      revision: this.#revision,
      namespaces: [...namespaces.values()],
      // Who resumes from it is never told that these are gone.
      workloads: [...workloads.values()].filter(({ id }) => !this.#held.has(id)),
      policies: [...policies.values()].map(({ source }) => source),
    }
  }
}

const addressesOf = (workloads: readonly Workload[]): Set<string> =>
  new Set(
    workloads
      .filter(({ hostNetwork, state }) => !hostNetwork && state !== 'finished')
      .flatMap(({ addresses }) => addresses),
  )

/** All or none: a state of which a policy is missing could let through what it denies. */
function validateAll(documents: readonly PolicyDocumentJson[]): Result<readonly PolicyDocument[], string> {
  const policies: PolicyDocument[] = []
  for (const [document, json] of documents.entries()) {
    const policy = validatePolicy(json, { document, applications: 'any' })
    if (!policy.ok) {
      const [problem] = policy.error
      return fail(`policy ${document}: ${problem ? `${problem.path}: ${problem.reason}` : 'not valid'}`)
    }
    policies.push(policy.value)
  }
  return ok(policies)
}

/** Applies changes to a map. @returns the keys whose value is another now. */
function update<K, V>(
  map: Map<K, V>,
  { set = [], removed = [] }: { readonly set?: readonly V[]; readonly removed?: readonly K[] },
  keyOf: (value: V) => K,
): Set<K> {
  const touched = new Set<K>()
  for (const key of removed) if (map.delete(key)) touched.add(key)
  for (const value of set) {
    const key = keyOf(value)
    const old = map.get(key)
    if (old !== undefined && isDeepStrictEqual(old, value)) continue
    map.set(key, value)
    touched.add(key)
  }
  return touched
}

function changed<K, V>(before: ReadonlyMap<K, V> | undefined, after: ReadonlyMap<K, V>): Set<K> {
  const keys = new Set<K>()
  for (const key of before?.keys() ?? []) if (!after.has(key)) keys.add(key)
  for (const [key, value] of after) if (!isDeepStrictEqual(before?.get(key), value)) keys.add(key)
  return keys
}

/** Keys as the model's change: set to what they are now, or removed. */
function resolve<K, V>(keys: ReadonlySet<K>, current: (key: K) => V | undefined): { set: V[]; removed: K[] } {
  const set: V[] = []
  const removed: K[] = []
  for (const key of keys) {
    const value = current(key)
    if (value === undefined) removed.push(key)
    else set.push(value)
  }
  return { set, removed }
}
