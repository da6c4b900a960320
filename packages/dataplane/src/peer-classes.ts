import { hash } from 'node:crypto'
import { FAMILIES } from '@sekisho/core'
import type { SetId } from '@sekisho/policy'
import type { Changes } from './claims.ts'
import type { Members, Moves } from './members.ts'
import type { NftElement, NftPeerMap, PeerLine } from './objects.ts'

type SetList = readonly SetId[]

/** All addresses that are in the same of the sets that maps of peers ask for. */
interface PeerClass {
  /** As nft writes a class of traffic, since the packet carries it where it would carry that. */
  readonly number: string
  readonly sets: SetList
  readonly members: Set<string>
}

interface ElementEdits {
  readonly elementsAdded: NftElement[]
  readonly elementsRemoved: NftElement[]
}

export const classMap = (family: 4 | 6): string => `class_${family}`
const mapOf = (address: string): string => classMap(address.includes(':') ? 6 : 4)

/**
 * What a class leads to in a map: the counter of each port. Where a rule for every port comes first, it decides for
 * the port too.
 */
function leads(map: NftPeerMap, sets: SetList): ReadonlyMap<string | undefined, string> {
  const lines = sets.flatMap((set): readonly PeerLine[] => map.lines.get(set) ?? [])
  const ordered = lines.toSorted((a, b) => a.order - b.order)
  const any = ordered.find(({ port }) => port === undefined)
  if (map.set.key.length === 1) return new Map(any && [[undefined, any.counter]])
  const found = new Map<string, string>()
  for (const { port, order, counter } of ordered) {
    if (port === undefined || found.has(port)) continue
    found.set(port, any && any.order < order ? any.counter : counter)
  }
  return found
}

const NOWHERE: SetList = []

/** Found once for each list: addresses that come and go together share one, so that there are few. */
function perList<Value extends object | undefined>(find: (sets: SetList) => Value): (sets: SetList) => Value {
  const known = new Map<SetList, Value>()
  return sets => {
    const value = known.get(sets) ?? find(sets)
    known.set(sets, value)
    return value
  }
}
const including = (id: SetId) => perList(sets => [...sets, id])
const without = (id: SetId) => perList(sets => sets.filter(other => other !== id))

const elementsOf = (map: NftPeerMap, { number, sets }: PeerClass): NftElement[] =>
  [...leads(map, sets)].map(([port, counter]) => ({
    set: map.set.name,
    key: port === undefined ? number : `${number} . ${port}`,
    counter,
  }))

/** A handle of 16 and 16 bits, none of them 0 or ffff, which mean something of their own. */
function handle(value: number): string | undefined {
  const halves = [value >>> 16, value & 0xffff]
  if (halves.some(half => half === 0 || half === 0xffff)) return undefined
  return halves.map(half => half.toString(16).padStart(4, '0')).join(':')
}

/**
 * Which peers are alike, and what each kind may do by each map: both are elements, of the maps from addresses to
 * classes and of the maps from classes to counters. So a workload elsewhere that changes its labels is one element
 * for each of its addresses, however many rules are about it.
 */
export class PeerClasses {
  /** With how many elements it has. */
  readonly #maps = new Map<NftPeerMap, number>()
  readonly #asking = new Map<SetId, Set<NftPeerMap>>()
  readonly #classOf = new Map<string, PeerClass>()
  readonly #classes = new Map<string, PeerClass>()
  readonly #bySet = new Map<SetId, Set<PeerClass>>()
  readonly #numbers = new Set<string>()
  readonly #filled = { [classMap(4)]: 0, [classMap(6)]: 0 }
  #size = 0

