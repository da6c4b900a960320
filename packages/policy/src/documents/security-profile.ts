import { DEFAULT_DNS_PROFILE, policyId } from '@sekisho/core'
import { readDnsProfile } from './dns-profile.ts'
import type { SecurityProfileDocument } from './document.ts'
import type { DocumentKind } from './kind.ts'
import { JUDGES_NOTHING, readLabelName } from './metadata.ts'

/**
 * A named set of inspections that the allowed traffic of policies goes through. Of the whole cluster: policies of any
 * namespace name it. It judges nothing by itself, so that it has no subject, no rules and no mode.
 */
export const securityProfile: DocumentKind<SecurityProfileDocument> = {
  apiVersion: 'sekisho.dev/v1alpha1',
  kind: 'SecurityProfile',
  read(root) {
    root.fields(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
    const name = readLabelName(root.at('metadata'))
    const spec = root.at('spec')
    const dns = spec.at('dns')
    if (spec.fields(['dns']) && dns.absent) spec.refuse('does nothing; write dns')
    return {
      kind: 'SecurityProfile',
      id: policyId('SecurityProfile', '', name),
      name,
      ...JUDGES_NOTHING,
      dns: dns.absent ? DEFAULT_DNS_PROFILE : readDnsProfile(dns),
    }
  },
  writeMode: source => source,
}
