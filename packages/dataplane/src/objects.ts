import type { Family, RuleId } from '@sekisho/core'
import type { BaseChain, NftExpression, NftSetDefinition, NftVerdict } from '@sekisho/linux'
import type { SetId } from '@sekisho/policy'
import type { Role } from './names.ts'

/** The kinds of object Sekisho keeps in its table, as plain data; `transaction.ts` makes changes of them. */

export interface NftSet extends NftSetDefinition {
  /** The compiled address set whose elements of one family these are. */
  readonly of?: { readonly id: SetId; readonly family: Family }
}

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

/** An element of a set, its key as nft text; in a map with what it leads to. */
export interface NftElement {
  readonly set: string
  readonly key: string
  readonly verdict?: NftVerdict
  readonly counter?: string
  readonly classid?: string
}

/** A verdict map that never changes: it comes and goes with the chain that looks into it. */
export interface NftFixedMap {
  readonly set: NftSet
  readonly elements: readonly NftElement[]
}

/** A rule as a map knows it: what follows the class in an element's key, or every key where it asks for no port. */
export interface PeerLine {
  /** Of the rules that may lead a class to its counter the first does. */
  readonly order: number
  readonly port?: string
  readonly counter: string
}

/**
 * A map from classes of peers, or from classes and ports, to the counter of the rule that lets them pass. Its lines
 * never change; its elements follow the members of the sets they belong to.
 */
export interface NftPeerMap {
  readonly set: NftSet
  /** By the set that has the rule's peers; the kernel need not have it. */
  readonly lines: ReadonlyMap<SetId, readonly PeerLine[]>
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
  readonly peerMaps: readonly NftPeerMap[]
  /** The address sets that the rules look into: one that none does has no business in the kernel. */
  readonly sets: readonly NftSet[]
  readonly chains: readonly NftChain[]
  readonly elements: readonly NftElement[]
}

export const EMPTY: Fragment = {
  counters: [],
  maps: [],
  peerMaps: [],
  sets: [],
  chains: [],
  elements: [],
}
