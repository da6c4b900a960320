/** What is done about something that a check of DNS found. `sinkhole` answers in the resolver's place. */
export const DNS_ACTIONS = ['allow', 'audit', 'sinkhole', 'deny'] as const
/** From the mildest to the strictest. `allow` says nothing of it. */
export type DnsAction = (typeof DNS_ACTIONS)[number]
/** About answers: there is no question left to be answered otherwise. */
export const DNS_ANSWER_ACTIONS = ['allow', 'audit', 'deny'] as const
export type DnsAnswerAction = (typeof DNS_ANSWER_ACTIONS)[number]

/** What a workload's DNS is checked for, and what follows: plain data, with everything filled in. */
export interface DnsProfile {
  /** The only resolvers that may be asked, as blocks; none means any. */
  readonly resolvers: { readonly action: DnsAction; readonly blocks: readonly string[] }
  readonly answers: {
    /** Answers to no question. */
    readonly unasked: DnsAnswerAction
    /** A second answer to a question that says something else than the first. */
    readonly changed: DnsAnswerAction
    /** Records about names that were not asked for. */
    readonly foreign: DnsAnswerAction
  }
  /** Names of the Internet that lead into a private network. */
  readonly rebinding: {
    readonly action: DnsAnswerAction
    /** Name patterns that may. */
    readonly names: readonly string[]
    /** Blocks that are no secret. */
    readonly blocks: readonly string[]
  }
  readonly tunnels: { readonly action: DnsAction; readonly windowSeconds: number; readonly bytes: number }
  readonly generated: {
    readonly action: DnsAction
    /** 0 to 1; absent is the model's own. */
    readonly score?: number
    /** Of one client, so many names that look generated and do not exist, within five minutes. */
    readonly burst: { readonly action: DnsAction; readonly names: number }
  }
  readonly lookAlikes: { readonly action: DnsAction; readonly names: readonly string[] }
  /** Registered domains that nobody in the cluster asked for before. */
  readonly newNames: { readonly action: DnsAction; readonly learnSeconds: number }
  readonly lists: readonly { readonly list: string; readonly action: DnsAction }[]
  /** Name patterns that no check of names is about. */
  readonly allow: readonly string[]
  /** Zones of one's own: their names may lead anywhere and look like anything. */
  readonly zones: readonly string[]
  readonly sinkhole: {
    readonly kind: 'nxdomain' | 'addresses'
    readonly addresses: readonly string[]
    readonly ttlSeconds: number
  }
}

/** Addresses of a sinkhole: with more, an answer to the longest name would not fit into the 512 bytes of clients without EDNS. */
export const MOST_SINKHOLES = 4

/** Everything is told, nothing is stopped. */
export const DEFAULT_DNS_PROFILE: DnsProfile = {
  resolvers: { action: 'audit', blocks: [] },
  answers: { unasked: 'audit', changed: 'audit', foreign: 'audit' },
  rebinding: { action: 'audit', names: [], blocks: [] },
  tunnels: { action: 'audit', windowSeconds: 60, bytes: 1_500 },
  generated: { action: 'audit', burst: { action: 'audit', names: 10 } },
  lookAlikes: { action: 'audit', names: [] },
  newNames: { action: 'allow', learnSeconds: 86_400 },
  lists: [],
  allow: [],
  zones: ['cluster.local', 'home.arpa', 'internal', 'local', 'localhost'],
  sinkhole: { kind: 'nxdomain', addresses: [], ttlSeconds: 60 },
}
