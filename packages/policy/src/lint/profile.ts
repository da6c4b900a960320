import type { Check } from './finding.ts'
import { remarkOnPolicy } from './rules.ts'

export const profileUnknown: Check = {
  severity: 'warning',
  title: 'A policy names a SecurityProfile that these files do not have',
  help: 'A name that no SecurityProfile has inspects nothing: a typing mistake, or a profile that is applied elsewhere.',
  *run({ manifests }) {
    const known = new Set(
      manifests.policies.flatMap(({ policy }) => (policy.kind === 'SecurityProfile' ? [policy.name] : [])),
    )
    for (const located of manifests.policies) {
      const missing = located.policy.profiles.filter(name => !known.has(name))
      if (missing.length === 0) continue
      yield remarkOnPolicy(located, ['spec', 'profiles'], {
        message: `no SecurityProfile is called ${missing.join(', ')}`,
        fix: 'correct the name, or add the profile to these files',
      })
    }
  },
}
