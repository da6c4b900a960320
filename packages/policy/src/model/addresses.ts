import { byService, type NodeName, type Workload } from '@sekisho/core'
import { type Entry, isNode } from './entry.ts'

/** Who owns an address: at most one workload, so that a re-used address never inherits the identity of its last owner. */
export class Addresses {
  /** Nearly always one: a set for each would be most of what an address takes. */
  readonly #claims = new Map<string, Entry | Set<Entry>>()
  readonly #owners = new Map<string, Entry>()
  readonly #isFor: (workload: Workload) => boolean

  /** @param isFor which workloads may own addresses here. */
  constructor(isFor: (workload: Workload) => boolean) {
    this.#isFor = isFor
  }

  owner(ip: string): Entry | undefined {
    return this.#owners.get(ip)
  }

  owned(entry: Entry): readonly string[] {
    return entry.workload.addresses.filter(ip => this.#owners.get(ip) === entry)
  }

  /** All who say that it is theirs. */
  claimants(ip: string): Iterable<Entry> {
    const claims = this.#claims.get(ip)
    if (claims instanceof Set) return claims
    return claims ? [claims] : []
  }

  claim(entry: Entry): void {
    if (entry.workload.state === 'finished' || !this.#isFor(entry.workload)) return
    for (const ip of entry.workload.addresses) {
      const claims = this.#claims.get(ip)
      if (claims instanceof Set) claims.add(entry)
      else this.#claims.set(ip, claims && claims !== entry ? new Set([claims, entry]) : entry)
    }
  }

  withdraw(entry: Entry): void {
    for (const ip of entry.workload.addresses) {
      const claims = this.#claims.get(ip)
      if (claims === entry) this.#claims.delete(ip)
      else if (claims instanceof Set && claims.delete(entry) && claims.size === 0) this.#claims.delete(ip)
    }
  }

  /** Finds the owner of an address after claims changed. @returns the entries that lost or won it. */
  settle(ip: string): readonly Entry[] {
    const old = this.#owners.get(ip)
    let owner: Entry | undefined
    for (const entry of this.claimants(ip)) {
      if (owner === undefined || byService(entry.workload, owner.workload) < 0) owner = entry
    }
    if (owner === old) return []
    if (owner) this.#owners.set(ip, owner)
    else this.#owners.delete(ip)
    return [old, owner].filter(entry => entry !== undefined)
  }
}

/** The addresses of each node: those it is said to have, and those of the workloads that share its network. */
export class NodeAddresses {
  readonly #counts = new Map<NodeName, Map<string, number>>()
  /** The nodes an address belongs to: one, but for mistakes. */
  readonly #nodes = new Map<string, readonly NodeName[]>()

  of(node: NodeName): ReadonlyMap<string, number> | undefined {
    return this.#counts.get(node)
  }

  has(node: NodeName, ip: string): boolean {
    return this.#counts.get(node)?.has(ip) ?? false
  }

  /** Whether it is an address of any node. */
  hasAny(ip: string): boolean {
    return this.#nodes.has(ip)
  }

  /** The nodes an address belongs to. */
  nodesAt(ip: string): readonly NodeName[] {
    return this.#nodes.get(ip) ?? []
  }

  equals(other: NodeAddresses): boolean {
    if (this.#counts.size !== other.#counts.size) return false
    for (const [node, counts] of this.#counts) {
      const others = other.#counts.get(node)
      if (counts.size !== others?.size) return false
      for (const ip of counts.keys()) if (!others.has(ip)) return false
    }
    return true
  }

  all(): Iterable<string> {
    return this.#nodes.keys()
  }

  add(node: NodeName, ips: readonly string[]): void {
    const counts = this.#counts.get(node) ?? new Map<string, number>()
    this.#counts.set(node, counts)
    for (const ip of ips) {
      if (!counts.has(ip)) this.#nodes.set(ip, [...this.nodesAt(ip), node].toSorted())
      count(counts, ip, 1)
    }
  }

  remove(node: NodeName, ips: readonly string[]): void {
    const counts = this.#counts.get(node)
    if (!counts) return
    for (const ip of ips) {
      const held = counts.has(ip)
      count(counts, ip, -1)
      if (held && !counts.has(ip)) this.#leave(ip, node)
    }
    if (counts.size === 0) this.#counts.delete(node)
  }

  #leave(ip: string, node: NodeName): void {
    const others = this.nodesAt(ip).filter(other => other !== node)
    if (others.length > 0) this.#nodes.set(ip, others)
    else this.#nodes.delete(ip)
  }
}

/** Counts that are zero are not kept. */
function count(counts: Map<string, number>, key: string, by: number): void {
  const now = (counts.get(key) ?? 0) + by
  if (now > 0) counts.set(key, now)
  else counts.delete(key)
}

/** Whether a workload lends its addresses to its node. */
export const lendsAddresses = (entry: Entry): boolean =>
  isNode(entry.workload) && entry.workload.state !== 'finished'
