import { z } from 'zod'
import { outcome, reason, timestamp, windowQuery } from './common.ts'

/** A card on the map: a group of workloads with one owner, or a group of outside addresses. */
export const mapNode = z.object({
  key: z.string(),
  kind: z.enum(['workload', 'external']),
  namespace: z.string(),
  name: z.string(),
  ownerKind: z.string(),
  /** How many pods or processes stand behind it. */
  instances: z.number().int(),
  /** Protected by at least one policy in that direction, and in which mode at most. */
  ingress: z.enum(['none', 'audit', 'enforce']),
  egress: z.enum(['none', 'audit', 'enforce']),
  /** What it does looks like this attack. */
  attack: z.enum(['port-scan', 'metadata-probe', 'mining-pool']).optional(),
})

/** All flows between two nodes on one port; counts per outcome within the window. */
export const mapEdge = z.object({
  source: z.string(),
  destination: z.string(),
  protocol: z.string(),
  port: z.number().int(),
  application: z.string().optional(),
  /** The outcome to show: denied before audited before allowed among those seen last. */
  outcome,
  by: z.string().optional(),
  why: reason,
  connections: z.object({ allowed: z.number(), audited: z.number(), denied: z.number() }),
  bytes: z.number(),
  first: timestamp,
  last: timestamp,
})

export const mapQuery = windowQuery.extend({ filter: z.string().max(1024).optional() })

export const mapView = z.object({
  at: timestamp,
  namespaces: z.array(z.object({ name: z.string(), workloads: z.number().int() })),
  nodes: z.array(mapNode),
  edges: z.array(mapEdge),
  /** Why the map may be incomplete or empty, for an honest first screen. */
  notes: z.array(
    z.object({ code: z.string(), details: z.record(z.string(), z.union([z.string(), z.number()])) }),
  ),
})

export const overview = z.object({
  at: timestamp,
  workloads: z.number().int(),
  namespaces: z.number().int(),
  agents: z.object({ connected: z.number().int(), total: z.number().int() }),
  learningSince: timestamp.nullable(),
  flows: z.object({ allowed: z.number(), audited: z.number(), denied: z.number() }),
  protection: z.object({
    enforced: z.number().int(),
    audited: z.number().int(),
    unprotected: z.number().int(),
  }),
  /** What is unusual and what to do next, most urgent first. `code` names the sentence in the dictionaries. */
  attention: z.array(
    z.object({
      code: z.enum([
        'port-scan',
        'metadata-probe',
        'mining-pool',
        'unexpected-application',
        'denied-attempts',
        'audited-traffic',
        'unprotected-namespace',
        'change-pending',
        'agent-away',
        'agent-behind',
        'records-begin',
        'records-dropped',
        'nothing-seen',
      ]),
      severity: z.enum(['info', 'warning', 'critical']),
      at: timestamp,
      workload: z.string().optional(),
      details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      action: z.enum(['show-map', 'show-flows', 'suggest', 'review-change', 'show-agents', 'none']),
      /** Filter text for the page that `action` opens. */
      filter: z.string().optional(),
    }),
  ),
})

export type MapNode = z.infer<typeof mapNode>
export type MapEdge = z.infer<typeof mapEdge>
export type MapView = z.infer<typeof mapView>
export type Overview = z.infer<typeof overview>
