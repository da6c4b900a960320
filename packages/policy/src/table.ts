import type { Direction, IpRange, NamedPort, Protocol, Reason, RuleId, WorkloadId } from '@sekisho/core'
import type { OnFailure } from './documents/document.ts'

/**
 * Compiled rules of one node: what the kernel needs to decide exactly as `decide` does.
 * Pure data between the policy compiler and the data plane; the data plane knows no policy document.
 */

/** Derived from content (selector, blocks), so equal sets are shared and a changed block list is a new set. */
export type SetId = string

/** Which chain a workload jumps to; derived from its ordered policies, so equal workloads share one. */
export type ChainId = string

/** Addresses of the workloads that a selector selects, or of nodes; both families, elements come and go with them. */
export interface SelectorSet {
  readonly kind: 'selector'
  readonly id: SetId
  /** Canonical texts of both families; the renderer splits them. */
  readonly members: ReadonlySet<string>
}

/** Where a named port leads on each selected workload: `address|protocol|port`. */
export interface NamedPortSet {
  readonly kind: 'named-port'
  readonly id: SetId
  readonly members: ReadonlySet<string>
}

/** Immutable address ranges (ipBlock less its exceptions), sorted and disjoint. A change makes a new set. */
export interface RangeSet {
  readonly kind: 'range'
  readonly id: SetId
  readonly ranges: readonly IpRange[]
}

/** Addresses that names led to. Its members come and go with resolvers' answers, and not with the model. */
export interface NameSet {
  readonly kind: 'name'
  readonly id: SetId
  /** A name, or `*.` and a name. */
  readonly pattern: string
  readonly members: ReadonlySet<string>
}

export type AddressSet = SelectorSet | NamedPortSet | RangeSet | NameSet

/** A protocol with inclusive ports; without `ports` every port. For ICMP the ports are types. */
export interface PortMatch {
  readonly protocol: Protocol
  readonly ports?: readonly (readonly [first: number, last: number])[]
}

export type TableRule = SettledRule | OpenRule

/** Nothing but the packet's ends and port decides whether it matches. */
export interface SettledRule extends RuleMatch {
  /** allow and deny end this direction; next leaves this stage for the following one. */
  readonly action: 'allow' | 'deny' | 'next'
}

/**
 * Where its ends and port match, it is still to be found out whether the rule does: the connection is to be inspected,
 * unless it is denied whatever comes out. Where nothing can be inspected the rule is as if it were not there.
 */
export interface OpenRule extends RuleMatch {
  readonly action: 'inspect'
  /**
   * What the rule does if it turns out to match. allow: this direction is asked no further. deny: the rules behind it
   * are asked, for what they deny is denied anyway. next: the following stage is asked.
   */
  readonly may: SettledRule['action']
  /** What is to happen where it cannot be found out. Of all that matched, `closed` wins. */
  readonly onFailure: OnFailure
}

/** Matches where `peers` match and either `ports` or `namedPorts` do. */
export interface RuleMatch {
  readonly id: RuleId
  readonly why: Reason
  /** Of a deny: the sender of each packet that is refused is told by a reset. */
  readonly reset?: true
  /** Any of these sets holds the peer's address; absent means any peer. An empty list matches nothing. */
  readonly peers?: readonly SetId[]
  /** None of these sets holds the peer's address. Never beside `peers`, never empty. */
  readonly outside?: readonly SetId[]
  /** Any of these matches; absent means every protocol and port. An empty list matches nothing. */
  readonly ports?: readonly PortMatch[]
  /**
   * Named-port sets of the destination, any of which holds (peer address, protocol, port). Egress only. Their members
   * are among those of `peers`. A rule with named ports alone has empty `ports`.
   */
  readonly namedPorts?: readonly SetId[]
}

/** First match in a stage decides; no match goes on to the next stage; after the last stage: allow. */
export interface Chain {
  readonly id: ChainId
  readonly direction: Direction
  readonly stages: readonly (readonly TableRule[])[]
  /** Sets of the resolvers whose answers fill the sets of names that it asks for; absent where it asks for none. */
  readonly resolvers?: readonly SetId[]
}

/** A workload of this node and the chains that judge it. */
export interface Attachment {
  readonly workload: WorkloadId
  readonly addresses: readonly string[]
  /** Host-side interface of its own; without one it is dispatched by address. */
  readonly interface?: string
  /** Of that interface; where it is not known the name alone tells its packets. */
  readonly interfaceIndex?: number
  /** It is the node itself: what it sends and is sent is not forwarded. */
  readonly isNode?: true
  readonly ports: readonly NamedPort[]
  readonly enforce: Readonly<Partial<Record<Direction, ChainId>>>
  /** Chains of everything in Enforce and Audit together; present only where they differ from `enforce`. */
  readonly audit: Readonly<Partial<Record<Direction, ChainId>>>
}

/** A live view: the compiler changes it in place, so read it before the next update. */
export interface RuleTable {
  readonly sets: ReadonlyMap<SetId, AddressSet>
  readonly chains: ReadonlyMap<ChainId, Chain>
  readonly attachments: ReadonlyMap<WorkloadId, Attachment>
  /** Addresses of this node itself: traffic from them to its own workloads always passes. */
  readonly nodeAddresses: ReadonlySet<string>
}

/** An address came to be known by a name, or is so no longer; both as they are compared. */
export interface NameMove {
  readonly name: string
  readonly ip: string
  readonly came: boolean
}

/** What one model change did to the table, so that the data plane need not compare everything. */
export interface TableChange {
  /** Members that entered or left a set, not one of ranges, that exists before and after. */
  readonly members: readonly {
    readonly set: SetId
    readonly add: readonly string[]
    readonly remove: readonly string[]
  }[]
  readonly setsAdded: readonly SetId[]
  readonly setsRemoved: readonly SetId[]
  readonly chainsAdded: readonly ChainId[]
  readonly chainsRemoved: readonly ChainId[]
  /** Added, changed or removed attachments. */
  readonly attachments: readonly WorkloadId[]
  /** Present where no verdict that was given would be another one now, so that connections need not be judged anew. */
  readonly isLasting?: true
  /** Present where the node's own addresses changed. */
  readonly nodeAddresses?: { readonly add: readonly string[]; readonly remove: readonly string[] }
}

/** An empty change has nothing for the kernel to do. */
export const isEmptyChange = (change: TableChange): boolean =>
  change.members.length === 0 &&
  change.setsAdded.length === 0 &&
  change.setsRemoved.length === 0 &&
  change.chainsAdded.length === 0 &&
  change.chainsRemoved.length === 0 &&
  change.attachments.length === 0 &&
  change.nodeAddresses === undefined
