import type { AddressSet, RuleTable, SetId, TableChange } from '@sekisho/policy'
import { elementsBySet, memberElement } from './address-set.ts'
import { setName } from './names.ts'
import type { NftElement } from './objects.ts'

/** An element that entered or left a set which was there before and still is. */
export interface Move extends NftElement {
  readonly id: SetId
}

export interface Moves {
  readonly entered: Move[]
  readonly left: Move[]
}

/** The compiled table's address sets as the kernel would have them: one per family, with the exact elements of each. */
export interface Members {
  change(table: RuleTable, change: Pick<TableChange, 'members' | 'setsAdded' | 'setsRemoved'>): Moves
  /** By the kernel's name of a set. */
  readonly elements: ReadonlyMap<string, ReadonlySet<string>>
  /** The elements of a set in both families. */
  addressesOf(id: SetId): readonly string[]
  /** The sets that an address, or another element, is in. */
  setsOf(element: string): readonly SetId[]
}

function required(table: RuleTable, id: SetId): AddressSet {
  const set = table.sets.get(id)
  if (!set) throw new TypeError(`the table has no set ${JSON.stringify(id)}`)
  return set
}

class TableMembers implements Members {
  readonly elements = new Map<string, Set<string>>()
  /** The kernel's names of each set's families. */
  readonly #names = new Map<SetId, readonly string[]>()
  readonly #setsOf = new Map<string, readonly SetId[]>()

  change(
    table: RuleTable,
    { members, setsAdded, setsRemoved }: Pick<TableChange, 'members' | 'setsAdded' | 'setsRemoved'>,
  ): Moves {
    const replaced = setsAdded.find(id => setsRemoved.includes(id))
    if (replaced !== undefined) throw new TypeError(`set ${JSON.stringify(replaced)} is added and removed`)
    for (const id of setsRemoved) this.#remove(id)
    for (const id of setsAdded) this.#add(required(table, id))
    const moves: Moves = { entered: [], left: [] }
    for (const { set: id, add, remove } of members) {
      const set = required(table, id)
      // Only real differences: the kernel refuses a whole transaction for one missing element.
      for (const member of remove) {
        const { known, move } = this.#place(set, member)
        if (!known.delete(move.key)) continue
        this.#leave(id, move.key)
        moves.left.push(move)
      }
      for (const member of add) {
        const { known, move } = this.#place(set, member)
        if (known.has(move.key)) continue
        known.add(move.key)
        this.#enter(id, move.key)
        moves.entered.push(move)
      }
    }
    return moves
  }

  addressesOf(id: SetId): readonly string[] {
    return (this.#names.get(id) ?? []).flatMap(name => [...(this.elements.get(name) ?? [])])
  }

  setsOf(element: string): readonly SetId[] {
    return this.#setsOf.get(element) ?? []
  }

  #add(set: AddressSet): void {
    const created = elementsBySet(set)
    this.#names.set(set.id, [...created.keys()])
    for (const [name, elements] of created) {
      this.elements.set(name, elements)
      for (const element of elements) this.#enter(set.id, element)
    }
  }

  #remove(id: SetId): void {
    for (const element of this.addressesOf(id)) this.#leave(id, element)
    for (const name of this.#names.get(id) ?? []) this.elements.delete(name)
    this.#names.delete(id)
  }

  #enter(id: SetId, element: string): void {
    this.#setsOf.set(element, [...this.setsOf(element), id])
  }

  #leave(id: SetId, element: string): void {
    const sets = this.setsOf(element).filter(other => other !== id)
    if (sets.length > 0) this.#setsOf.set(element, sets)
    else this.#setsOf.delete(element)
  }

  #place(set: AddressSet, member: string): { readonly known: Set<string>; readonly move: Move } {
    if (set.kind === 'range') throw new TypeError(`ranges of set ${JSON.stringify(set.id)} cannot change`)
    const { family, text } = memberElement(set.kind, member)
    const name = setName(set.kind, family, set.id)
    const known = this.elements.get(name)
    if (!known) throw new TypeError(`set ${JSON.stringify(set.id)} changes before it was added`)
    return { known, move: { id: set.id, set: name, key: text } }
  }
}

export const createMembers = (): Members => new TableMembers()
