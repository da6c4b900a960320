import {
  type Batch,
  canonicalIp,
  EVENT_SEVERITIES,
  FLOW_DETAILS,
  isPrintable,
  LIMITS,
  OUTCOMES,
  type Protocol,
  REASONS,
  SekishoError,
} from '@sekisho/core'
import { z } from 'zod'

/**
 * Every field of a batch, strictly: a wrong type or an over-long text refuses the batch whole. A field that is not known is
 * left out: while a cluster is upgraded agents may be newer than their server, and no record may be lost by that.
 */

/** Branded ids are plain text on the wire; their shape is checked where they are looked up. */
const id = <Id extends string>() => z.string().min(1).max(1024) as unknown as z.ZodType<Id>
const epochMs = z.number().int().min(0).max(8.64e15) as unknown as z.ZodType<Batch['flows'][number]['first']>
const text = z.string().max(1024)
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const measure = z.number().min(0)
const port = z.number().int().min(0).max(65_535)
const ip = z
  .string()
  .max(45)
  .refine(value => canonicalIp(value) === value, 'not a canonical IP address')
const protocol = z
  .string()
  .regex(/^(?:TCP|UDP|SCTP|ICMP|ICMPv6|IP\/\d{1,3})$/) as unknown as z.ZodType<Protocol>
const labels = z
  .record(z.string().max(317), text)
  .refine(value => Object.keys(value).length <= LIMITS.labelsPerWorkload.value, 'too many labels')
const optional = <T extends z.ZodType>(schema: T) => z.exactOptional(schema)

const end = z.object({
  workload: optional(id<NonNullable<Batch['flows'][number]['source']['workload']>>()),
  ip,
})

/** Both come from the wire: the agent wrote out what cannot be printed, and nothing else is taken. */
const wireText = (most: number) =>
  z.string().max(most).refine(isPrintable, 'characters that cannot be printed')
const request = z.object({ name: wireText(LIMITS.requestName.value), count })
const detail = z.object({ detail: z.enum(FLOW_DETAILS), value: wireText(LIMITS.detailValue.value) })

const flow = z.object({
  source: end,
  destination: end,
  protocol,
  port,
  application: optional(z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/)),
  outcome: z.enum(OUTCOMES),
  direction: optional(z.enum(['ingress', 'egress'])),
  by: optional(id<NonNullable<Batch['flows'][number]['by']>>()),
  why: z.enum(REASONS),
  connections: count,
  packets: count,
  bytesToDestination: count,
  bytesToSource: count,
  first: epochMs,
  last: epochMs,
  requests: optional(z.array(request).max(LIMITS.requestsPerFlow.value)),
  details: optional(z.array(detail).max(LIMITS.detailsPerFlow.value)),
})

const workload = z.object({
  id: id<NonNullable<Batch['workloads']>[number]['id']>(),
  kind: z.enum(['pod', 'container', 'service', 'host', 'external']),
  namespace: text,
  name: text,
  owner: z.object({ kind: text, name: text }),
  labels,
  serviceAccount: optional(text),
  node: id<Batch['node']>(),
  addresses: z.array(ip).max(LIMITS.addressesPerWorkload.value),
  hostNetwork: z.boolean(),
  ports: z.array(z.object({ name: text, protocol, port })).max(LIMITS.portsPerRule.value),
  state: z.enum(['running', 'terminating', 'finished']),
  interface: optional(z.string().max(64)),
  protection: optional(z.literal('off')),
})

const event = z.object({
  code: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/),
  severity: z.enum(EVENT_SEVERITIES),
  at: epochMs,
  workload: optional(id<NonNullable<Batch['events'][number]['workload']>>()),
  details: z.record(z.string().max(64), z.union([text, z.number(), z.boolean()])),
})

const status = z.object({
  node: id<Batch['node']>(),
  version: z.string().max(64),
  startedAt: epochMs,
  addresses: z.array(ip).max(LIMITS.addressesPerWorkload.value),
  revision: count,
  history: optional(z.string().max(64)),
  enforcing: optional(z.boolean()),
  inCluster: optional(z.boolean()),
  workloads: count,
  rules: count,
  setElements: count,
  programs: count,
  programErrors: count,
  programMs: z.object({ p50: measure, p99: measure }),
  ledger: z.record(z.string().max(64), count),
  inspection: optional(
    z.object({
      isListening: z.boolean(),
      threads: count,
      restarts: count,
      flows: count,
      queued: count,
    }),
  ),
  degraded: z.array(text).max(64),
})

export const batchSchema = z.object({
  node: id<Batch['node']>(),
  epoch: z.string().min(1).max(64),
  sequence: count,
  flows: z.array(flow).max(LIMITS.flowsPerBatch.value),
  events: z.array(event).max(LIMITS.eventsPerBatch.value),
  workloads: optional(z.array(workload).max(LIMITS.workloadsPerNode.value)),
  namespaces: optional(z.array(z.object({ name: text, labels })).max(LIMITS.workloadsPerNode.value)),
  status: optional(status),
}) satisfies z.ZodType<Batch>

/** @throws SekishoError bad-request with the path of the first mistake. */
export function parseBatch(json: unknown): Batch {
  const read = batchSchema.safeParse(json)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new SekishoError('bad-request', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a batch'}`)
}
