import { application } from './application.ts'
import { clusterNetworkPolicy } from './cluster-network-policy.ts'
import type { PolicyKind } from './document.ts'
import type { DocumentKind } from './kind.ts'
import { networkPolicy } from './network-policy.ts'
import { responseRule } from './response-rule.ts'
import { clusterSecurityPolicy, securityPolicy } from './security-policy.ts'
import { securityProfile } from './security-profile.ts'

/** Every kind of policy document; a new one is a file and a line here. */
export const KINDS = {
  NetworkPolicy: networkPolicy,
  SecurityPolicy: securityPolicy,
  ClusterSecurityPolicy: clusterSecurityPolicy,
  ClusterNetworkPolicy: clusterNetworkPolicy,
  Application: application,
  SecurityProfile: securityProfile,
  ResponseRule: responseRule,
} as const satisfies Record<PolicyKind, DocumentKind>

export const POLICY_KINDS = Object.keys(KINDS) as readonly PolicyKind[]
