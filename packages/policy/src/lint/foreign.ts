import { isForeignPolicy } from '../import/owner.ts'
import type { Check } from './finding.ts'

export const policyNotRead: Check = {
  severity: 'warning',
  title: 'A policy of another product is not read',
  help: 'Checks, tests and proofs know nothing of it: what it allows or denies is missing from every answer.',
  *run({ manifests }) {
    for (const { apiVersion, kind, root, place } of manifests.others) {
      if (!isForeignPolicy(apiVersion, kind)) continue
      yield {
        place: place(['kind']),
        message: `${kind} ${String(root.at('metadata').at('name').value)} of ${apiVersion} is not read`,
        fix: 'translate it with "sekisho policy convert" and check what comes out',
      }
    }
  },
}
