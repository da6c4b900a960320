import type {
  AgentStatus,
  EpochMs,
  Mode,
  NodeName,
  PolicyDocumentJson,
  PolicyId,
  StateDelta,
  StateSnapshot,
} from '@sekisho/core'
import type { Page, PageRequest } from './page.ts'
import type { Records } from './records/api.ts'

/** One policy as a person wrote it; the caller has validated it. */
export interface PolicyText {
  readonly id: PolicyId
  readonly mode: Mode
  readonly yaml: string
  readonly document: PolicyDocumentJson
}

export interface StoredPolicy extends PolicyText {
  /** State revision of its last change. */
  readonly revision: number
  readonly updatedAt: EpochMs
  readonly updatedBy: string
}

export type ChangeState = 'kept' | 'pending' | 'reverted'

export interface ChangedPolicy {
  readonly id: PolicyId
  readonly before: PolicyText | undefined
  readonly after: PolicyText | undefined
}

/** A set of policies applied as one; kept or taken back as a whole. */
export interface Change {
  readonly id: number
  readonly at: EpochMs
  readonly actor: string
  readonly summary: string
  readonly state: ChangeState
  /** When a pending change takes itself back. */
  readonly revertsAt: EpochMs | undefined
  /** Who kept it or took it back, and when; undefined while pending and for one that was kept from the start. */
  readonly settledBy: string | undefined
  readonly settledAt: EpochMs | undefined
  readonly policies: readonly ChangedPolicy[]
}

export interface ChangeRequest {
  readonly actor: string
  readonly summary: string
  readonly set: readonly PolicyText[]
  readonly removed: readonly PolicyId[]
  /** Makes the change pending until then. */
  readonly revertsAt?: EpochMs | undefined
}

export interface Policies {
  /** In force now, by id. */
  list(): readonly StoredPolicy[]
  get(id: PolicyId): StoredPolicy | undefined
  /** Of those in force, without reading what they say. */
  revisions(): ReadonlyMap<PolicyId, number>
  /**
   * All or nothing. Policies that stay the same are left out of the change; undefined when nothing would change.
   * @throws SekishoError `conflict` when a pending change holds one of the policies; `not-found` for a removed
   * policy that is not there.
   */
  apply(request: ChangeRequest): Change | undefined
  /** Makes a pending change stay. @throws SekishoError `not-found`, or `conflict` when it is not pending. */
  keep(change: number, actor: string): Change
  /**
   * Puts back what was before, pending or kept. @throws SekishoError `not-found`, or `conflict` when it was
   * taken back already or a later change touched one of its policies.
   */
  revert(change: number, actor: string): Change
  /** Pending changes whose time has come. */
  due(now: EpochMs): readonly Change[]
  pending(): readonly Change[]
  change(id: number): Change | undefined
  /** Newest first. */
  changes(request: PageRequest & { readonly policy?: PolicyId | undefined }): Page<Change>
}

/** One counter for everything agents are told: it grows with every change of policies and inventory. */
export interface StateLog {
  revision(): number
  snapshot(): StateSnapshot
  /** What changed after `revision`; undefined when that is not known here (from another database, or the future). */
  since(revision: number): StateDelta | undefined
}

export interface User {
  readonly name: string
  /** Made by the caller; undefined until a password is set after a one-time link. */
  readonly passwordHash: string | undefined
  readonly createdAt: EpochMs
}

export interface Session {
  readonly user: string
  readonly createdAt: EpochMs
  readonly expiresAt: EpochMs
}

export interface ApiToken {
  readonly id: string
  readonly user: string
  readonly name: string
  readonly createdAt: EpochMs
  readonly expiresAt: EpochMs
}

/** What a one-time secret is good for. */
export type OneTimePurpose = 'login' | 'join'

/** Secrets are never stored: every `hash` is the caller's digest of one. */
export interface Accounts {
  user(name: string): User | undefined
  users(): readonly User[]
  /** Makes the user if there is none; leaves an existing one as it is. */
  ensureUser(name: string): User
  /** @throws SekishoError `not-found`. */
  setPassword(name: string, passwordHash: string): void

  openSession(session: { readonly hash: string; readonly user: string; readonly expiresAt: EpochMs }): Session
  /** Undefined when unknown or expired. */
  session(hash: string): Session | undefined
  extendSession(hash: string, expiresAt: EpochMs): void
  closeSession(hash: string): void
  /** @returns how many ended. */
  closeSessions(user: string, except?: string): number

