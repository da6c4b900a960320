import { type Direction, LIMITS, policyId } from '@sekisho/core'
import type { NetworkPolicy, PolicySection } from './document.ts'
import type { DocumentKind } from './kind.ts'
import { annotateMode, MODE_ANNOTATION, readMetadata, readMode, UNINSPECTED } from './metadata.ts'
import { type RuleDialect, readPeer, readRule } from './rules.ts'
import { readSelector } from './selector.ts'
import type { Spot } from './spot.ts'

const DIALECT: RuleDialect = {
  protocols: ['TCP', 'UDP', 'SCTP'],
  actions: ['Allow'],
  fields: [],
  peer: readPeer,
}

/** A section isolates whether its list of rules is empty, null or missing; `[{}]` allows everything. */
function readSection(spot: Spot, direction: Direction): PolicySection {
  const rules = spot.list(LIMITS.rulesPerPolicy.value).map(rule => readRule(rule, direction, DIALECT))
  return { isolates: true, rules }
}

/**
 * Without policyTypes: Ingress always, and Egress where there are egress rules
 * (Kubernetes: SetDefaults_NetworkPolicy, which counts the rules: `egress: []` alone isolates nothing).
 */
function readTypes(spec: Spot): ReadonlySet<Direction> {
  const types = spec.at('policyTypes').list(2)
  if (types.length > 0) {
    const written = types.map(type => type.oneOf(['Ingress', 'Egress']))
    return new Set(written.flatMap(type => (type ? [type === 'Ingress' ? 'ingress' : 'egress'] : [])))
  }
  return new Set(
    spec.at('egress').list(LIMITS.rulesPerPolicy.value).length > 0 ? ['ingress', 'egress'] : ['ingress'],
  )
}

/** Rules of a direction that policyTypes leaves out are checked, and ignored. */
function readSections(spec: Spot): NetworkPolicy['sections'] {
  const types = readTypes(spec)
  const ingress = readSection(spec.at('ingress'), 'ingress')
  const egress = readSection(spec.at('egress'), 'egress')
  return { ...(types.has('ingress') && { ingress }), ...(types.has('egress') && { egress }) }
}

/** `networking.k8s.io/v1` NetworkPolicy: types.go and network-policies.md of Kubernetes. Enforces unless annotated. */
export const networkPolicy: DocumentKind<NetworkPolicy> = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  read(root) {
    root.fields(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
    const { name, namespace, annotations } = readMetadata(root.at('metadata'), 'namespaced')
    const spec = root.at('spec')
    spec.fields(['podSelector', 'policyTypes', 'ingress', 'egress'])
    return {
      kind: 'NetworkPolicy',
      id: policyId('NetworkPolicy', namespace, name),
      namespace,
      name,
      mode: readMode(annotations.at(MODE_ANNOTATION), 'Enforce'),
      subject: { kind: 'pods', podSelector: readSelector(spec.at('podSelector')) },
      sections: readSections(spec),
      ...UNINSPECTED,
    }
  },
  writeMode: annotateMode,
}