  /** Maps that come bring all their elements, and maps that go take theirs along. */
  update(maps: Changes<NftPeerMap>, moves: Moves, members: Members): ElementEdits {
    const edits: ElementEdits = { elementsAdded: [], elementsRemoved: [] }
    const changed = new Map<PeerClass, boolean>()
    const classOf = perList(sets => (sets.length > 0 ? this.#class(sets.toSorted()) : undefined))
    for (const [address, sets] of this.#follow(maps, moves, members)) {
      this.#move(address, classOf(sets), { changed, edits })
    }
    const isNew = new Set(maps.added)
    for (const [one, existed] of changed) this.#settle(one, { existed, isNew, edits })
    for (const map of maps.added) edits.elementsAdded.push(...this.#fill(map))
    return edits
  }

  /** Whether a map from addresses to classes has elements. */
  filled(set: string): boolean {
    return (this.#filled[set] ?? 0) > 0
  }

  *all(): Generator<NftElement> {
    for (const [address, { number }] of this.#classOf)
      yield { set: mapOf(address), key: address, classid: number }
    for (const map of this.#maps.keys()) yield* this.#content(map)
  }

  get size(): number {
    return this.#size
  }

  /** @returns the sets that are asked for now and were not, and those that were and are not. */
  #ask({ added, removed }: Changes<NftPeerMap>): { readonly came: Set<SetId>; readonly went: Set<SetId> } {
    const [came, went] = [new Set<SetId>(), new Set<SetId>()]
    for (const map of added) {
      for (const id of map.lines.keys()) {
        if (!this.#asking.has(id)) came.add(id)
        addTo(this.#asking, id, map)
      }
    }
    for (const map of removed) {
      this.#size -= this.#maps.get(map) ?? 0
      this.#maps.delete(map)
      for (const id of map.lines.keys()) {
        removeFrom(this.#asking, id, map)
        if (!this.#asking.has(id)) went.add(id)
      }
    }
    return { came, went }
  }

  /** @returns the asked sets that an address is in by now, for each that entered or left any. */
  #follow(
    maps: Changes<NftPeerMap>,
    { entered, left }: Moves,
    members: Members,
  ): ReadonlyMap<string, SetList> {
    const { came, went } = this.#ask(maps)
    const now = new Map<string, SetList>()
    const put = (address: string, change: (sets: SetList) => SetList) =>
      now.set(address, change(now.get(address) ?? this.#classOf.get(address)?.sets ?? NOWHERE))
    for (const id of went) {
      const leave = without(id)
      for (const one of this.#bySet.get(id) ?? []) for (const address of one.members) put(address, leave)
    }
    for (const id of came) {
      const [enter, elements] = [including(id), members.of(id)]
      for (const family of FAMILIES) for (const address of elements?.[family] ?? []) put(address, enter)
    }
    const stays = (id: SetId) => this.#asking.has(id) && !came.has(id)
    for (const { id, key } of left) if (stays(id)) put(key, without(id))
    for (const { id, key } of entered) if (stays(id)) put(key, including(id))
    return now
  }

  #move(
    address: string,
    after: PeerClass | undefined,
    { changed, edits }: { changed: Map<PeerClass, boolean>; edits: ElementEdits },
  ): void {
    const before = this.#classOf.get(address)
    if (before === after) return
    for (const one of [before, after]) {
      if (one && !changed.has(one)) changed.set(one, one.members.size > 0)
    }
    const set = mapOf(address)
    before?.members.delete(address)
    if (before) edits.elementsRemoved.push({ set, key: address, classid: before.number })
    after?.members.add(address)
    if (after) edits.elementsAdded.push({ set, key: address, classid: after.number })
    if (after) this.#classOf.set(address, after)
    else this.#classOf.delete(address)
    const more = (after ? 1 : 0) - (before ? 1 : 0)
    this.#filled[set] = (this.#filled[set] ?? 0) + more
    this.#size += more
  }

  #class(sets: SetList): PeerClass {
    const key = sets.join(' ')
    const known = this.#classes.get(key)
    if (known) return known
    const made: PeerClass = { number: this.#number(key), sets, members: new Set() }
    this.#classes.set(key, made)
    this.#numbers.add(made.number)
    for (const id of sets) addTo(this.#bySet, id, made)
    return made
  }

  /** From the content, so that it does not matter what was before; but never another class's, whoever wants it so. */
  #number(key: string): string {
    let value = hash('sha256', key, 'buffer').readUInt32BE(0)
    for (;;) {
      const number = handle(value)
      if (number !== undefined && !this.#numbers.has(number)) return number
      value = (value + 1) >>> 0
    }
  }

  /** Maps that stay get what a class leads to when it gets its first address, and lose it with the last. */
  #settle(
    one: PeerClass,
    { existed, isNew, edits }: { existed: boolean; isNew: ReadonlySet<NftPeerMap>; edits: ElementEdits },
  ): void {
    const exists = one.members.size > 0
    if (existed !== exists) {
      const maps = new Set<NftPeerMap>()
      for (const id of one.sets)
        for (const map of this.#asking.get(id) ?? []) if (!isNew.has(map)) maps.add(map)
      for (const map of maps) {
        const elements = elementsOf(map, one)
        ;(exists ? edits.elementsAdded : edits.elementsRemoved).push(...elements)
        this.#count(map, exists ? elements.length : -elements.length)
      }
    }
    if (!exists) this.#forget(one)
  }

  #forget(one: PeerClass): void {
    this.#classes.delete(one.sets.join(' '))
    this.#numbers.delete(one.number)
    for (const id of one.sets) removeFrom(this.#bySet, id, one)
  }

  #fill(map: NftPeerMap): NftElement[] {
    const elements = this.#content(map)
    this.#count(map, elements.length)
    return elements
  }

  #count(map: NftPeerMap, more: number): void {
    this.#maps.set(map, (this.#maps.get(map) ?? 0) + more)
    this.#size += more
  }

  #content(map: NftPeerMap): NftElement[] {
    const classes = new Set<PeerClass>()
    for (const id of map.lines.keys()) for (const one of this.#bySet.get(id) ?? []) classes.add(one)
    return [...classes].flatMap(one => elementsOf(map, one))
  }
}

function addTo<Key, Value>(map: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const known = map.get(key)
  if (known) known.add(value)
  else map.set(key, new Set([value]))
}

function removeFrom<Key, Value>(map: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const known = map.get(key)
  known?.delete(value)
  if (known?.size === 0) map.delete(key)
}
