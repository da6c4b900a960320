import type { Family } from '@sekisho/core'
import type { AddressSet, RuleTable, SetId, TableChange } from '@sekisho/policy'
import { elementsOf, memberElement } from './address-set.ts'
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

/** The compiled table's address sets as the kernel would have them: the exact elements of each. */
export interface Members {
  change(table: RuleTable, change: Pick<TableChange, 'members' | 'setsAdded' | 'setsRemoved'>): Moves
  /** In each family; undefined where there is no such set. */
  of(id: SetId): Readonly<Record<Family, ReadonlySet<string>>> | undefined
}

function required(table: RuleTable, id: SetId): AddressSet {
  const set = table.sets.get(id)
  if (!set) throw new TypeError(`the table has no set ${JSON.stringify(id)}`)
  return set
}

class TableMembers implements Members {
  readonly #elements = new Map<SetId, Record<Family, Set<string>>>()

  change(
    table: RuleTable,
    { members, setsAdded, setsRemoved }: Pick<TableChange, 'members' | 'setsAdded' | 'setsRemoved'>,
  ): Moves {
    const replaced = setsAdded.find(id => setsRemoved.includes(id))
    if (replaced !== undefined) throw new TypeError(`set ${JSON.stringify(replaced)} is added and removed`)
    for (const id of setsRemoved) this.#elements.delete(id)
    for (const id of setsAdded) this.#elements.set(id, elementsOf(required(table, id)))
    const moves: Moves = { entered: [], left: [] }
    for (const { set: id, add, remove } of members) {
      const set = required(table, id)
      // Only real differences: the kernel refuses a whole transaction for one missing element.
      for (const member of remove) {
        const { known, move } = this.#place(set, member)
        if (known.delete(move.key)) moves.left.push(move)
      }
      for (const member of add) {
        const { known, move } = this.#place(set, member)
        if (known.has(move.key)) continue
        known.add(move.key)
        moves.entered.push(move)
      }
    }
    return moves
  }

  of(id: SetId): Record<Family, Set<string>> | undefined {
    return this.#elements.get(id)
  }

  #place(set: AddressSet, member: string): { readonly known: Set<string>; readonly move: Move } {
    if (set.kind === 'range') throw new TypeError(`ranges of set ${JSON.stringify(set.id)} cannot change`)
    const { family, text } = memberElement(set.kind, member)
    const known = this.of(set.id)?.[family]
    if (!known) throw new TypeError(`set ${JSON.stringify(set.id)} changes before it was added`)
    return { known, move: { id: set.id, set: setName(set.kind, family, set.id), key: text } }
  }
}

export const createMembers = (): Members => new TableMembers()
