import type { RuleId } from '@sekisho/core'
import type { BaseChain, NftExpression, NftSetDefinition, NftVerdict } from '@sekisho/linux'
import type { Role } from './names.ts'

/** The kinds of object Sekisho keeps in its table, as plain data; `transaction.ts` makes changes of them. */

export type NftSet = NftSetDefinition

export interface NftRule {
  readonly text: string
  readonly expressions: readonly NftExpression[]
}

/** `base` is present in chains that a hook of the kernel calls. */
export interface NftChain {
  readonly name: string
  readonly base?: BaseChain
  readonly rules: readonly NftRule[]
}

/** An element of a set, or of a verdict map, its key as nft text. */
export interface NftElement {
  readonly set: string
  readonly key: string
  readonly verdict?: NftVerdict
}

/** A verdict map that never changes: it comes and goes with the chain that looks into it. */
export interface NftFixedMap {
  readonly set: NftSet
  readonly elements: readonly NftElement[]
}

/** A named counter object; those of rules say which. */
export interface NftCounter {
  readonly name: string
  readonly rule?: { readonly id: RuleId; readonly role: Role; readonly denies: boolean }
}

/** What one owner (a compiled chain, an attachment, the generation) contributes to the table. */
export interface Fragment {
  readonly counters: readonly NftCounter[]
  readonly maps: readonly NftFixedMap[]
  readonly chains: readonly NftChain[]
  readonly elements: readonly NftElement[]
}

export const EMPTY: Fragment = { counters: [], maps: [], chains: [], elements: [] }
