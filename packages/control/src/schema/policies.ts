import { MODES } from '@sekisho/core'
import { NOT_ENFORCED, RULE_ROLES, RULE_USES } from '@sekisho/policy'
import { z } from 'zod'
import { outcome, problem, reason, timestamp, windowQuery } from './common.ts'
import { edgeEnd } from './records.ts'

export const policyView = z.object({
  /** `Kind/namespace/name`. */
  id: z.string(),
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  mode: z.enum(MODES),
  revision: z.number().int(),
  rules: z.number().int(),
  /** How many workloads it selects now. */
  selects: z.number().int(),
  deniedLastHour: z.number().int(),
  auditedLastHour: z.number().int(),
  updatedAt: timestamp,
  updatedBy: z.string(),
  yaml: z.string(),
})

/** A part of a policy that not all agents enforce: an Allow rule then allows nothing, a Deny rule denies nothing. */
export const notEnforced = z.object({
  policy: z.string(),
  /** Absent where the whole policy is meant. */
  rule: z.string().optional(),
  action: z.enum(['Allow', 'Deny', 'Pass']).optional(),
  what: z.enum(NOT_ENFORCED),
})

/** A set of documents applied as one: all or nothing, kept or taken back as a whole. */
export const changeView = z.object({
  id: z.string(),
  at: timestamp,
  actor: z.string(),
  state: z.enum(['kept', 'pending', 'reverted']),
  /** When a pending change takes itself back. */
  revertsAt: timestamp.nullable(),
  summary: z.string(),
  policies: z.array(
    z.object({
      id: z.string(),
      action: z.enum(['created', 'changed', 'deleted']),
      before: z.string().nullable(),
      after: z.string().nullable(),
    }),
  ),
  /** In the answer to whoever applies policies or changes their mode: what of them is not enforced yet. */
  notEnforced: z.array(notEnforced).optional(),
})

export const applyRequest = z.object({
  /** One or more YAML documents. */
  yaml: z.string(),
  /** Sets this mode on every document, whatever it says. */
  mode: z.enum(MODES).optional(),
  /** Take the change back after so many seconds unless it is kept. */
  revertAfterSeconds: z.number().int().min(10).max(86_400).optional(),
  dryRun: z.boolean().optional(),
})
export const deleteRequest = z.object({ ids: z.array(z.string()).min(1).max(1000) })
export const modeRequest = z.object({
  ids: z.array(z.string()).min(1).max(1000),
  mode: z.enum(MODES),
  revertAfterSeconds: z.number().int().min(10).max(86_400).optional(),
})

export const validateRequest = z.object({ yaml: z.string() })
export const validation = z.object({
  problems: z.array(problem),
  policies: z.array(z.string()),
  notEnforced: z.array(notEnforced),
})

export const suggestRequest = windowQuery.extend({
  /** Namespaces to propose policies for; all that have flows when left out. */
  namespaces: z.array(z.string()).optional(),
  kind: z.enum(['NetworkPolicy', 'SecurityPolicy']).default('SecurityPolicy'),
})

export const suggestion = z.object({
  yaml: z.string(),
  policies: z.array(
    z.object({
      id: z.string(),
      yaml: z.string(),
      rules: z.array(
        z.object({
          rule: z.string(),
          /** The evidence: what was seen that this rule allows. */
          peers: z.array(z.string()),
          ports: z.array(z.string()),
          /** What was really spoken there, where inspection knows. */
          applications: z.array(z.string()).optional(),
          connections: z.number(),
          first: timestamp,
          last: timestamp,
          confidence: z.enum(['low', 'medium', 'high']),
          notes: z.array(
            z.object({ code: z.string(), details: z.record(z.string(), z.union([z.string(), z.number()])) }),
          ),
        }),
      ),
    }),
  ),
  /** Flows that were left out of the proposal on purpose (scans, metadata probes, …) and why. */
  excluded: z.array(
    z.object({
      source: z.string(),
      destination: z.string(),
      port: z.number().int(),
      protocol: z.string(),
      connections: z.number(),
      code: z.string(),
    }),
  ),
  notes: z.array(
    z.object({ code: z.string(), details: z.record(z.string(), z.union([z.string(), z.number()])) }),
  ),
})

