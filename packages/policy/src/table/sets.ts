import type { WorkloadId } from '@sekisho/core'
import type { Entry } from '../model/entry.ts'
import type { ModelIndex } from '../model/model-index.ts'
import { resolvePort } from '../model/ports.ts'
import type { AddressSet, NameMove, SetId, TableChange } from '../table.ts'
import { type KnownNames, NameSets } from './name-sets.ts'
import type { SetSpec } from './set-spec.ts'

/** A set in the table, and which workload brought which of its members. */
interface HeldSet {
  readonly spec: SetSpec
  readonly members: Set<string>
  readonly broughtBy: Map<WorkloadId, readonly string[]>
  users: number
}

/** Members that came (true) or went (false) since the last report. */
type Moves = Map<HeldSet, Map<string, boolean>>

const same = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((member, at) => member === b[at])

/** The sets that the table's chains use: reference counted, their members kept as workloads change. */
export class TableSets {
  readonly sets = new Map<SetId, AddressSet>()
  readonly #index: ModelIndex
  readonly #held = new Map<SetId, HeldSet>()
  readonly #bySelection = new Map<string, Set<HeldSet>>()
  /** In which sets a workload has members. */
  readonly #places = new Map<WorkloadId, Set<HeldSet>>()
  readonly #nodeSets = new Set<HeldSet>()
  readonly #nodeAddresses: ReadonlySet<string>
  readonly #unused = new Set<HeldSet>()
  readonly #added = new Set<SetId>()
  readonly #names: NameSets<HeldSet>
  #moves: Moves = new Map()

  /** @param nodeAddresses of the table's own node; read anew at each `placeNodes`. */
  constructor(index: ModelIndex, nodeAddresses: ReadonlySet<string>, names: KnownNames) {
    this.#index = index
    this.#names = new NameSets(names)
    this.#nodeAddresses = nodeAddresses
  }

  acquire(spec: SetSpec): void {
    const held = this.#held.get(spec.id) ?? this.#add(spec)
    held.users++
    this.#unused.delete(held)
  }

  /** The set stays until the end of the update: another chain may ask for it yet. */
  release(spec: SetSpec): void {
    const held = this.#held.get(spec.id)
    if (held && --held.users === 0) this.#unused.add(held)
  }

  #add(spec: SetSpec): HeldSet {
    const held: HeldSet = { spec, members: new Set(), broughtBy: new Map(), users: 0 }
    this.#held.set(spec.id, held)
    this.sets.set(spec.id, addressSet(held))
    this.#added.add(spec.id)
    if (spec.kind === 'range') return held
    if (spec.kind === 'name') {
      for (const ip of this.#names.add(spec.pattern, held)) held.members.add(ip)
      return held
    }
    if (spec.kind === 'nodes') {
      this.#nodeSets.add(held)
      this.#fillNodes(held)
      return held
    }
    const sets = this.#bySelection.get(spec.selection) ?? new Set()
    this.#bySelection.set(spec.selection, sets.add(held))
    for (const { members } of this.#index.selection(spec.selection)?.members ?? []) {
      for (const entry of members) this.#bring(held, entry.workload.id, this.#members(held, entry))
    }
    return held
  }

  /** @returns whether a set of a rule that denies got a member. */
  learn(moves: readonly NameMove[]): boolean {
    let denies = false
    for (const { set: held, ip, came } of this.#names.learn(moves)) {
      if (came) held.members.add(ip)
      else held.members.delete(ip)
      this.#move(held, ip, came)
      denies ||= came && held.spec.kind === 'name' && held.spec.denies
    }
    return denies
  }

  /** The sets that ask for a name. */
  asking(name: string): readonly SetSpec[] {
    return this.#names.asking(name).map(({ spec }) => spec)
  }

  /** Brings the sets of nodes' addresses up to the model. */
  placeNodes(): void {
    for (const held of this.#nodeSets) this.#fillNodes(held)
  }

  #fillNodes(held: HeldSet): void {
    const own = this.#nodeAddresses
    const isOwn = held.spec.kind === 'nodes' && held.spec.own
    const wanted = new Set(isOwn ? own : [...own, ...this.#index.nodeAddresses.all()])
    for (const ip of [...held.members].filter(member => !wanted.has(member))) {
      held.members.delete(ip)
      this.#move(held, ip, false)
    }
    for (const ip of [...wanted].filter(one => !held.members.has(one))) {
      held.members.add(ip)
      this.#move(held, ip, true)
    }
  }

  #members({ spec }: HeldSet, entry: Entry): readonly string[] {
    const owned = this.#index.owned(entry)
    if (spec.kind !== 'named-port' || owned.length === 0) return owned
    const ports = new Set(resolvePort(entry.workload.ports, spec.port))
    return owned.flatMap(ip => [...ports].map(port => `${ip}|${spec.port.protocol}|${port}`))
  }

  #bring(held: HeldSet, id: WorkloadId, members: readonly string[]): void {
    if (members.length === 0) return
    const places = this.#places.get(id)
    if (places) places.add(held)
    else this.#places.set(id, new Set([held]))
    held.broughtBy.set(id, members)
    for (const member of members) {
      held.members.add(member)
      this.#move(held, member, true)
    }
  }

