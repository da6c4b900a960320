import type {
  ApplicationDefinition,
  ApplicationName,
  Cidr,
  Direction,
  DnsProfile,
  EpochMs,
  EventSeverity,
  LabelSelector,
  Mode,
  PolicyDocumentJson,
  PolicyId,
  Protocol,
  Transport,
  WorkloadKind,
} from '@sekisho/core'
import type { L7Match } from './l7.ts'

/** What a rule asks of the peer's port. Named ports are resolved on the destination workload, each on its own. */
export type PortSpec =
  | { readonly kind: 'every'; readonly protocol: Protocol }
  | { readonly kind: 'range'; readonly protocol: Protocol; readonly first: number; readonly last: number }
  | { readonly kind: 'named'; readonly protocol: Transport; readonly name: string }

/** Kinds of workload that selectors select: a host is selected as a host, for its addresses are not its own alone. */
export type SelectableKind = Exclude<WorkloadKind, 'host'>

/**
 * Workloads by what they are; all that is written must hold. Without a `namespaceSelector` only those of the policy's
 * own namespace, or of any where the policy has none.
 */
export interface PodsPeer {
  readonly kind: 'pods'
  readonly namespaceSelector?: LabelSelector
  readonly podSelector: LabelSelector
  /** Any of these names. Never empty. */
  readonly serviceAccounts?: readonly string[]
  /** Any of these. Never empty; absent means all of them. */
  readonly workloadKinds?: readonly SelectableKind[]
  /** Any of these, each by its own name: one of several that are alike. Never empty; of subjects only. */
  readonly workloadNames?: readonly string[]
}

/** Hosts by the labels of their nodes: their addresses, and with them whatever shares their network. */
export interface HostsPeer {
  readonly kind: 'hosts'
  readonly selector: LabelSelector
}

/** External workloads (machines Sekisho is told about) of any namespace, by label. */
export interface ExternalsPeer {
  readonly kind: 'externals'
  readonly selector: LabelSelector
}

/** Addresses, of workloads too. `except` takes from this block only: another peer may bring them back. */
export interface BlockPeer {
  readonly kind: 'block'
  readonly cidr: Cidr
  readonly except: readonly Cidr[]
}

/**
 * Destinations outside by the name that was asked of DNS. Lower case, no dot at the end; `*.` at the start stands for
 * one or more labels (as in ClusterNetworkPolicy), so `*.example.com` is not `example.com`. A name never reaches a
 * workload or host of the installation: whoever owns a name may point it anywhere.
 */
export interface FqdnPeer {
  readonly kind: 'fqdn'
  readonly pattern: string
}

export const ENTITIES = ['world', 'cluster', 'host', 'kube-apiserver', 'dns', 'metadata'] as const
export type Entity = (typeof ENTITIES)[number]

/** A peer that has a name everywhere; what stands behind it is in `model/entities.ts`. */
export interface EntityPeer {
  readonly kind: 'entity'
  readonly entity: Entity
}

/**
 * ClusterNetworkPolicy: a peer without any field we know, so of a newer version than ours. The whole rule fails closed:
 * Allow matches nothing, Deny and Pass deny everything.
 */
export interface UnknownPeer {
  readonly kind: 'unknown'
}

export type Peer = PodsPeer | HostsPeer | ExternalsPeer | BlockPeer | FqdnPeer | EntityPeer | UnknownPeer

export interface PolicyRule {
  readonly name?: string
  /** Pass leaves the policy, or the tier of a ClusterNetworkPolicy (whose Accept is Allow here): others decide. */
  readonly action: 'Allow' | 'Deny' | 'Pass'
  /** Any of these; absent means every peer. Never empty: `from: []` is written as absent. */
  readonly peers?: readonly Peer[]
  /** Any of these; absent means every protocol and port. Never empty. */
  readonly ports?: readonly PortSpec[]
  /** Any of these is spoken. Never empty. */
  readonly applications?: readonly ApplicationName[]
  /** The request is any of these. Never empty. */
  readonly l7?: readonly L7Match[]
  /** Of Deny rules, instead of the policy's. */
  readonly onDeny?: OnDeny
  /** From this time on the rule matches nothing. */
  readonly validUntil?: EpochMs
  /** Where an exception was agreed on; not interpreted. */
  readonly ticket?: string
}

/** One direction of a policy that applies to it. */
export interface PolicySection {
  /** What no rule allows is denied. */
  readonly isolates: boolean
  readonly rules: readonly PolicyRule[]
}

