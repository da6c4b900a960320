import { type Direction, hasNoAgent, type Workload } from '@sekisho/core'
import type { Model } from '@sekisho/policy'

/** How far policies of a direction go for a workload: at least one enforces, at least one audits, or none. */
export type Protection = 'none' | 'audit' | 'enforce'
const RANK = { none: 0, audit: 1, enforce: 2 } as const satisfies Record<Protection, number>

/** The weaker of two: a group is protected as far as its least protected member. */
export const weaker = (a: Protection, b: Protection): Protection => (RANK[a] <= RANK[b] ? a : b)
export const stronger = (a: Protection, b: Protection): Protection => (RANK[a] >= RANK[b] ? a : b)

const OF_MODE = { Learn: 'none', Audit: 'audit', Enforce: 'enforce' } as const

export function protectionOf(model: Model, workload: Workload): Readonly<Record<Direction, Protection>> {
  let ingress: Protection = 'none'
  let egress: Protection = 'none'
  for (const selecting of model.selecting(workload.id)) {
    const protection = OF_MODE[selecting.policy.mode]
    if (selecting.ingress) ingress = stronger(ingress, protection)
    if (selecting.egress) egress = stronger(egress, protection)
  }
  return { ingress, egress }
}

/** Those for which policies can be enforced: hosts, what shares a host's network, and where no agent runs are not. */
export const isProtectable = (workload: Workload): boolean =>
  workload.state !== 'finished' && !workload.hostNetwork && workload.kind !== 'host' && !hasNoAgent(workload)

export const groupKey = ({ namespace, owner }: Pick<Workload, 'namespace' | 'owner'>): string =>
  `${namespace}/${owner.name}`
