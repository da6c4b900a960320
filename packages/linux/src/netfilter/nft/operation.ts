/**
 * Changes of a table of family `inet`, as data. Written to netlink by `encode.ts`, without libnftables: that fetches
 * the rules of every table before each transaction, 30 ms and more once there are thousands.
 */

/** A 32-bit register, from 0; a value of n bytes takes n/4 of them, rounded up. */
export type Register = number

export type NftVerdict =
  | { readonly kind: 'accept' | 'drop' | 'return' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }

export type MetaKey = 'mark' | 'priority' | 'nfproto' | 'l4proto' | 'iif' | 'iifname' | 'oifname'
export type CtKey =
  | 'state'
  | 'direction'
  | 'status'
  | 'mark'
  | 'source4'
  | 'source6'
  | 'protocol-source'
  | 'protocol-destination'

/** One step of a rule (nf_tables calls it an expression). A step that does not match ends the rule. */
export type NftExpression =
  | { readonly kind: 'meta'; readonly key: MetaKey; readonly to: Register }
  | {
      readonly kind: 'ct'
      readonly key: CtKey
      readonly direction?: 'original' | 'reply'
      readonly to: Register
    }
  | { readonly kind: 'set-ct-mark'; readonly from: Register }
  | { readonly kind: 'set-mark'; readonly from: Register }
  | { readonly kind: 'set-priority'; readonly from: Register }
  | { readonly kind: 'constant'; readonly value: Uint8Array; readonly to: Register }
  | {
      readonly kind: 'payload'
      /** `data`: a packet that has none does not match. */
      readonly base: 'network' | 'transport' | 'data'
      readonly offset: number
      readonly length: number
      readonly to: Register
    }
  | {
      readonly kind: 'compare'
      readonly operator: '==' | '!=' | '<=' | '>='
      readonly from: Register
      readonly value: Uint8Array
    }
  | {
      readonly kind: 'bitwise'
      readonly register: Register
      readonly mask: Uint8Array
      readonly xor: Uint8Array
    }
  /** `vmap`: the element found decides; `not`: goes on where there is none. `to`: where what it leads to is put. */
  | {
      readonly kind: 'lookup'
      readonly set: string
      readonly from: Register
      readonly outcome?: 'vmap' | 'not'
      readonly to?: Register
    }
  /** Makes the value an element of a dynamic set, unless it is one; a full set takes no more, which ends the rule. */
  | { readonly kind: 'put-element'; readonly set: string; readonly from: Register }
  /** Whether the value lies in one of the ranges; made an anonymous set of the rule. */
  | {
      readonly kind: 'one-of'
      readonly from: Register
      readonly type: KeyType
      readonly ranges: readonly KeyRange[]
    }
  | { readonly kind: 'counter'; readonly name: string }
  /** Counts in the counter that the element found leads to; a step that does not match where there is none. */
  | { readonly kind: 'counter-of'; readonly set: string; readonly from: Register }
  | { readonly kind: 'limit'; readonly perSecond: number; readonly burst: number }
  | { readonly kind: 'log'; readonly prefix: string; readonly group: number; readonly snaplen: number }
  | ({ readonly kind: 'queue' } & QueueTarget)
  /** Drops a packet of TCP, and resets its sender's connection. */
  | { readonly kind: 'reset' }
  | { readonly kind: 'verdict'; readonly verdict: NftVerdict }

/** Packets go to the queues `first` to `first + count - 1`, both directions of two addresses to the same one. */
export interface QueueTarget {
  readonly first: number
  readonly count: number
  /** What happens to packets of a queue that nobody listens to: true lets them pass, false drops them. */
  readonly bypass: boolean
}

/** Data types of keys; several make a concatenation. */
export type KeyType =
  | 'ipv4_addr'
  | 'ipv6_addr'
  | 'nf_proto'
  | 'inet_proto'
  | 'inet_service'
  | 'mark'
  | 'classid'
  | 'ifname'
  | 'iface_index'

/** First and last key, both inside, in network order. */
export interface KeyRange {
  readonly first: Uint8Array
  readonly last: Uint8Array
}

export interface NftSetDefinition {
  readonly name: string
  readonly key: readonly KeyType[]
  /** Its elements are ranges. */
  readonly interval?: boolean
  /** What its elements lead to: the set is a map. */
  readonly data?: 'verdict' | 'counter' | KeyType
  /**
   * More are refused, and so is the transaction (ENFILE). A set with a limit has a table of that size from the start
   * (nft_hash), which the kernel looks into with fewer misses of its caches than into one that grows (nft_rhash).
   */
  readonly elementsMax?: number
  /** Rules put elements into it, and it forgets them. */
  readonly dynamic?: { readonly secondsKept: number }
}

/** A key, in a map with what it leads to. */
export type NftElementData =
  | {
      readonly key: Uint8Array
      readonly verdict?: NftVerdict
      readonly counter?: string
      readonly value?: Uint8Array
    }
  | KeyRange

export interface BaseChain {
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output'
  readonly priority: number
}

export type NftOperation =
  | { readonly kind: 'add-table' | 'delete-table' }
  | { readonly kind: 'add-counter' | 'delete-counter'; readonly name: string }
  | { readonly kind: 'add-set'; readonly set: NftSetDefinition }
  | { readonly kind: 'delete-set'; readonly name: string }
  | {
      readonly kind: 'add-elements' | 'delete-elements'
      readonly set: string
      readonly elements: readonly NftElementData[]
    }
  | { readonly kind: 'add-chain'; readonly name: string; readonly base?: BaseChain }
  | { readonly kind: 'flush-chain' | 'delete-chain'; readonly name: string }
  | { readonly kind: 'add-rule'; readonly chain: string; readonly expressions: readonly NftExpression[] }
