import type { Generated } from 'kysely'

/** The tables as kysely sees them; `migrations/` makes them. Times are epoch milliseconds unless said otherwise. */
export interface Tables {
  counters: { name: 'revision' | 'revisionFloor'; value: number }
  acknowledged: { node: string; epoch: string; sequence: number }
  workload_versions: {
    id: Generated<number>
    workload: string
    node: string
    namespace: string
    owner: string
    /** JSON of `Workload`. */
    document: string
    since: number
    until: number | null
    revision: number
  }
  namespace_reports: {
    node: string
    name: string
    labels: string
    at: number
    gone: 0 | 1
    revision: number
  }
  ends: {
    id: Generated<number>
    version: number
    workload: string
    ip: string
    key: string
    namespace: string
    name: string
    owner_kind: string
    /** Epoch hours. */
    seen: number
  }
  edges: {
    id: Generated<number>
    source: number
    destination: number
    protocol: string
    port: number
    application: string
    outcome: string
    direction: string
    decided_by: string
    why: string
    /** Epoch hours. */
    seen: number
  }
  flows: {
    /** Epoch minutes. */
    minute: number
    edge: number
    connections: number
    packets: number
    bytes_to_destination: number
    bytes_to_source: number
    first: number
    last: number
  }
  requests: {
    /** Epoch minutes. */
    minute: number
    edge: number
    name: string
    count: number
  }
  details: {
    /** Epoch minutes. */
    minute: number
    edge: number
    detail: string
    value: string
  }
  /** Sums of `flows`; `span` and `start` in minutes. */
  rollups: Omit<Tables['flows'], 'minute'> & { span: number; start: number }
  rolled: { span: number; since: number; until: number }
  events: {
    id: Generated<number>
    at: number
    code: string
    severity: string
    node: string
    workload: string
    details: string
  }
  agent_status: { node: string; last_seen: number; status: string | null }
  policies: {
    id: string
    /** JSON of `PolicyText`; null when deleted. */
    body: string | null
    revision: number
    updated_at: number
    updated_by: string
  }
  changes: {
    id: Generated<number>
    at: number
    actor: string
    summary: string
    state: 'kept' | 'pending' | 'reverted'
    reverts_at: number | null
    settled_by: string | null
    settled_at: number | null
  }
  change_policies: { change: number; policy: string; before: string | null; after: string | null }
  users: { name: string; password_hash: string | null; created_at: number }
  sessions: { hash: string; user: string; created_at: number; expires_at: number }
  api_tokens: {
    id: string
    hash: string
    user: string
    name: string
    created_at: number
    expires_at: number
  }
  one_time_secrets: { hash: string; purpose: 'login' | 'join'; subject: string; expires_at: number }
  agents: { node: string; public_key: string; certificate_serial: string; joined_at: number }
  audit: {
    id: number
    at: number
    actor: string
    action: string
    target: string
    result: 'ok' | 'refused' | 'failed'
    origin: string
    details: string
    hash: string
  }
}
