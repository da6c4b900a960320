import { notEnforcedHere } from '../not-enforced.ts'
import { notEnforcedText } from '../not-enforced-words.ts'
import type { Check } from './finding.ts'
import { remarkOnPolicy } from './rules.ts'

export const hostNotEnforced: Check = {
  severity: 'warning',
  title: 'A policy is about hosts, whose own traffic no agent enforces',
  help: 'It is decided, explained and proved, and stops nothing. Machines that are ExternalWorkloads are enforced.',
  *run({ manifests }) {
    for (const located of manifests.policies) {
      const part = notEnforcedHere(located.policy).find(({ what }) => what === 'host-subject')
      if (!part) continue
      yield remarkOnPolicy(located, ['spec', 'subject'], {
        message: `this policy ${notEnforcedText(part, 'en')}`.replace(/\.$/, ''),
        fix: 'describe the machine as an ExternalWorkload, or select workloads',
      })
    }
  },
}
