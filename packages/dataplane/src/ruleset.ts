import type { WorkloadId } from '@sekisho/core'
import type { ChainId, RuleTable, TableChange } from '@sekisho/policy'
import { attachmentFragment, type ChainUse, chainUses } from './attachment.ts'
import { chainFragment } from './chain.ts'
import { createFragments } from './fragments.ts'
import { createMembers } from './members.ts'
import type { Role } from './names.ts'
import { EMPTY, type NftCounter, type NftElement, type NftSet } from './objects.ts'
import { generationFragment, SKELETON_COUNTERS, SKELETON_SETS, skeletonChains } from './skeleton.ts'
import { type Command, commands, type Edits } from './transaction.ts'

export interface RulesetSize {
  readonly chains: number
  readonly rules: number
  readonly sets: number
  readonly elements: number
}

/**
 * The desired content of the kernel's table, kept exact in memory so that it never has to be read back. No effects:
 * it hands out the commands that make the kernel equal to it.
 */
export interface Ruleset {
  /**
   * Follows one change of the compiled table, under a new generation.
   * @throws TypeError when change and table do not fit; the ruleset is of no use then, make a new one.
   */
  update(table: RuleTable, change: TableChange, generation: number): Command[]
  /** Builds the whole content, whatever was there before. */
  rebuild(): Command[]
  /** Named counters by name; those of rules say which. */
  readonly counters: ReadonlyMap<string, NftCounter>
  size(): RulesetSize
}

/** Everything of a table, as the change that makes it from nothing. */
const wholeTable = (table: RuleTable): TableChange => ({
  members: [],
  setsAdded: [...table.sets.keys()],
  setsRemoved: [],
  chainsAdded: [...table.chains.keys()],
  chainsRemoved: [],
  attachments: [...table.attachments.keys()],
})

/** Chains by how many attachments jump to them: one that none does has no business in the kernel. */
class ChainUsers {
  readonly #uses = new Map<WorkloadId, readonly ChainUse[]>()
  readonly #counts = new Map<string, number>()

  static key(role: Role, chain: ChainId): string {
    return `${role} ${chain}`
  }
  /** @returns the uses before and now, whose chains may have to come or go. */
  set(workload: WorkloadId, uses: readonly ChainUse[]): readonly ChainUse[] {
    const before = this.#uses.get(workload) ?? []
    for (const { role, chain } of before) this.#count(ChainUsers.key(role, chain), -1)
    for (const { role, chain } of uses) this.#count(ChainUsers.key(role, chain), 1)
    if (uses.length > 0) this.#uses.set(workload, uses)
    else this.#uses.delete(workload)
    return [...before, ...uses]
  }
  has(role: Role, chain: ChainId): boolean {
    return this.#counts.has(ChainUsers.key(role, chain))
  }
  #count(key: string, by: 1 | -1): void {
    const count = (this.#counts.get(key) ?? 0) + by
    if (count > 0) this.#counts.set(key, count)
    else this.#counts.delete(key)
  }
}

class TableRuleset implements Ruleset {
  readonly #fragments = createFragments()
  readonly #members = createMembers()
  readonly #users = new ChainUsers()
  readonly #rendered = new Set<string>()
  #filled: string | undefined
  readonly counters = new Map<string, NftCounter>()

  constructor(table: RuleTable, generation: number) {
    this.#fragments.set('skeleton', { ...EMPTY, counters: SKELETON_COUNTERS })
    this.#advance(table, wholeTable(table), generation)
  }

