import type {
  Cidr,
  Direction,
  LabelSelector,
  Mode,
  PolicyDocumentJson,
  PolicyId,
  Protocol,
  Transport,
} from '@sekisho/core'

/** What a rule asks of the peer's port. Named ports are resolved on the destination workload, each on its own. */
export type PortSpec =
  | { readonly kind: 'every'; readonly protocol: Protocol }
  | { readonly kind: 'range'; readonly protocol: Protocol; readonly first: number; readonly last: number }
  | { readonly kind: 'named'; readonly protocol: Transport; readonly name: string }

/** Workloads by label. Without a `namespaceSelector` only those of the policy's own namespace. */
export interface PodsPeer {
  readonly kind: 'pods'
  readonly namespaceSelector?: LabelSelector
  readonly podSelector: LabelSelector
}

/** Addresses, of workloads too. `except` takes from this block only: another peer may bring them back. */
export interface BlockPeer {
  readonly kind: 'block'
  readonly cidr: Cidr
  readonly except: readonly Cidr[]
}

export type Peer = PodsPeer | BlockPeer

export interface PolicyRule {
  readonly name?: string
  readonly action: 'Allow' | 'Deny'
  /** Any of these; absent means every peer. Never empty: `from: []` is written as absent. */
  readonly peers?: readonly Peer[]
  /** Any of these; absent means every protocol and port. Never empty. */
  readonly ports?: readonly PortSpec[]
}

/** One direction of a policy that applies to it. */
export interface PolicySection {
  /** What no rule allows is denied. */
  readonly isolates: boolean
  readonly rules: readonly PolicyRule[]
}

/** Workloads the policy is about. Without a `namespaceSelector` only those of its own namespace. */
export interface PolicySubject {
  readonly namespaceSelector?: LabelSelector
  readonly podSelector: LabelSelector
}

/** Every kind of document is read into this shape; from here on nothing depends on how it was written. */
export interface PolicyBase {
  readonly id: PolicyId
  /** Empty for a cluster-scoped kind. */
  readonly namespace: string
  readonly name: string
  readonly mode: Mode
  readonly subject: PolicySubject
  /** A direction that is absent is not touched by this policy. */
  readonly sections: Readonly<Partial<Record<Direction, PolicySection>>>
  /** The document as it was written, as JSON. */
  readonly source: PolicyDocumentJson
}

export interface NetworkPolicy extends PolicyBase {
  readonly kind: 'NetworkPolicy'
}
export interface SecurityPolicy extends PolicyBase {
  readonly kind: 'SecurityPolicy'
}
export interface ClusterSecurityPolicy extends PolicyBase {
  readonly kind: 'ClusterSecurityPolicy'
}

export type PolicyDocument = NetworkPolicy | SecurityPolicy | ClusterSecurityPolicy
export type PolicyKind = PolicyDocument['kind']
