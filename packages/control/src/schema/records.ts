import { EVENT_SEVERITIES, FLOW_DETAILS } from '@sekisho/core'
import { z } from 'zod'
import { outcome, reason, timestamp, windowQuery } from './common.ts'

/** One end of an edge as the console shows it: grouped by owner, not by pod. */
export const edgeEnd = z.object({
  /** `namespace/owner` of a workload group, or the address of an outside end; also the key on the map. */
  key: z.string(),
  kind: z.enum(['workload', 'external']),
  namespace: z.string(),
  name: z.string(),
  ip: z.string(),
})

/** Equal requests of a flow record. */
export const requestView = z.object({
  /** As in `GET api.shop/orders`: no queries, headers, keys or values; empty for the rest, beyond the limit. */
  name: z.string(),
  count: z.number().int(),
})

export const flowView = z.object({
  id: z.string(),
  source: edgeEnd,
  destination: edgeEnd,
  protocol: z.string(),
  port: z.number().int(),
  /** What is really spoken, by its bytes; `unknown` where it was looked for and not recognised. */
  application: z.string().optional(),
  outcome,
  direction: z.enum(['ingress', 'egress']).optional(),
  by: z.string().optional(),
  why: reason,
  connections: z.number(),
  packets: z.number(),
  bytesToDestination: z.number(),
  bytesToSource: z.number(),
  first: timestamp,
  last: timestamp,
  /** Requests that were judged and met this outcome, the most frequent first. */
  requests: z.array(requestView).optional(),
  /** What its conversations said of themselves, in order of kind and value. */
  details: z.array(z.object({ detail: z.enum(FLOW_DETAILS), value: z.string() })).optional(),
})

/** Filter text, the same grammar in console, CLI and API: `ns:shop verdict:denied port:5432 not:dst:kube-dns`. */
export const flowQuery = windowQuery.extend({
  filter: z.string().max(1024).optional(),
  /** What is really spoken: short for the term `app:` of the filter. */
  application: z.string().max(64).optional(),
})

export const eventView = z.object({
  id: z.string(),
  at: timestamp,
  code: z.string(),
  severity: z.enum(EVENT_SEVERITIES),
  node: z.string().optional(),
  workload: z.string().optional(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
})

export const auditView = z.object({
  id: z.string(),
  at: timestamp,
  actor: z.string(),
  action: z.string(),
  target: z.string(),
  result: z.enum(['ok', 'refused', 'failed']),
  from: z.string(),
  details: z.string(),
  /** SHA-256 over the previous entry's hash and this entry: the chain shows any later edit. */
  hash: z.string(),
})

export const workloadView = z.object({
  id: z.string(),
  key: z.string(),
  kind: z.enum(['pod', 'container', 'service', 'host', 'external']),
  namespace: z.string(),
  name: z.string(),
  owner: z.object({ kind: z.string(), name: z.string() }),
  labels: z.record(z.string(), z.string()),
  node: z.string(),
  addresses: z.array(z.string()),
  state: z.enum(['running', 'terminating', 'finished']),
  /** Policies that select it, by direction; empty means nothing protects it. */
  policies: z.array(
    z.object({ id: z.string(), mode: z.string(), ingress: z.boolean(), egress: z.boolean() }),
  ),
})

export const agentView = z.object({
  node: z.string(),
  version: z.string(),
  connected: z.boolean(),
  lastSeen: timestamp,
  revision: z.number().int(),
  upToDate: z.boolean(),
  workloads: z.number().int(),
  rules: z.number().int(),
  programMs: z.object({ p50: z.number(), p99: z.number() }),
  programErrors: z.number().int(),
  ledger: z.record(z.string(), z.number()),
  /** What reads conversations there; absent where nothing does. */
  inspection: z
    .object({
      isListening: z.boolean(),
      threads: z.number().int(),
      restarts: z.number().int(),
      flows: z.number().int(),
      queued: z.number(),
    })
    .optional(),
  degraded: z.array(z.string()),
})

export type EdgeEnd = z.infer<typeof edgeEnd>
export type FlowView = z.infer<typeof flowView>
export type EventView = z.infer<typeof eventView>
export type AuditView = z.infer<typeof auditView>
export type WorkloadView = z.infer<typeof workloadView>
export type AgentView = z.infer<typeof agentView>
