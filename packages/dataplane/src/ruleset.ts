import type { WorkloadId } from '@sekisho/core'
import type { Chain, ChainId, RuleTable, SetId, TableChange } from '@sekisho/policy'
import { attachmentFragment, type ChainUse, chainUses } from './attachment.ts'
import { chainFragment } from './chain.ts'
import { createFragments } from './fragments.ts'
import { createMembers } from './members.ts'
import type { Role } from './names.ts'
import { EMPTY, type NftCounter, type NftElement, type NftSet } from './objects.ts'
import { PeerClasses } from './peer-classes.ts'
import { isNarrow } from './peer-map.ts'
import { type InspectionRules, inspectionFragment } from './queue-chains.ts'
import { generationFragment, SKELETON_COUNTERS, skeletonChains } from './skeleton.ts'
import { ASKED_OF_EVERY_PACKET, SKELETON_SETS } from './skeleton-sets.ts'
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
   * @returns undefined where a set has no room for what the change brings: only a rebuild may follow, which makes room.
   * @throws TypeError when change and table do not fit; the ruleset is of no use then, make a new one.
   */
  update(table: RuleTable, change: TableChange, generation: number): Command[] | undefined
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
  readonly #inspection: InspectionRules | undefined
  readonly #fragments = createFragments()
  readonly #members = createMembers()
  readonly #users = new ChainUsers()
  readonly #peers = new PeerClasses()
  /** Whether the members of each set may be elements of maps. */
  readonly #narrow = new Map<SetId, boolean>()
  readonly #rendered = new Map<string, { readonly role: Role; readonly chain: ChainId }>()
  #filled: string | undefined
  /** For how many elements the kernel's sets of a fixed size have room since the last rebuild. */
  #room = new Map<string, number>()
  readonly counters = new Map<string, NftCounter>()

  constructor(table: RuleTable, generation: number, inspection: InspectionRules | undefined) {
    this.#inspection = inspection
    this.#fragments.set('skeleton', { ...EMPTY, counters: SKELETON_COUNTERS })
    if (inspection) this.#fragments.set('inspection', inspectionFragment(inspection))
    this.#advance(table, wholeTable(table), generation)
  }

  update(table: RuleTable, change: TableChange, generation: number): Command[] | undefined {
    const edits = this.#advance(table, change, generation)
    for (const [set, room] of this.#room) if (this.#fragments.count(set) > room) return undefined
    return commands(edits, this.#setOf)
  }

  #makeRoom(): void {
    const rooms = [...ASKED_OF_EVERY_PACKET].map(set => [set, roomFor(this.#fragments.count(set))] as const)
    this.#room = new Map(rooms)
  }

  #skeletonSets(): NftSet[] {
    return SKELETON_SETS.map(set => {
      const elementsMax = this.#room.get(set.name)
      return elementsMax === undefined ? set : { ...set, elementsMax }
    })
  }

  rebuild(): Command[] {
    this.#makeRoom()
    const fragments = this.#fragments
    const [sets, maps, peerMaps] = [fragments.sets.values(), fragments.maps(), fragments.peerMaps.values()]
    const edits: Edits = {
      ...NOTHING,
      anew: true,
      countersAdded: [...this.counters.values()],
      setsAdded: [...this.#skeletonSets(), ...sets, ...[...maps, ...peerMaps].map(({ set }) => set)],
      chainsAdded: fragments.chains(),
      elementsAdded: [
        ...sets.flatMap(set => this.#membersOf(set)),
        ...maps.flatMap(map => map.elements),
        ...this.#peers.all(),
        ...fragments.elements(),
      ],
    }
    return commands(edits, this.#setOf)
  }

  readonly #setOf = (name: string): NftSet => {
    const { sets, peerMaps } = this.#fragments
    const set =
      peerMaps.get(name)?.set ?? sets.get(name) ?? SKELETON.get(name) ?? this.#fragments.map(name)?.set
    if (!set) throw new TypeError(`no set is called ${name}`)
    return set
  }

  #elementsOf({ of }: NftSet): ReadonlySet<string> {
    return (of && this.#members.of(of.id)?.[of.family]) ?? NO_ELEMENTS
  }

  #membersOf(set: NftSet): NftElement[] {
    return [...this.#elementsOf(set)].map(key => ({ set: set.name, key }))
  }

  size(): RulesetSize {
    const chains = this.#fragments.chains()
    const [sets, maps] = [this.#fragments.sets.values(), this.#fragments.maps()]
    let elements = this.#fragments.elements().length + this.#peers.size
    for (const set of sets) elements += this.#elementsOf(set).size
    for (const map of maps) elements += map.elements.length
    return {
      chains: chains.length,
      rules: chains.reduce((sum, { rules }) => sum + rules.length, 0),
      sets: SKELETON_SETS.length + sets.length + maps.length + this.#fragments.peerMaps.values().length,
      elements,
    }
  }

  #advance(table: RuleTable, change: TableChange, generation: number): Edits {
    const moves = this.#members.change(table, change)
    const fragments = this.#fragments
    const touched = change.attachments.flatMap(workload => this.#attach(table, workload))
    for (const chain of [...change.chainsRemoved, ...change.chainsAdded]) {
      for (const role of ['enforce', 'audit'] as const) touched.push({ role, chain })
    }
    const crossing = this.#crossing(table, change)
    touched.push(...crossing)
    this.#renderChains(
      table,
      touched,
      new Set([...change.chainsAdded, ...crossing.map(({ chain }) => chain)]),
    )
    const peerMaps = fragments.peerMaps.takeChanges(() => true)
    const peers = this.#peers.update(peerMaps, moves, this.#members)
    this.#dispatch()
    fragments.set('generation', generationFragment(generation, this.#inspection !== undefined))
    const { sets, ...edits } = fragments.takeEdits()
    const isNew = new Set(sets.added.map(({ name }) => name))
    const stays = ({ set }: NftElement): boolean => !isNew.has(set) && fragments.sets.get(set) !== undefined
    for (const { name } of edits.countersRemoved) this.counters.delete(name)
    for (const counter of edits.countersAdded) this.counters.set(counter.name, counter)
    return {
      ...edits,
      setsAdded: [...sets.added, ...edits.setsAdded, ...peerMaps.added.map(({ set }) => set)],
      setsRemoved: [...sets.removed, ...edits.setsRemoved, ...peerMaps.removed.map(({ set }) => set)],
      elementsAdded: [
        ...sets.added.flatMap(set => this.#membersOf(set)),
        ...moves.entered.filter(stays),
        ...peers.elementsAdded,
        ...edits.elementsAdded,
      ],
      elementsRemoved: [...moves.left.filter(stays), ...peers.elementsRemoved, ...edits.elementsRemoved],
    }
  }

  /** The chains that ask for a set which has become too large for maps, or small enough. */
  #crossing(table: RuleTable, change: TableChange): { role: Role; chain: ChainId }[] {
    for (const id of change.setsRemoved) this.#narrow.delete(id)
    for (const id of change.setsAdded) this.#narrow.set(id, isNarrow(table, id))
    const crossed = new Set<SetId>()
    for (const { set } of change.members) {
      const narrow = isNarrow(table, set)
      if (this.#narrow.get(set) === narrow) continue
      this.#narrow.set(set, narrow)
      crossed.add(set)
    }
    if (crossed.size === 0) return []
    return [...this.#rendered.values()].filter(({ chain }) => asksFor(table.chains.get(chain), crossed))
  }

  /** The base chains change only when a dispatch set gets its first element or loses its last. */
  #dispatch(): void {
    const isFilled = (set: string) => this.#fragments.count(set) > 0 || this.#peers.filled(set)
    const filled = SKELETON_SETS.map(({ name }) => name)
      .filter(isFilled)
      .join()
    if (filled === this.#filled) return
    this.#filled = filled
    this.#fragments.set('dispatch', {
      ...EMPTY,
      chains: skeletonChains({ filled: isFilled, inspection: this.#inspection }),
    })
  }

  #attach(table: RuleTable, workload: WorkloadId): { role: Role; chain: ChainId }[] {
    const attachment = table.attachments.get(workload)
    this.#fragments.set(`attachment ${workload}`, attachment ? attachmentFragment(attachment) : EMPTY)
    return [...this.#users.set(workload, attachment ? chainUses(attachment) : [])]
  }

  /** A chain's content belongs to its id; it is rendered again only when it is new or a set has crossed. */
  #renderChains(
    table: RuleTable,
    touched: readonly { role: Role; chain: ChainId }[],
    stale: ReadonlySet<ChainId>,
  ): void {
    for (const { role, chain: id } of touched) {
      const owner = ChainUsers.key(role, id)
      const used = this.#users.has(role, id)
      if (used && (stale.has(id) || !this.#rendered.has(owner))) {
        const chain = table.chains.get(id)
        if (!chain) throw new TypeError(`the table has no chain ${JSON.stringify(id)}`)
        this.#fragments.set(
          owner,
          chainFragment(table, chain, { role, inspects: this.#inspection !== undefined }),
        )
        this.#rendered.set(owner, { role, chain: id })
      } else if (!used && this.#rendered.delete(owner)) this.#fragments.set(owner, EMPTY)
    }
  }
}

const asksFor = (chain: Chain | undefined, sets: ReadonlySet<SetId>): boolean =>
  chain?.stages.some(stage => stage.some(({ peers }) => peers?.some(id => sets.has(id)))) === true

const ROOM_MIN = 1_024
/** Twice what is there, so that a node that fills up is seldom built anew for it; 16 kB for the least. */
const roomFor = (elements: number): number => Math.max(ROOM_MIN, 2 ** Math.ceil(Math.log2(2 * elements)))

const NO_ELEMENTS: ReadonlySet<string> = new Set()
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

/** @param inspection absent where nothing can be inspected: what is open is decided as if its rules were not there. */
export const createRuleset = (table: RuleTable, generation: number, inspection?: InspectionRules): Ruleset =>
  new TableRuleset(table, generation, inspection)
