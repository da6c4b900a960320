import { type Direction, LIMITS, type Mode, type PolicyDocumentJson, policyId } from '@sekisho/core'
import {
  type ClusterSecurityPolicy,
  ON_DENY,
  ON_FAILURE,
  type PolicySection,
  type SecurityPolicy,
} from './document.ts'
import type { DocumentKind } from './kind.ts'
import { readMetadata, readMode } from './metadata.ts'
import { dnsLabel } from './names.ts'
import { readSubject } from './own-peer.ts'
import { readOwnRule } from './own-rule.ts'
import type { Spot } from './spot.ts'

const API_VERSION = 'sekisho.dev/v1alpha1'

/** A section isolates as in NetworkPolicy, unless it says only what is denied: then all else is left as it was. */
function readSection(spot: Spot, direction: Direction): PolicySection {
  const rules = spot.list(LIMITS.rulesPerPolicy.value).map(rule => readOwnRule(rule, direction))
  return { isolates: rules.length === 0 || rules.some(rule => rule.action === 'Allow'), rules }
}

/**
 * Directions the policy is about: policyTypes, else the sections that are written. One that is about
 * neither is refused, and so is a null section: whether it should isolate or not cannot be told.
 */
function readTypes(spec: Spot): ReadonlySet<Direction> {
  const types = spec.at('policyTypes').list(2)
  const written = types.map(type => type.oneOf(['Ingress', 'Egress']))
  if (written.length > 0) {
    return new Set(written.flatMap(type => (type ? [type === 'Ingress' ? 'ingress' : 'egress'] : [])))
  }
  const sections = (['ingress', 'egress'] as const).filter(
    direction => spec.at(direction).value !== undefined,
  )
  if (sections.length === 0) spec.refuse('does nothing; write ingress, egress or policyTypes')
  return new Set(sections)
}

function readSections(spec: Spot): SecurityPolicy['sections'] {
  const types = readTypes(spec)
  const read = (direction: Direction): PolicySection => {
    const spot = spec.at(direction)
    if (spot.value === null) spot.refuse('is empty; write [] to isolate, or leave it out')
    return readSection(spot, direction)
  }
  const [ingress, egress] = [read('ingress'), read('egress')]
  return { ...(types.has('ingress') && { ingress }), ...(types.has('egress') && { egress }) }
}

/** Names of inspections; each may be said once. */
function readProfiles(spot: Spot): readonly string[] {
  const names = spot.list(LIMITS.profilesPerPolicy.value).map(item => {
    const name = item.text()
    const wrong = name === undefined ? undefined : dnsLabel(name)
    if (wrong !== undefined) item.refuse(wrong)
    return name ?? ''
  })
  if (new Set(names).size < names.length) spot.refuse('names a profile twice')
  return names
}

function read<K extends 'SecurityPolicy' | 'ClusterSecurityPolicy'>(root: Spot, kind: K) {
  const scope = kind === 'ClusterSecurityPolicy' ? 'cluster' : 'namespaced'
  root.fields(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
  const { name, namespace } = readMetadata(root.at('metadata'), scope)
  const spec = root.at('spec')
  spec.fields(['mode', 'subject', 'policyTypes', 'ingress', 'egress', 'profiles', 'onFailure', 'onDeny'])
  return {
    kind,
    id: policyId(kind, namespace, name),
    namespace,
    name,
    // Audit unless it is written otherwise, so that nothing bites by accident.
    mode: readMode(spec.at('mode'), 'Audit'),
    subject: readSubject(spec.at('subject'), scope),
    sections: readSections(spec),
    profiles: readProfiles(spec.at('profiles')),
    // A conversation that should be inspected and cannot be is stopped, unless it is written otherwise.
    onFailure: spec.at('onFailure').absent ? 'closed' : (spec.at('onFailure').oneOf(ON_FAILURE) ?? 'closed'),
    onDeny: spec.at('onDeny').absent ? 'drop' : (spec.at('onDeny').oneOf(ON_DENY) ?? 'drop'),
  }
}

const writeMode = (source: PolicyDocumentJson, mode: Mode): PolicyDocumentJson => ({
  ...source,
  spec: { ...(source.spec as Readonly<Record<string, unknown>>), mode },
})

/** Sekisho's own namespaced policy: modes, Deny rules, applications and requests, names, exceptions with an end. */
export const securityPolicy: DocumentKind<SecurityPolicy> = {
  apiVersion: API_VERSION,
  kind: 'SecurityPolicy',
  read: root => read(root, 'SecurityPolicy'),
  writeMode,
}

/** The same for workloads of many namespaces; a peer without namespaceSelector is of any namespace. */
export const clusterSecurityPolicy: DocumentKind<ClusterSecurityPolicy> = {
  apiVersion: API_VERSION,
  kind: 'ClusterSecurityPolicy',
  read: root => read(root, 'ClusterSecurityPolicy'),
  writeMode,
}