  update(table: RuleTable, change: TableChange, generation: number): Command[] {
    return commands(this.#advance(table, change, generation), this.#setOf)
  }

  rebuild(): Command[] {
    const { sets, elements } = this.#members
    const members = [...elements].flatMap(([set, keys]): NftElement[] => [...keys].map(key => ({ set, key })))
    const maps = this.#fragments.maps()
    const edits: Edits = {
      ...NOTHING,
      anew: true,
      countersAdded: [...this.counters.values()],
      setsAdded: [...SKELETON_SETS, ...sets.values(), ...maps.map(({ set }) => set)],
      chainsAdded: this.#fragments.chains(),
      elementsAdded: [...members, ...maps.flatMap(map => map.elements), ...this.#fragments.elements()],
    }
    return commands(edits, this.#setOf)
  }

  readonly #setOf = (name: string): NftSet => {
    const set = this.#members.sets.get(name) ?? SKELETON.get(name) ?? this.#fragments.map(name)?.set
    if (!set) throw new TypeError(`no set is called ${name}`)
    return set
  }

  size(): RulesetSize {
    const chains = this.#fragments.chains()
    let elements = this.#fragments.elements().length
    for (const keys of this.#members.elements.values()) elements += keys.size
    const maps = this.#fragments.maps()
    for (const map of maps) elements += map.elements.length
    return {
      chains: chains.length,
      rules: chains.reduce((sum, { rules }) => sum + rules.length, 0),
      sets: SKELETON_SETS.length + this.#members.elements.size + maps.length,
      elements,
    }
  }

  #advance(table: RuleTable, change: TableChange, generation: number): Edits {
    const members = this.#members.change(table, change)
    const fragments = this.#fragments
    const touched = change.attachments.flatMap(workload => this.#attach(table, workload))
    for (const chain of [...change.chainsRemoved, ...change.chainsAdded]) {
      for (const role of ['enforce', 'audit'] as const) touched.push({ role, chain })
    }
    this.#renderChains(table, touched, new Set(change.chainsAdded))
    this.#dispatch()
    fragments.set('generation', generationFragment(generation))
    const edits = fragments.takeEdits()
    for (const { name } of edits.countersRemoved) this.counters.delete(name)
    for (const counter of edits.countersAdded) this.counters.set(counter.name, counter)
    return {
      ...edits,
      setsAdded: [...members.setsAdded, ...edits.setsAdded],
      setsRemoved: [...members.setsRemoved, ...edits.setsRemoved],
      elementsAdded: [...members.elementsAdded, ...edits.elementsAdded],
      elementsRemoved: [...members.elementsRemoved, ...edits.elementsRemoved],
    }
  }

  /** The base chains change only when a dispatch set gets its first element or loses its last. */
  #dispatch(): void {
    const filled = SKELETON_SETS.map(({ name }) => name)
      .filter(this.#fragments.filled)
      .join()
    if (filled === this.#filled) return
    this.#filled = filled
    this.#fragments.set('dispatch', { ...EMPTY, chains: skeletonChains(this.#fragments.filled) })
  }

  #attach(table: RuleTable, workload: WorkloadId): { role: Role; chain: ChainId }[] {
    const attachment = table.attachments.get(workload)
    this.#fragments.set(`attachment ${workload}`, attachment ? attachmentFragment(attachment) : EMPTY)
    return [...this.#users.set(workload, attachment ? chainUses(attachment) : [])]
  }

  /** A chain's content belongs to its id; it is rendered again only when the change says that it is new. */
  #renderChains(
    table: RuleTable,
    touched: readonly { role: Role; chain: ChainId }[],
    added: ReadonlySet<ChainId>,
  ): void {
    for (const { role, chain: id } of touched) {
      const owner = ChainUsers.key(role, id)
      const used = this.#users.has(role, id)
      if (used && (added.has(id) || !this.#rendered.has(owner))) {
        const chain = table.chains.get(id)
        if (!chain) throw new TypeError(`the table has no chain ${JSON.stringify(id)}`)
        this.#fragments.set(owner, chainFragment(table, chain, role))
        this.#rendered.add(owner)
      } else if (!used && this.#rendered.delete(owner)) this.#fragments.set(owner, EMPTY)
    }
  }
}

const SKELETON = new Map(SKELETON_SETS.map(set => [set.name, set]))

const NOTHING: Edits = {
  countersAdded: [],
  setsAdded: [],
  chainsAdded: [],
  elementsAdded: [],
  elementsRemoved: [],
  chainsChanged: [],
  chainsRemoved: [],
  setsRemoved: [],
  countersRemoved: [],
}

export const createRuleset = (table: RuleTable, generation: number): Ruleset =>
  new TableRuleset(table, generation)