  #take(held: HeldSet, id: WorkloadId): void {
    this.#forget(held, id)
    for (const member of held.broughtBy.get(id) ?? []) {
      held.members.delete(member)
      this.#move(held, member, false)
    }
    held.broughtBy.delete(id)
  }

  #forget(held: HeldSet, id: WorkloadId): void {
    const places = this.#places.get(id)
    places?.delete(held)
    if (places?.size === 0) this.#places.delete(id)
  }

  /** Coming and going in one update is no move at all, and what a new set has is told with the set. */
  #move(held: HeldSet, member: string, came: boolean): void {
    if (this.#added.has(held.spec.id)) return
    const moves = this.#moves.get(held) ?? new Map<string, boolean>()
    this.#moves.set(held, moves)
    if (moves.get(member) === !came) moves.delete(member)
    else moves.set(member, came)
  }

  /** What a workload should have in which set, now. */
  #wanted(entry: Entry | undefined): ReadonlyMap<HeldSet, readonly string[]> {
    const wanted = new Map<HeldSet, readonly string[]>()
    for (const selection of entry?.selections ?? []) {
      for (const held of this.#bySelection.get(selection.key) ?? []) {
        if (entry) wanted.set(held, this.#members(held, entry))
      }
    }
    return wanted
  }

  /** Puts workloads where they belong now. All leave before any comes: an address may pass from one to another. */
  place(ids: Iterable<WorkloadId>): void {
    const arrivals: (() => void)[] = []
    for (const id of ids) {
      const wanted = this.#wanted(this.#index.entry(id))
      for (const held of this.#places.get(id) ?? []) {
        if (!same(held.broughtBy.get(id) ?? [], wanted.get(held) ?? [])) this.#take(held, id)
      }
      for (const [held, members] of wanted) {
        if (!held.broughtBy.has(id)) arrivals.push(() => this.#bring(held, id, members))
      }
    }
    for (const arrive of arrivals) arrive()
  }

  #sweep(): readonly SetId[] {
    const removed: SetId[] = []
    for (const held of this.#unused) {
      const { id } = held.spec
      this.#held.delete(id)
      this.sets.delete(id)
      for (const workload of held.broughtBy.keys()) this.#forget(held, workload)
      this.#unselect(held)
      this.#moves.delete(held)
      if (!this.#added.delete(id)) removed.push(id)
    }
    this.#unused.clear()
    return removed
  }

  #unselect(held: HeldSet): void {
    if (held.spec.kind === 'range') return
    if (held.spec.kind === 'name') {
      this.#names.delete(held.spec.pattern, held)
      return
    }
    if (held.spec.kind === 'nodes') {
      this.#nodeSets.delete(held)
      return
    }
    const sets = this.#bySelection.get(held.spec.selection)
    sets?.delete(held)
    if (sets?.size === 0) this.#bySelection.delete(held.spec.selection)
  }

  /** Ends an update: drops what nothing uses and says what changed since the last one. */
  report(): Pick<TableChange, 'members' | 'setsAdded' | 'setsRemoved'> {
    const setsRemoved = this.#sweep()
    const setsAdded = [...this.#added]
    const members = [...this.#moves]
      .filter(([, moves]) => moves.size > 0)
      .map(([held, moves]) => ({
        set: held.spec.id,
        add: [...moves].filter(([, came]) => came).map(([member]) => member),
        remove: [...moves].filter(([, came]) => !came).map(([member]) => member),
      }))
    this.#added.clear()
    this.#moves = new Map()
    return { members, setsAdded, setsRemoved }
  }
}

function addressSet({ spec, members }: HeldSet): AddressSet {
  switch (spec.kind) {
    case 'selector':
    case 'nodes':
      return { kind: 'selector', id: spec.id, members }
    case 'named-port':
      return { kind: 'named-port', id: spec.id, members }
    case 'range':
      return { kind: 'range', id: spec.id, ranges: spec.ranges }
    case 'name':
      return { kind: 'name', id: spec.id, pattern: spec.pattern, members }
  }
}
