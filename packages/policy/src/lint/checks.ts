import {
  cidrForPods,
  missingNamespaceSelector,
  peerMerged,
  peerSelectsEverything,
  peerSplit,
  ruleAllowsEverything,
  ruleSplit,
} from './classic.ts'
import type { Check } from './finding.ts'
import { policyNotRead } from './foreign.ts'
import { hostNotEnforced } from './host.ts'
import {
  dnsForgotten,
  egressToAnywhere,
  ingressFromAnywhere,
  namespaceUnlabelled,
  noDefaultDenyEgress,
  noDefaultDenyIngress,
  portsUnrestricted,
  selectsNoNamespace,
  subjectSelectsNothing,
} from './practice.ts'
import { profileUnknown } from './profile.ts'
import { workloadUnprotected } from './protection.ts'
import { denyMatchesNothing, priorityShared, ruleShadowed, tierDeniesDns } from './tier.ts'

/** Every check by its id, which never changes its meaning: other programs store it. */
export const CHECKS = {
  'rule-split': ruleSplit,
  'peer-split': peerSplit,
  'peer-merged': peerMerged,
  'missing-namespace-selector': missingNamespaceSelector,
  'dns-forgotten': dnsForgotten,
  'cidr-for-pods': cidrForPods,
  'peer-selects-everything': peerSelectsEverything,
  'rule-allows-everything': ruleAllowsEverything,
  'no-default-deny-ingress': noDefaultDenyIngress,
  'no-default-deny-egress': noDefaultDenyEgress,
  'ingress-from-anywhere': ingressFromAnywhere,
  'egress-to-anywhere': egressToAnywhere,
  'ports-unrestricted': portsUnrestricted,
  'namespace-unlabelled': namespaceUnlabelled,
  'selects-no-namespace': selectsNoNamespace,
  'subject-selects-nothing': subjectSelectsNothing,
  'profile-unknown': profileUnknown,
  'host-not-enforced': hostNotEnforced,
  'rule-shadowed': ruleShadowed,
  'priority-shared': priorityShared,
  'deny-matches-nothing': denyMatchesNothing,
  'tier-denies-dns': tierDeniesDns,
  'policy-not-read': policyNotRead,
  'workload-unprotected': workloadUnprotected,
} as const satisfies Record<string, Check>

export type LintId = keyof typeof CHECKS
export const LINT_IDS = Object.keys(CHECKS) as readonly LintId[]
