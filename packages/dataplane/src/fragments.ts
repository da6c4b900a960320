import { type Changes, type Claims, createClaims } from './claims.ts'
import {
  EMPTY,
  type Fragment,
  type NftChain,
  type NftCounter,
  type NftElement,
  type NftFixedMap,
  type NftPeerMap,
  type NftSet,
} from './objects.ts'
import { verdictText } from './statement.ts'
import type { Edits } from './transaction.ts'

type FragmentEdits = Pick<
  Edits,
  | 'countersAdded'
  | 'countersRemoved'
  | 'setsAdded'
  | 'setsRemoved'
  | 'chainsAdded'
  | 'chainsChanged'
  | 'chainsRemoved'
  | 'elementsAdded'
  | 'elementsRemoved'
>

/** Everything in the table that is not an address set: who wants it, and what changed since it was last asked. */
export interface Fragments {
  /** Replaces what an owner contributes; `EMPTY` when it is gone. */
  set(owner: string, fragment: Fragment): void
  /** Elements of a set that is always there; what several owners want counts for each of them. */
  count(set: string): number
  takeEdits(): FragmentEdits & { readonly sets: Changes<NftSet> }
  /** The address sets that rules look into, by name. */
  readonly sets: Claimed<NftSet>
  readonly peerMaps: Claimed<NftPeerMap>
  readonly chains: () => NftChain[]
  readonly maps: () => NftFixedMap[]
  map(name: string): NftFixedMap | undefined
  /** Without those of the maps. */
  readonly elements: () => NftElement[]
}

const sameRules = (a: NftChain, b: NftChain): boolean =>
  a.rules.length === b.rules.length && a.rules.every((rule, index) => rule.text === b.rules[index]?.text)

const sameVerdict = ({ verdict: a }: NftElement, { verdict: b }: NftElement): boolean =>
  a === b || (a !== undefined && b !== undefined && verdictText(a) === verdictText(b))

const sameMap = ({ elements: a }: NftFixedMap, { elements: b }: NftFixedMap): boolean =>
  a.length === b.length &&
  a.every((element, index) => {
    const other = b[index]
    return other?.key === element.key && sameVerdict(element, other)
  })

type Claimed<Value> = Omit<Claims<Value>, 'add' | 'remove'>

export function createFragments(): Fragments {
  const owners = new Map<string, Fragment>()
  const counters = createClaims<NftCounter>()
  const chains = createClaims<NftChain>()
  const maps = createClaims<NftFixedMap>()
  const peerMaps = createClaims<NftPeerMap>()
  const sets = createClaims<NftSet>()
  const elements = createClaims<NftElement>()
  const sizes = new Map<string, number>()
  const elementKey = ({ set, key }: NftElement): string => `${set} ${key}`
  const resize = (fragment: Fragment, by: 1 | -1): void => {
    for (const { set } of fragment.elements) sizes.set(set, (sizes.get(set) ?? 0) + by)
  }

  function withdraw(owner: string, fragment: Fragment): void {
    for (const { name } of fragment.counters) counters.remove(name, owner)
    for (const { set } of fragment.maps) maps.remove(set.name, owner)
    for (const { set } of fragment.peerMaps) peerMaps.remove(set.name, owner)
    for (const { name } of fragment.sets) sets.remove(name, owner)
    for (const { name } of fragment.chains) chains.remove(name, owner)
    for (const element of fragment.elements) elements.remove(elementKey(element), owner)
    resize(fragment, -1)
  }

  function contribute(owner: string, fragment: Fragment): void {
    for (const counter of fragment.counters) counters.add(counter.name, owner, counter)
    for (const map of fragment.maps) maps.add(map.set.name, owner, map)
    for (const map of fragment.peerMaps) peerMaps.add(map.set.name, owner, map)
    for (const set of fragment.sets) sets.add(set.name, owner, set)
    for (const chain of fragment.chains) chains.add(chain.name, owner, chain)
    for (const element of fragment.elements) elements.add(elementKey(element), owner, element)
    resize(fragment, 1)
  }

  return {
    set(owner, fragment) {
      withdraw(owner, owners.get(owner) ?? EMPTY)
      contribute(owner, fragment)
      if (fragment === EMPTY) owners.delete(owner)
      else owners.set(owner, fragment)
    },
    count: set => sizes.get(set) ?? 0,
    takeEdits() {
      const counter = counters.takeChanges(() => true)
      const chain = chains.takeChanges(sameRules)
      const map = maps.takeChanges(sameMap)
      if (map.changed.length > 0) throw new TypeError('a chain changed its content under the same id')
      const element = elements.takeChanges(sameVerdict)
      return {
        sets: sets.takeChanges(() => true),
        countersAdded: counter.added,
        countersRemoved: counter.removed,
        setsAdded: map.added.map(({ set }) => set),
        setsRemoved: map.removed.map(({ set }) => set),
        chainsAdded: chain.added,
        chainsChanged: chain.changed.map(([, after]) => after),
        chainsRemoved: chain.removed.map(({ name }) => name),
        elementsAdded: [
          ...map.added.flatMap(({ elements: all }) => all),
          ...element.added,
          ...element.changed.map(([, after]) => after),
        ],
        elementsRemoved: [...element.removed, ...element.changed.map(([before]) => before)],
      }
    },
    sets,
    peerMaps,
    chains: () => chains.values(),
    maps: () => maps.values(),
    map: name => maps.get(name),
    elements: () => elements.values(),
  }
}
