import { type DnsProfile, policyId } from '@sekisho/core'
import type { Model } from './model.ts'

/** A profile that a client's DNS goes through, as data. */
export interface AppliedDnsProfile {
  readonly name: string
  /** A policy in Enforce names it; otherwise what it finds is only told. */
  readonly acts: boolean
  readonly dns: DnsProfile
}

/** Of all policies about what the client sends; a name that no document has is none. */
export function dnsProfiles(model: Model, client: string): readonly AppliedDnsProfile[] {
  const workload = model.workloadAt(client)
  const policies = workload
    ? model.selecting(workload.id).filter(({ egress, policy }) => egress && policy.mode !== 'Learn')
    : []
  const names = new Set(policies.flatMap(({ policy }) => policy.profiles))
  return [...names].flatMap(name => {
    const profile = model.policies.get(policyId('SecurityProfile', '', name))
    if (profile?.kind !== 'SecurityProfile') return []
    const acts = policies.some(({ policy }) => policy.mode === 'Enforce' && policy.profiles.includes(name))
    return [{ name, acts, dns: profile.dns }]
  })
}
