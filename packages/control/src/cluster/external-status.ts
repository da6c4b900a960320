import type { EpochMs, Problem, Workload } from '@sekisho/core'
import { type Condition, conditionsAt, type Finding, readyOf, refusal } from './status.ts'

/** What is known of one ExternalWorkload. */
export interface ExternalFacts {
  readonly generation: number
  /** Every mistake in it; none where it was read. */
  readonly problems: readonly Problem[]
  /** What of it counts; of an earlier version where this one could not be read. */
  readonly workload: Workload | undefined
  /** What of it is another's, in words. */
  readonly conflicts: readonly string[]
  /** Its agent's; undefined where none ever joined under its node's name. */
  readonly agent: { readonly isHeard: boolean; readonly revision: number } | undefined
  /** Revisions of the policies that select it. */
  readonly policies: readonly number[]
}

export interface ExternalStatus {
  readonly observedGeneration: number
  readonly conditions: readonly Condition[]
  readonly policies: number
}

function accepted({ problems, workload }: ExternalFacts): Finding {
  if (problems.length === 0)
    return { type: 'Accepted', status: 'True', reason: 'Valid', message: 'It was read whole.' }
  const message = refusal(problems, workload !== undefined)
  return { type: 'Accepted', status: 'False', reason: 'Invalid', message }
}

function conflicted({ conflicts }: ExternalFacts): Finding {
  if (conflicts.length === 0)
    return { type: 'Conflicted', status: 'False', reason: 'NoConflict', message: 'All of it is its own.' }
  return { type: 'Conflicted', status: 'True', reason: 'Taken', message: conflictText(conflicts) }
}

const NAMED = 20
/** What does not count, and why. */
export const conflictText = (conflicts: readonly string[]): string =>
  `Left out, since it is another’s: ${conflicts.slice(0, NAMED).join('; ')}.`

const PEER_ONLY = {
  status: 'False',
  reason: 'NoAgent',
  message: 'It has no agent: others’ policies know it, and none is enforced on it.',
} as const

function connected({ workload, agent }: ExternalFacts): Finding {
  if (!workload?.node) return { type: 'Connected', ...PEER_ONLY }
  const { node } = workload
  if (!agent)
    return { type: 'Connected', status: 'False', reason: 'NotJoined', message: `No agent joined as ${node}.` }
  return agent.isHeard
    ? { type: 'Connected', status: 'True', reason: 'Heard', message: `The agent of ${node} speaks.` }
    : { type: 'Connected', status: 'False', reason: 'Silent', message: `The agent of ${node} is silent.` }
}

function programmed({ workload, agent, policies }: ExternalFacts): Finding {
  if (!workload?.node) return { type: 'Programmed', ...PEER_ONLY }
  const { node } = workload
  const missing = policies.filter(revision => (agent?.revision ?? 0) < revision).length
  if (missing > 0) {
    const message = `${missing} of ${policies.length} policies are not in the kernel of ${node}.`
    return { type: 'Programmed', status: 'False', reason: 'PoliciesMissing', message }
  }
  const message = `${policies.length} policies are in the kernel of ${node}.`
  return { type: 'Programmed', status: 'True', reason: 'Programmed', message }
}

/** What the cluster is told of an ExternalWorkload. @param before the conditions it was told last. */
export function externalStatus(
  facts: ExternalFacts,
  before: readonly Condition[],
  now: EpochMs,
): ExternalStatus {
  const [read, conflict] = [accepted(facts), conflicted(facts)]
  const ofAgent = [connected(facts), programmed(facts)]
  const isAlone = { ...conflict, status: conflict.status === 'True' ? 'False' : 'True' } as const
  // One that has no agent is ready as a peer.
  const ready = readyOf([read, isAlone, ...(facts.workload?.node === '' ? [] : ofAgent)])
  return {
    observedGeneration: facts.generation,
    conditions: conditionsAt([read, conflict, ...ofAgent, ready], facts.generation, { told: before, now }),
    policies: facts.policies.length,
  }
}