export const unusedRequest = windowQuery.extend({
  /** A rule that no connection came to for so many days is unused. */
  days: z.number().int().min(1).max(3650),
  /** Namespaces whose policies are asked about; all, and those of no namespace, when left out. */
  namespaces: z.array(z.string()).optional(),
})

export const unused = z.object({
  /** What was observed: from the oldest record of the window on. */
  since: timestamp,
  until: timestamp,
  /** The policies without the Allow rules that can go; empty where none can. */
  yaml: z.string(),
  rules: z.array(
    z.object({
      rule: z.string(),
      role: z.enum(RULE_ROLES),
      use: z.enum(RULE_USES),
      connections: z.number(),
      last: timestamp.optional(),
      /** From when on the rule was observed as it is now. */
      since: timestamp,
      /** Unused, but without it the Deny rules beside it would isolate nothing. */
      isolates: z.literal(true).optional(),
    }),
  ),
})

export const simulateRequest = windowQuery.extend({
  yaml: z.string(),
  /** Judges the documents as if they had this mode, whatever they say: the question is what they would do. */
  mode: z.enum(MODES).default('Enforce'),
  /** Policies to leave out, as if deleted. */
  without: z.array(z.string()).optional(),
})

export const simulation = z.object({
  flows: z.number(),
  unchanged: z.number(),
  newlyDenied: z.number(),
  newlyAllowed: z.number(),
  /** Of `newlyDenied`: conversations of workloads flagged by an attack finding, and all others. */
  attacksDenied: z.number(),
  legitimateBroken: z.number(),
  /** Conversations whose verdict changes, or not, with what is asked in them, which flow records do not keep whole. */
  undecided: z.number(),
  since: timestamp.nullable(),
  until: timestamp.nullable(),
  groups: z.array(
    z.object({
      source: edgeEnd,
      destination: edgeEnd,
      protocol: z.string(),
      /** Ascending; a scan touches many and is still one group. */
      ports: z.array(z.number().int()),
      before: outcome,
      after: outcome,
      by: z.string().optional(),
      why: reason,
      connections: z.number(),
      attack: z.boolean(),
    }),
  ),
})

export const explainRequest = z.object({
  /** `namespace/name` of a workload or its group, or an IP address. */
  source: z.string(),
  destination: z.string(),
  port: z.number().int().min(0).max(65_535).optional(),
  protocol: z.string().default('TCP'),
  /** What is spoken; left out: what was last seen to be spoken between the two on that port, if anything. */
  application: z.string().max(64).optional(),
  /** Judge by these documents instead of the ones in force. */
  yaml: z.string().optional(),
})

export const explanation = z.object({
  verdict: z.enum(['allow', 'deny']),
  outcome,
  by: z.string().optional(),
  why: reason,
  /** How what is denied ends; absent: silently. */
  onDeny: z.enum(['reset', 'respond', 'explain']).optional(),
  direction: z.enum(['ingress', 'egress']).optional(),
  /** What was taken to be spoken. */
  application: z.string().optional(),
  source: edgeEnd,
  destination: edgeEnd,
  sentences: z.object({ en: z.array(z.string()), ja: z.array(z.string()) }),
  considered: z.array(
    z.object({
      policy: z.string(),
      direction: z.enum(['ingress', 'egress']),
      outcome: z.enum([
        'matched',
        'no-rule-matched',
        'needs-facts',
        'expired',
        'does-not-select',
        'switched-off',
        'other-direction',
      ]),
      rule: z.string().optional(),
      mode: z.enum(MODES),
    }),
  ),
  /** The smallest rule that would turn a deny into an allow, as YAML. */
  change: z.string().optional(),
})

export type PolicyView = z.infer<typeof policyView>
export type ChangeView = z.infer<typeof changeView>
export type ApplyRequest = z.infer<typeof applyRequest>
export type Validation = z.infer<typeof validation>
export type SuggestionView = z.infer<typeof suggestion>
export type UnusedView = z.infer<typeof unused>
export type SimulationView = z.infer<typeof simulation>
export type ExplanationView = z.infer<typeof explanation>
