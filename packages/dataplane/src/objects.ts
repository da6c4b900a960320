import type { RuleId } from '@sekisho/core'
import type { Role } from './names.ts'

/** The kinds of object Sekisho keeps in its table, as plain data; `transaction.ts` writes them as nft text. */

export interface NftSet {
  readonly kind: 'set' | 'map'
  readonly name: string
  /** Data types and flags, as in `type ipv4_addr; flags interval;`. */
  readonly spec: string
  /** Interval sets are never changed: nft reads them back whole and the kernel deletes slowly. */
  readonly immutable?: boolean
}

/** `hook` is present in base chains. Rules in order, without the leading `add rule …`. */
export interface NftChain {
  readonly name: string
  readonly hook?: string
  readonly rules: readonly string[]
}

/** An element of a set, or of a verdict map. */
export interface NftElement {
  readonly set: string
  readonly key: string
  readonly verdict?: string
}

/** A named counter object; those of rules say which. */
export interface NftCounter {
  readonly name: string
  readonly rule?: { readonly id: RuleId; readonly role: Role; readonly denies: boolean }
}

/** What one owner (a compiled chain, an attachment, the generation) contributes to the table. */
export interface Fragment {
  readonly counters: readonly NftCounter[]
  readonly chains: readonly NftChain[]
  readonly elements: readonly NftElement[]
}

export const EMPTY: Fragment = { counters: [], chains: [], elements: [] }
