import type { AddressSet, RuleTable, SetId, TableChange } from '@sekisho/policy'
import { elementsBySet, memberElement, nftSets } from './address-set.ts'
import { setName } from './names.ts'
import type { NftElement, NftSet } from './objects.ts'

export interface MemberEdits {
  readonly setsAdded: NftSet[]
  readonly setsRemoved: NftSet[]
  readonly elementsAdded: NftElement[]
  readonly elementsRemoved: NftElement[]
}

/** The compiled table's address sets as the kernel has them: one per family, with the exact elements of each. */
export interface Members {
  change(table: RuleTable, change: Pick<TableChange, 'members' | 'setsAdded' | 'setsRemoved'>): MemberEdits
  /** By the kernel's name, as `elements`. */
  readonly sets: ReadonlyMap<string, NftSet>
  readonly elements: ReadonlyMap<string, ReadonlySet<string>>
}

function required(table: RuleTable, id: SetId): AddressSet {
  const set = table.sets.get(id)
  if (!set) throw new TypeError(`the table has no set ${JSON.stringify(id)}`)
  return set
}

export function createMembers(): Members {
  const sets = new Map<string, NftSet>()
  const bySet = new Map<SetId, readonly NftSet[]>()
  const elements = new Map<string, Set<string>>()

  function add(set: AddressSet): readonly NftSet[] {
    const created = nftSets(set)
    bySet.set(set.id, created)
    for (const one of created) sets.set(one.name, one)
    for (const [name, keys] of elementsBySet(set)) elements.set(name, keys)
    return created
  }

  function remove(id: SetId): readonly NftSet[] {
    const gone = bySet.get(id) ?? []
    bySet.delete(id)
    for (const { name } of gone) {
      sets.delete(name)
      elements.delete(name)
    }
    return gone
  }

  function place(set: AddressSet, member: string): NftElement & { readonly known: Set<string> } {
    if (set.kind === 'range') throw new TypeError(`ranges of set ${JSON.stringify(set.id)} cannot change`)
    const { family, text } = memberElement(set.kind, member)
    const name = setName(set.kind, family, set.id)
    const known = elements.get(name)
    if (!known) throw new TypeError(`set ${JSON.stringify(set.id)} changes before it was added`)
    return { set: name, key: text, known }
  }
  const element = ({ set, key }: NftElement): NftElement => ({ set, key })

  return {
    sets,
    elements,
    change(table, { members, setsAdded, setsRemoved }) {
      const replaced = setsAdded.find(id => setsRemoved.includes(id))
      if (replaced !== undefined) throw new TypeError(`set ${JSON.stringify(replaced)} is added and removed`)
      const removed = setsRemoved.flatMap(remove)
      const added = setsAdded.flatMap(id => add(required(table, id)))
      const edits: MemberEdits = {
        setsAdded: added,
        setsRemoved: removed,
        elementsAdded: added.flatMap(({ name }) =>
          [...(elements.get(name) ?? [])].map(key => ({ set: name, key })),
        ),
        elementsRemoved: [],
      }
      for (const { set: id, add: entered, remove: left } of members) {
        const set = required(table, id)
        // Only real differences: the kernel refuses a whole transaction for one missing element.
        for (const member of left) {
          const at = place(set, member)
          if (at.known.delete(at.key)) edits.elementsRemoved.push(element(at))
        }
        for (const member of entered) {
          const at = place(set, member)
          if (at.known.has(at.key)) continue
          at.known.add(at.key)
          edits.elementsAdded.push(element(at))
        }
      }
      return edits
    },
  }
}
