import { type AgentStatus, listAt, textAt, type Workload } from '@sekisho/core'
import type { KubeObject } from '@sekisho/kube'

/** Type of the condition of pods; as a readiness gate it keeps a pod from being ready before its rules are in the kernel. */
export const ENFORCED = 'sekisho.dev/Enforced'

/** What a pod's condition says. */
export interface Enforced {
  readonly status: 'True' | 'False'
  readonly reason: 'Programmed' | 'HostNetwork' | 'SwitchedOff' | 'NoAgent' | 'AgentBehind'
  readonly message: string
}

const REASONS = {
  Programmed: ['True', 'Its rules were in the kernel of its node.'],
  HostNetwork: ['False', 'It shares the network of its node; policies select no such pods.'],
  SwitchedOff: ['False', 'Its protection is switched off (sekisho.dev/firewall).'],
  NoAgent: ['False', 'No agent of its node has joined.'],
  AgentBehind: ['False', 'The agent of its node has not said yet that its rules are in the kernel.'],
} as const satisfies Record<Enforced['reason'], readonly [Enforced['status'], string]>

const because = (reason: Enforced['reason']): Enforced => {
  const [status, message] = REASONS[reason]
  return { status, reason, message }
}

export interface PodFacts {
  /** As it is in force. */
  readonly workload: Workload
  /** State from which on nodes know of it with its addresses; undefined until it is in force like that. */
  readonly revision: number | undefined
  /** What its node's agent said last; absent where none has joined. */
  readonly agent: Pick<AgentStatus, 'revision'> | undefined
  /** It was told that it is: rules outlive agents, and later changes are told of policies. */
  readonly wasEnforced: boolean
  /** It has been waited for: who looks at the pod should read why. */
  readonly isLate: boolean
}

/** @returns undefined while there is nothing to say: a moment later there will be. */
export function enforcedOf(facts: PodFacts): Enforced | undefined {
  const { workload, revision, agent, wasEnforced, isLate } = facts
  if (workload.hostNetwork) return because('HostNetwork')
  if (workload.protection === 'off') return because('SwitchedOff')
  const hasIt = revision !== undefined && agent !== undefined && agent.revision >= revision
  if (hasIt || wasEnforced) return because('Programmed')
  if (!isLate) return undefined
  return because(agent ? 'AgentBehind' : 'NoAgent')
}

/** Whether only an agent's word is missing; all else changes with the pod or its namespace. */
export const waitsForAgent = ({ reason }: Enforced): boolean =>
  reason === 'NoAgent' || reason === 'AgentBehind'

/** What a pod was told before. */
export function toldTo(pod: Pick<KubeObject, 'json'>): Pick<Enforced, 'status' | 'reason'> | undefined {
  const told = listAt(pod.json, 'status', 'conditions').find(each => textAt(each, 'type') === ENFORCED)
  const reason = Object.keys(REASONS).find(each => each === textAt(told, 'reason'))
  // Words of this program, or of none.
  return reason === undefined ? undefined : because(reason as Enforced['reason'])
}
