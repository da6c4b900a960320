import type { Brand } from './brand.ts'

/** `kind:namespace/name` of a workload; unique in one Sekisho installation while the workload lives. */
export type WorkloadId = Brand<string, 'WorkloadId'>
/** `Kind/namespace/name` of a policy document; the namespace of a cluster-scoped kind is empty. */
export type PolicyId = Brand<string, 'PolicyId'>
/** One rule of a policy: `<PolicyId>#ingress[2]`, or `<PolicyId>#ingress` for its isolation (default deny). */
export type RuleId = Brand<string, 'RuleId'>
/** The name of the node an agent runs on. */
export type NodeName = Brand<string, 'NodeName'>
/** Milliseconds since the Unix epoch, UTC. */
export type EpochMs = Brand<number, 'EpochMs'>

export type Direction = 'ingress' | 'egress'

/** Joined to one text: a template would leave a rope of its parts, and ids are what is looked up most. */
export const workloadId = (kind: string, namespace: string, name: string): WorkloadId =>
  [kind, ':', namespace, '/', name].join('') as WorkloadId

export const policyId = (kind: string, namespace: string, name: string): PolicyId =>
  `${kind}/${namespace}/${name}` as PolicyId

/** @param index position of the rule in its section; left out for the section's own default deny. */
export const ruleId = (policy: PolicyId, direction: Direction, index?: number): RuleId =>
  (index === undefined ? `${policy}#${direction}` : `${policy}#${direction}[${index}]`) as RuleId

export interface PolicyName {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

export interface RuleName extends PolicyName {
  readonly policy: PolicyId
  readonly direction: Direction
  readonly index: number | undefined
}

/** The reverse of `policyId`; undefined for a string that is not one. */
export function parsePolicyId(id: string): PolicyName | undefined {
  const [kind, namespace, name, ...rest] = id.split('/')
  if (!kind || namespace === undefined || !name || rest.length > 0) return undefined
  return { kind, namespace, name }
}

const RULE = /^(?<policy>[^#]+)#(?<direction>ingress|egress)(?:\[(?<index>\d{1,6})\])?$/

/** The reverse of `ruleId`; undefined for a string that is not one. */
export function parseRuleId(id: string): RuleName | undefined {
  const groups = RULE.exec(id)?.groups
  const policy = groups?.policy
  const name = policy === undefined ? undefined : parsePolicyId(policy)
  if (!groups || policy === undefined || name === undefined) return undefined
  return {
    ...name,
    policy: policy as PolicyId,
    direction: groups.direction as Direction,
    index: groups.index === undefined ? undefined : Number(groups.index),
  }
}
