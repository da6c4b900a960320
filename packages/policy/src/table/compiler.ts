import {
  type Direction,
  type IpRange,
  mergeRanges,
  type NodeName,
  parseIp,
  type WorkloadId,
} from '@sekisho/core'
import type { ModelDelta } from '../model/change.ts'
import { DIRECTIONS, type Entry, isActed, isSelectable, type PolicySet } from '../model/entry.ts'
import type { Model } from '../model/model.ts'
import type { ModelIndex } from '../model/model-index.ts'
import type { Attachment, Chain, ChainId, NameMove, RuleTable, TableChange } from '../table.ts'
import { type CompiledChain, chainKey, compileChain } from './chain.ts'
import type { KnownNames } from './name-sets.ts'
import { CompiledSections } from './section.ts'
import { rangeSet, type SetSpec } from './set-spec.ts'
import { TableSets } from './sets.ts'

/** Compiles the rules of one node and keeps them right. */
export interface TableCompiler {
  /** The table as of the last update; the same object for ever, changed in place. */
  readonly table: RuleTable
  /**
   * Brings the table up to a change of the model. Pass each delta, or several as one (`mergeDeltas`), before the
   * model changes again: the compiler reads the model as it is now.
   */
  update(delta: ModelDelta): TableChange
  /**
   * Follows what resolvers have answered, in the order in which it became known.
   * @param cuts whether connections by a name that is over are to be judged anew.
   */
  learn(moves: readonly NameMove[], cuts?: boolean): TableChange
  /** Whether any rule asks for a name: what it leads to is worth knowing. */
  asksFor(name: string): boolean
  /** Whether any rule that denies does: an address of it more has connections be judged anew. */
  deniesBy(name: string): boolean
}

/** What is known of names, and by whom. */
export interface Resolution {
  /** What has been answered so far; what follows is told to `learn`. */
  readonly names?: KnownNames
  /** Addresses of resolvers that the node or the cluster is configured to ask, beside those that policies know. */
  readonly resolvers?: readonly string[]
}

interface HeldChain extends CompiledChain {
  readonly key: string
  users: number
}

type ChainsOfWorkload = Readonly<Record<PolicySet, Readonly<Partial<Record<Direction, HeldChain>>>>>

class Compiler implements TableCompiler {
  readonly table: RuleTable
  readonly #node: NodeName
  readonly #ownAddresses: readonly string[]
  readonly #resolvers: readonly SetSpec[]
  readonly #index: ModelIndex
  readonly #sections = new CompiledSections()
  readonly #sets: TableSets
  readonly #byKey = new Map<string, HeldChain>()
  readonly #used = new Map<WorkloadId, ChainsOfWorkload>()
  readonly #chains = new Map<ChainId, Chain>()
  readonly #attachments = new Map<WorkloadId, Attachment>()
  readonly #nodeAddresses = new Set<string>()
  readonly #unused = new Set<HeldChain>()
  readonly #added = new Set<ChainId>()

  constructor(
    model: Model,
    node: { readonly name: NodeName; readonly addresses: readonly string[] },
    { names = NO_NAMES, resolvers = [] }: Resolution,
  ) {
    this.#node = node.name
    this.#ownAddresses = node.addresses
    this.#index = model.index
    this.#resolvers = resolvers.length > 0 ? [rangeSet(rangesOf(resolvers))] : []
    this.#sets = new TableSets(model.index, this.#nodeAddresses, names)
    this.table = {
      sets: this.#sets.sets,
      chains: this.#chains,
      attachments: this.#attachments,
      nodeAddresses: this.#nodeAddresses,
    }
    const workloads = new Set(model.workloads.keys())
    this.update({ workloads, identities: new Set(), policies: new Set(), nodes: new Set([node.name]) })
  }