  createToken(token: {
    readonly id: string
    readonly hash: string
    readonly user: string
    readonly name: string
    readonly expiresAt: EpochMs
  }): ApiToken
  /** Undefined when unknown or expired. */
  token(hash: string): ApiToken | undefined
  tokens(user: string): readonly ApiToken[]
  /** @returns false when the user has no such token. */
  revokeToken(id: string, user: string): boolean

  /** @param subject the user who logs in, or the node that may join (empty: any). */
  issue(secret: {
    readonly hash: string
    readonly purpose: OneTimePurpose
    readonly subject: string
    readonly expiresAt: EpochMs
  }): void
  /** Uses it up, once, whoever asks at the same time. @returns its subject; undefined: unknown, used or expired. */
  redeem(hash: string, purpose: OneTimePurpose): string | undefined
}

export interface AgentRecord {
  readonly node: NodeName
  /** PEM. */
  readonly publicKey: string
  readonly certificateSerial: string
  readonly joinedAt: EpochMs
  /** Last batch or `seen`. */
  readonly lastSeen: EpochMs | undefined
  readonly status: AgentStatus | undefined
}

export interface Agents {
  /** A node that joins again replaces its key: the old certificate serial is no longer the current one. */
  join(agent: {
    readonly node: NodeName
    readonly publicKey: string
    readonly certificateSerial: string
    /** Absent: now. */
    readonly joinedAt?: EpochMs
  }): AgentRecord
  get(node: NodeName): AgentRecord | undefined
  /** Whose key it is now: asked at each request of each agent, so nothing of what it said is read. */
  joined(node: NodeName): Pick<AgentRecord, 'publicKey' | 'joinedAt'> | undefined
  /** By node. */
  list(): readonly AgentRecord[]
  /** How far each agent is in a history, by its last status; those of other histories are left out. */
  revisions(history: string): ReadonlyMap<NodeName, number>
  /** The agent's stream is open. Written where it was not heard of lately. */
  seen(node: NodeName): void
  /** Forgets the agent and ends its workloads. @returns false when there is none. */
  remove(node: NodeName): boolean
}

export type AuditResult = 'ok' | 'refused' | 'failed'

export interface AuditNote {
  readonly actor: string
  readonly action: string
  readonly target: string
  readonly result: AuditResult
  /** Address the request came from. */
  readonly from: string
  readonly details: string
}

export interface AuditEntry extends AuditNote {
  readonly id: number
  readonly at: EpochMs
  /** SHA-256, hex, over the previous entry's hash and the canonical JSON of this entry. */
  readonly hash: string
}

export type AuditVerification =
  | { readonly intact: true; readonly entries: number; readonly head: string }
  | { readonly intact: false; readonly entry: number; readonly reason: 'changed' | 'missing' }

export interface AuditLog {
  append(note: AuditNote): AuditEntry
  /** Newest first. */
  page(request: PageRequest): Page<AuditEntry>
  /** Walks the whole chain; names the first entry that is not as it was written. */
  verify(): AuditVerification
}

export interface RetentionLimits {
  readonly maxAgeMs: number
  /** Of flows and events in the database file; the oldest minutes go first. */
  readonly maxBytes: number
}

export interface RetentionStep {
  /** Rows deleted by this step. */
  readonly flows: number
  /** Names of requests that were part of them. */
  readonly requests: number
  /** What they said of themselves. */
  readonly details: number
  /** Sums of flows that went with them. */
  readonly rollups: number
  readonly events: number
  readonly inventory: number
  /** Pages given back to the file system, in bytes. */
  readonly freedBytes: number
  readonly ms: number
  /** Nothing more to do now. */
  readonly done: boolean
}

export interface StoreSize {
  /** Pages in use. */
  readonly bytes: number
  /** Start of the oldest minute on record. */
  readonly oldest: EpochMs | undefined
}

export interface Retention {
  /** One short transaction; call it until `done`, doing other work in between. */
  step(limits: RetentionLimits): RetentionStep
  size(): StoreSize
}

export interface RollupStep {
  /** Rows made by this step. */
  readonly rows: number
  readonly ms: number
  /** Nothing more to sum now. */
  readonly done: boolean
}

export interface Rollups {
  /**
   * Sums one bucket of ten minutes, an hour or a day that is over, so that long windows are answered from few
   * rows; without it they are answered from minutes, and as exactly. One short transaction; call it until `done`.
   */
  step(): RollupStep
}

export interface Store extends Disposable {
  readonly records: Records
  readonly state: StateLog
  readonly policies: Policies
  readonly accounts: Accounts
  readonly agents: Agents
  readonly audit: AuditLog
  readonly retention: Retention
  readonly rollups: Rollups
  /** All or nothing; calls inside join it. Synchronous, so nothing of this process can come in between. */
  transaction<T>(work: () => T): T
}
