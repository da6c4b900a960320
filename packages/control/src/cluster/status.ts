import { type AgentStatus, type EpochMs, listAt, type NodeName, type Problem } from '@sekisho/core'
import type { ResponseCounts } from '../response/responder.ts'

/** What is known of one policy of the cluster. */
export interface PolicyFacts {
  readonly generation: number
  /** Every mistake in it; none where it was read. */
  readonly problems: readonly Problem[]
  /** An earlier version of it is still in force, since this one could not be read. */
  readonly keepsOlder: boolean
  readonly workloads: number
  readonly rules: number
  readonly deniedLastHour: number
  /** Nodes of workloads it selects, and those that have it in their kernel. */
  readonly desired: ReadonlySet<NodeName>
  readonly programmed: ReadonlySet<NodeName>
}

export interface Finding {
  readonly type: 'Accepted' | 'Conflicted' | 'Connected' | 'Programmed' | 'Ready'
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
}

/** metav1.Condition. */
export interface Condition extends Finding {
  readonly observedGeneration: number
  /** RFC 3339, whole seconds. */
  readonly lastTransitionTime: string
}

export interface PolicyStatus {
  readonly observedGeneration: number
  readonly conditions: readonly Condition[]
  readonly workloads: number
  readonly rules: number
  readonly deniedLastHour: number
  readonly nodes: { readonly desired: number; readonly programmed: number }
  /** Of rules of responses. */
  readonly firedLastDay?: number
  readonly active?: number
  readonly lastFired?: string
}

const MESSAGE_CHARACTERS = 2_000
const NODES_NAMED = 5

/** Why a policy is not in force as it is written, in one sentence or two. */
export function refusal(problems: readonly Problem[], keepsOlder: boolean): string {
  const mistakes = problems
    .map(({ path, reason }) => (path === '' ? reason : `${path}: ${reason}`))
    .join('; ')
  const still = keepsOlder ? ' The version before it stays in force.' : ''
  const told = mistakes.slice(0, MESSAGE_CHARACTERS)
  return `Refused whole: ${told}${/[.?]$/.test(told) ? '' : '.'}${still}`
}

function accepted({ problems, keepsOlder }: PolicyFacts): Finding {
  if (problems.length === 0)
    return { type: 'Accepted', status: 'True', reason: 'Valid', message: 'The policy was read whole.' }
  return { type: 'Accepted', status: 'False', reason: 'Invalid', message: refusal(problems, keepsOlder) }
}

function programmed({ problems, keepsOlder, desired, programmed: done }: PolicyFacts): Finding {
  if (problems.length > 0 && !keepsOlder)
    return {
      type: 'Programmed',
      status: 'False',
      reason: 'NotAccepted',
      message: 'Nothing of it is in force.',
    }
  const missing = [...desired].filter(node => !done.has(node)).toSorted()
  if (desired.size === 0)
    return {
      type: 'Programmed',
      status: 'True',
      reason: 'NothingSelected',
      message: 'It selects no workload on any node.',
    }
  if (missing.length === 0)
    return {
      type: 'Programmed',
      status: 'True',
      reason: 'Programmed',
      message: `In the kernel of ${desired.size} nodes.`,
    }
  const named = missing.slice(0, NODES_NAMED).join(', ')
  const more = missing.length > NODES_NAMED ? ` and ${missing.length - NODES_NAMED} more` : ''
  return {
    type: 'Programmed',
    status: 'False',
    reason: 'NodesMissing',
    message: `Not in the kernel of ${named}${more}.`,
  }
}

/** What stands for all of them. */
export function readyOf(parts: readonly Finding[]): Finding {
  const missing = parts.find(({ status }) => status !== 'True')
  if (!missing) return { type: 'Ready', status: 'True', reason: 'Ready', message: 'It does what it says.' }
  return { type: 'Ready', status: missing.status, reason: missing.reason, message: missing.message }
}

/** Conditions keep the time of their last change: written anew each time, they would be news for ever. */
function since({ type, status }: Finding, before: readonly Condition[], now: EpochMs): string {
  const old = before.find(condition => condition.type === type)
  if (old?.status === status) return old.lastTransitionTime
  return rfc3339(now)
}

/** How much of this server's state an agent has: numbers of another history mean nothing here. */
export const revisionIn = (history: string, status: AgentStatus | undefined): number =>
  status?.history === history ? status.revision : 0

/** metav1.Time: whole seconds. */
export const rfc3339 = (at: EpochMs): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')

/** What was found, as conditions. @param told the conditions that were told last. */
export const conditionsAt = (
  findings: readonly Finding[],
  observedGeneration: number,
  { told, now }: { readonly told: readonly Condition[]; readonly now: EpochMs },
): readonly Condition[] =>
  findings.map(finding => ({
    ...finding,
    observedGeneration,
    lastTransitionTime: since(finding, told, now),
  }))

/** Of an object's status, as the cluster has it; written by this program, or by an older one of it. */
export const conditionsOf = (status: unknown): readonly Condition[] =>
  listAt(status, 'conditions') as readonly Condition[]

/** What the cluster is told of a policy. @param before the conditions it was told last. */
export function policyStatus(facts: PolicyFacts, before: readonly Condition[], now: EpochMs): PolicyStatus {
  const parts = [accepted(facts), programmed(facts)]
  const conditions = conditionsAt([...parts, readyOf(parts)], facts.generation, { told: before, now })
  const { workloads, rules, deniedLastHour, desired, programmed: done } = facts
  return {
    observedGeneration: facts.generation,
    conditions,
    workloads,
    rules,
    deniedLastHour,
    nodes: { desired: desired.size, programmed: [...desired].filter(node => done.has(node)).length },
  }
}

/** What a rule of responses did, as its status says it. */
export const responseStatus = ({
  firedLastDay,
  active,
  lastFired,
}: ResponseCounts): Pick<PolicyStatus, 'firedLastDay' | 'active' | 'lastFired'> => ({
  firedLastDay,
  active,
  ...(lastFired !== undefined && { lastFired: rfc3339(lastFired) }),
})