/** Workloads the policy is about. */
export type PolicySubject = PodsPeer | HostsPeer | ExternalsPeer

/** What is done with traffic that should be inspected while the inspector cannot. */
export const ON_FAILURE = ['open', 'closed'] as const
export type OnFailure = (typeof ON_FAILURE)[number]

/**
 * How denied traffic ends, from what tells least to what tells most: silently; by a reset of both ends, so that neither
 * waits; HTTP/1 by an answer 403, all else by a reset; by an answer that names the rule.
 */
export const ON_DENY = ['drop', 'reset', 'respond', 'explain'] as const
export type OnDeny = (typeof ON_DENY)[number]
/** Those that the ends hear of. */
export type AnsweredDeny = Exclude<OnDeny, 'drop'>

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
  /** Names of the inspections that the subject's allowed traffic goes through. */
  readonly profiles: readonly string[]
  readonly onFailure: OnFailure
  readonly onDeny: OnDeny
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

export const TIERS = ['Admin', 'Baseline'] as const
export type Tier = (typeof TIERS)[number]

/** Rules of all policies of a tier are asked by priority, lowest first, then by the policies' names. */
export interface ClusterNetworkPolicy extends PolicyBase {
  readonly kind: 'ClusterNetworkPolicy'
  readonly tier: Tier
  readonly priority: number
}

/** Not a policy, but what policies name; it selects nobody and has no rules. */
export interface ApplicationDocument extends PolicyBase {
  readonly kind: 'Application'
  readonly definition: ApplicationDefinition
}

/** Inspections that policies name; it selects nobody and has no rules. */
export interface SecurityProfileDocument extends PolicyBase {
  readonly kind: 'SecurityProfile'
  readonly dns: DnsProfile
}

/** What the server finds in records and events. The first four are events; the others are counted from flow records. */
export const FINDING_KINDS = [
  'port-scan',
  'metadata-probe',
  'mining-pool',
  'dns-finding',
  'denied-attempts',
  'application-mismatch',
  'unexpected-application',
] as const
export type FindingKind = (typeof FINDING_KINDS)[number]

export interface ResponseMatch {
  /** Any of these. Never empty. */
  readonly findings: readonly FindingKind[]
  /** Of `dns-finding`, any of these checks. Never empty; absent means all of them. */
  readonly checks?: readonly string[]
  /** At least as severe. */
  readonly severity: EventSeverity
  /** Of these workloads; absent means of any, and of addresses outside. */
  readonly workloads?: PodsPeer
  /** So many, of one workload or address, within so long. */
  readonly count: number
  readonly windowSeconds: number
}

export const RESPONSES = ['quarantine', 'block', 'notify'] as const
export type ResponseKind = (typeof RESPONSES)[number]

/** What is done about whom a rule matches. */
export type ResponseAction =
  | {
      readonly kind: 'quarantine'
      readonly forSeconds: number
      /** Questions to the cluster's resolver pass, as far as other policies let them. */
      readonly dns: boolean
      /** Peers that may still be spoken with, as they are written in a rule. */
      readonly peers: readonly unknown[]
    }
  | { readonly kind: 'block'; readonly forSeconds: number }
  | { readonly kind: 'notify' }

/** What is done about findings, by itself. It judges nothing: what it does is policies that the server makes. */
export interface ResponseRuleDocument extends PolicyBase {
  readonly kind: 'ResponseRule'
  readonly match: ResponseMatch
  /** Each kind once. Never empty. */
  readonly actions: readonly ResponseAction[]
  /** How many workloads it may keep in quarantine, and how many it may block, at once. */
  readonly most: number
  /** Namespaces it leaves alone, besides those that every rule does. */
  readonly exempt: readonly string[]
}

export type PolicyDocument =
  | NetworkPolicy
  | SecurityPolicy
  | ClusterSecurityPolicy
  | ClusterNetworkPolicy
  | ApplicationDocument
  | SecurityProfileDocument
  | ResponseRuleDocument
export type PolicyKind = PolicyDocument['kind']

/** Named by policies and none itself: it has no mode, selects nobody and judges nothing. */
export type NamedDocument = ApplicationDocument | SecurityProfileDocument
export const isNamed = (document: PolicyDocument): document is NamedDocument =>
  document.kind === 'Application' || document.kind === 'SecurityProfile'

/** Documents that judge nothing and select nobody; those that are no names are not told to agents. */
export const judgesNothing = (document: PolicyDocument): document is NamedDocument | ResponseRuleDocument =>
  isNamed(document) || document.kind === 'ResponseRule'
