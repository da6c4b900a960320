import type { PolicyId, RuleId, WorkloadId } from '@sekisho/core'
import { policyId, ruleId, workloadId } from '@sekisho/core'
import type { AddressSet, Attachment, Chain, RuleTable, SettledRule, TableRule } from '@sekisho/policy'

/** Builders of compiled tables, for tests that need no policy. */

export const POLICY: PolicyId = policyId('NetworkPolicy', 'shop', 'web')
export const rule = (index: number | undefined, rest: Partial<SettledRule> = {}): SettledRule => ({
  id: ruleId(POLICY, 'ingress', index),
  action: 'allow',
  why: 'rule-allow',
  ...rest,
})
export const isolation: TableRule = rule(undefined, { action: 'deny', why: 'isolated' })
export const ruleIdOf = (index?: number): RuleId => ruleId(POLICY, 'ingress', index)

export const chain = (
  id: string,
  stages: Chain['stages'],
  direction: Chain['direction'] = 'ingress',
): Chain => ({
  id,
  direction,
  stages,
})
export const selector = (id: string, ...members: readonly string[]): AddressSet => ({
  kind: 'selector',
  id,
  members: new Set(members),
})

/** Of an interface that no kernel has: names that differ have different ones. */
const indexOf = (name: string): number => Number.parseInt(Buffer.from(name).toString('hex').slice(-7), 16)

export const attachment = (name: string, rest: Partial<Attachment> = {}): Attachment => ({
  workload: workloadId('pod', 'shop', name),
  addresses: ['10.0.0.1', 'fd00::1'],
  interface: `veth-${name}`,
  interfaceIndex: indexOf(name),
  ports: [],
  enforce: {},
  audit: {},
  ...rest,
})

export function table(parts: {
  sets?: readonly AddressSet[]
  chains?: readonly Chain[]
  attachments?: readonly Attachment[]
}): RuleTable {
  return {
    sets: new Map((parts.sets ?? []).map(set => [set.id, set])),
    chains: new Map((parts.chains ?? []).map(one => [one.id, one])),
    attachments: new Map<WorkloadId, Attachment>((parts.attachments ?? []).map(one => [one.workload, one])),
    nodeAddresses: new Set(),
  }
}