  update(delta: ModelDelta): TableChange {
    const nodeAddresses = delta.nodes.has(this.#node) ? this.#readNodeAddresses() : undefined
    this.#sets.place(delta.workloads)
    if (delta.nodes.size > 0) this.#sets.placeNodes()
    const attachments: WorkloadId[] = []
    for (const id of delta.workloads) if (this.#attach(id)) attachments.push(id)
    for (const id of this.#rejudged(delta)) if (this.#attach(id)) attachments.push(id)
    const chainsRemoved = this.#sweep()
    const chainsAdded = [...this.#added]
    this.#added.clear()
    return {
      ...this.#sets.report(),
      chainsAdded,
      chainsRemoved,
      attachments,
      ...(nodeAddresses && { nodeAddresses }),
    }
  }

  learn(moves: readonly NameMove[], cuts = false): TableChange {
    const denies = this.#sets.learn(moves)
    const isCut = cuts && moves.some(({ came }) => !came)
    const change = { ...this.#sets.report(), chainsAdded: [], chainsRemoved: [], attachments: [] }
    return denies || isCut ? change : { ...change, isLasting: true }
  }

  asksFor(name: string): boolean {
    return this.#sets.asking(name).length > 0
  }

  deniesBy(name: string): boolean {
    return this.#sets.asking(name).some(spec => spec.kind === 'name' && spec.denies)
  }

  /** Of this node's workloads, those that are the same and judged otherwise. */
  #rejudged({ workloads, identities }: ModelDelta): readonly WorkloadId[] {
    if (identities.size === 0) return []
    return [...this.#attachments.keys()].filter(id => {
      const identity = this.#index.entry(id)?.identity
      return identity && identities.has(identity) && !workloads.has(id)
    })
  }

  /** Only running and terminating workloads of this node; one that is removed or finished is detached. */
  #local(id: WorkloadId): Entry | undefined {
    const entry = this.#index.entry(id)
    if (!entry || entry.workload.node !== this.#node || !isSelectable(entry.workload)) return undefined
    if (!isActed(entry.workload)) return undefined
    return entry.workload.state === 'finished' ? undefined : entry
  }

  /** @returns whether the attachment changed. */
  #attach(id: WorkloadId): boolean {
    const entry = this.#local(id)
    const old = this.#attachments.get(id)
    if (!entry && !old) return false
    const before = this.#used.get(id)
    // New chains are taken before the old are given back, so that what both use is not made anew.
    const after = entry && this.#acquireAll(entry)
    if (before) for (const chain of chainsOf(before)) this.#release(chain)
    if (!entry || !after) {
      this.#used.delete(id)
      return this.#attachments.delete(id)
    }
    this.#used.set(id, after)
    const made = attachment(entry, this.#index.addresses.owned(entry), after)
    if (old && sameAttachment(old, made)) return false
    this.#attachments.set(id, made)
    return true
  }

  #acquireAll(entry: Entry): ChainsOfWorkload {
    const acquire = (set: PolicySet) => {
      const pairs = DIRECTIONS.flatMap(direction => {
        const chain = this.#acquire(entry, direction, set)
        return chain ? [[direction, chain] as const] : []
      })
      return Object.fromEntries(pairs) as Partial<Record<Direction, HeldChain>>
    }
    return { enforce: acquire('enforce'), audit: acquire('audit') }
  }

  #acquire(entry: Entry, direction: Direction, set: PolicySet): HeldChain | undefined {
    const profile = this.#index.profile(entry, direction, set)
    if (set === 'audit' && profile === this.#index.profile(entry, direction, 'enforce')) return undefined
    if (profile.sections.length === 0) return undefined
    const sections = profile.sections.map(section => this.#sections.get(section, direction))
    const resolvers = this.#resolvers
    const source = { direction, profile, sections, ports: entry.workload.ports, resolvers }
    const key = chainKey(source)
    const held = this.#byKey.get(key) ?? this.#add({ ...compileChain(source, key), key, users: 0 })
    held.users++
    this.#unused.delete(held)
    return held
  }

  #add(held: HeldChain): HeldChain {
    this.#byKey.set(held.key, held)
    this.#chains.set(held.chain.id, held.chain)
    this.#added.add(held.chain.id)
    for (const set of held.sets) this.#sets.acquire(set)
    return held
  }

  #release(held: HeldChain): void {
    if (--held.users === 0) this.#unused.add(held)
  }

  #sweep(): readonly ChainId[] {
    const removed: ChainId[] = []
    for (const held of this.#unused) {
      this.#byKey.delete(held.key)
      this.#chains.delete(held.chain.id)
      for (const set of held.sets) this.#sets.release(set)
      if (!this.#added.delete(held.chain.id)) removed.push(held.chain.id)
    }
    this.#unused.clear()
    return removed
  }

  #readNodeAddresses(): TableChange['nodeAddresses'] {
    const now = new Set([...this.#ownAddresses, ...(this.#index.nodeAddresses.of(this.#node)?.keys() ?? [])])
    const add = [...now].filter(ip => !this.#nodeAddresses.has(ip))
    const remove = [...this.#nodeAddresses].filter(ip => !now.has(ip))
    for (const ip of add) this.#nodeAddresses.add(ip)
    for (const ip of remove) this.#nodeAddresses.delete(ip)
    return add.length + remove.length > 0 ? { add, remove } : undefined
  }
}

const chainsOf = ({ enforce, audit }: ChainsOfWorkload): readonly HeldChain[] => [
  ...Object.values(enforce),
  ...Object.values(audit),
]

function attachment(entry: Entry, addresses: readonly string[], chains: ChainsOfWorkload): Attachment {
  const { id, kind, ports, interface: name, interfaceIndex } = entry.workload
  const ids = (set: PolicySet) =>
    Object.fromEntries(Object.entries(chains[set]).map(([direction, held]) => [direction, held.chain.id]))
  return {
    workload: id,
    addresses,
    ...(name !== undefined && { interface: name }),
    ...(interfaceIndex !== undefined && { interfaceIndex }),
    ...(kind === 'external' && { isNode: true as const }),
    ports,
    enforce: ids('enforce'),
    audit: ids('audit'),
  }
}

const sameAttachment = (a: Attachment, b: Attachment): boolean => JSON.stringify(a) === JSON.stringify(b)

const NO_NAMES: KnownNames = { entries: () => [] }

/** @throws TypeError for what is no address. */
const rangesOf = (addresses: readonly string[]): readonly IpRange[] =>
  mergeRanges(
    addresses.map(text => {
      const ip = parseIp(text)
      if (!ip) throw new TypeError(`not an address: ${JSON.stringify(text)}`)
      return { family: ip.family, first: ip.value, last: ip.value }
    }),
  )

/** @param node whose workloads are compiled; `addresses` are added to those the model knows of it. */
export const createTableCompiler = (
  model: Model,
  node: { readonly name: NodeName; readonly addresses: readonly string[] },
  resolution: Resolution = {},
): TableCompiler => new Compiler(model, node, resolution)
