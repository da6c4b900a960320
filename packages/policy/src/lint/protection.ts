import { compileSelector, FIREWALL } from '@sekisho/core'
import type { Check } from './finding.ts'

export const workloadUnprotected: Check = {
  severity: 'error',
  title: 'A workload that must be protected is not',
  help: 'Where protection is switched off, policies that select the workload are not enforced.',
  *run({ manifests, mustProtect }) {
    const selectors = mustProtect.map(compileSelector)
    for (const { workload, located } of manifests.locatedWorkloads) {
      if (workload.protection !== 'off' || !selectors.some(selects => selects(workload.labels))) continue
      yield {
        place: located.place([]),
        message: `${workload.owner.kind} ${workload.namespace}/${workload.owner.name} must be protected and is not`,
        fix: `annotate its pods, or its namespace, with ${FIREWALL}: enabled`,
      }
    }
  },
}
