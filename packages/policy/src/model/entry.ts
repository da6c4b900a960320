import {
  type Direction,
  type Family,
  hasNoAgent,
  type Ip,
  type Labels,
  type NamedPort,
  type Namespace,
  parseIp,
  type Workload,
  type WorkloadId,
} from '@sekisho/core'
import type { Scope, Selection } from './selections.ts'
import type { Kin, Standing } from './standing.ts'

/** A namespace as the model sees it: also those that only a workload names. */
export interface NamespaceEntry {
  namespace: Namespace
  /** Named by a source; otherwise it lasts as long as its workloads. */
  known: boolean
  /** Those of its workloads, by key. */
  readonly identities: Map<string, Identity>
  /** Scopes that hold this namespace. */
  readonly scopes: Set<Scope>
}

/**
 * Workloads that no selector tells apart: of one namespace, with equal labels, with equal names of ports, and switched on or off. What follows from selectors is kept here
 * once for all of them, so that a policy that changes costs what there are identities, and not what there are workloads.
 */
export interface Identity {
  readonly key: string
  readonly namespace: NamespaceEntry
  /** What selectors see, see `identityLabels`. */
  readonly labels: Labels
  /** Which selectors may select it: those of workloads, of hosts, or none where it shares its node's network. */
  readonly kind: 'workload' | 'host' | 'node-network'
  /** Policies that select it count. As a peer it is what it is either way. */
  readonly isProtected: boolean
  readonly ports: readonly NamedPort[]
  readonly members: Set<Entry>
  /** Selections it is in. Empty for what no selector may select. */
  readonly selections: Set<Selection>
  /** Found when first asked for, and forgotten when its selections or their policies change. */
  kin: Kin | undefined
}

/** One end of a question, looked up: the workload that is meant, and the address that is used. */
export class End {
  /** What `Standings` found, and in which revision of the model. */
  standing: Standing | undefined
  revision = -1
  /** Only where selectors select it: what shares its node's network is its node. */
  readonly entry: Entry | undefined
  /** The host that is meant, or whose address it is. */
  readonly host: Entry | undefined
  readonly text: string | undefined
  readonly ip: Ip | undefined
  readonly family: Family | undefined
  /** The workload that is named or owns the address. */
  readonly owner: Entry | undefined
  readonly id: WorkloadId | undefined

  constructor(owner: Entry | undefined, text?: string, ip?: Ip) {
    this.standing = undefined
    this.entry = owner && isSelectable(owner.workload) ? owner : undefined
    this.host = owner?.workload.kind === 'host' ? owner : undefined
    this.text = text
    this.ip = ip
    this.family = ip?.family
    this.owner = owner
    this.id = owner?.workload.id
  }

  /** Of a workload that is named, its end of the other's family, if that is known. */
  of(family: Family | undefined): End {
    return family === undefined || family === this.family || !this.owner ? this : this.owner.of(family)
  }
}

/** A workload and what the model derives from it. The object stays the same while the workload lives. */
export class Entry {
  /** Changed in place by the model, and by nothing else. */
  identity: Identity
  /** Another for each, and not zero. */
  readonly serial: number
  #workload: Workload
  #ends: readonly End[] | undefined
  #nowhere: End | undefined

  constructor(workload: Workload, identity: Identity, serial: number) {
    this.#workload = workload
    this.identity = identity
    this.serial = serial
  }

  get workload(): Workload {
    return this.#workload
  }
  set workload(workload: Workload) {
    this.#workload = workload
    this.#ends = undefined
    this.#nowhere = undefined
  }

  get namespace(): NamespaceEntry {
    return this.identity.namespace
  }
  get selections(): ReadonlySet<Selection> {
    return this.identity.selections
  }

  /** An end for each of its addresses, in order, parsed once; a text that is no address can match nothing. */
  get ends(): readonly End[] {
    this.#ends ??= this.#workload.addresses.flatMap(text => {
      const ip = parseIp(text)
      return ip ? [new End(this, text, ip)] : []
    })
    return this.#ends
  }

  endAt(text: string): End | undefined {
    for (const end of this.ends) if (end.text === text) return end
    return undefined
  }

  /** The end that is meant where no address is asked for; without one where none is known. */
  get first(): End {
    return this.ends[0] ?? this.#without
  }

  /** Its first address of a family. */
  of(family: Family): End {
    for (const end of this.ends) if (end.family === family) return end
    return this.#without
  }

  get #without(): End {
    this.#nowhere ??= new End(this)
    return this.#nowhere
  }
}

/** Policies in Enforce, or those in Enforce and Audit together. */
export type PolicySet = 'enforce' | 'audit'
export const POLICY_SETS = ['enforce', 'audit'] as const satisfies readonly PolicySet[]
export const DIRECTIONS = ['ingress', 'egress'] as const satisfies readonly Direction[]

export const profileSlot = (direction: Direction, set: PolicySet): number =>
  (direction === 'ingress' ? 0 : 1) + (set === 'enforce' ? 0 : 2)

/** Shares its node's addresses, so that no address tells it from the node: it is the node. */
export const isNode = (workload: Workload): boolean => workload.hostNetwork || workload.kind === 'host'

/**
 * Selectors select it. A finished workload stays what it was, so that a question or a recorded flow that names it is
 * still answered as it was in force; it owns no address, so that no packet is taken for it.
 */
export const isSelectable = (workload: Workload): boolean => !isNode(workload)

/** Its own policies can act: none do where no agent runs, and a host's own traffic is not judged for what the host is. */
export const isActed = (workload: Workload): boolean => workload.kind !== 'host' && !hasNoAgent(workload)
