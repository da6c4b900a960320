import { policyId } from '@sekisho/core'
import {
  type AdminDialect,
  hasPortNames,
  namedPort,
  only,
  portRange,
  readSections,
  readSubject,
  refuseDenyingNames,
} from './admin-rule.ts'
import {
  type ClusterNetworkPolicy,
  type PodsPeer,
  type PolicyRule,
  type PortSpec,
  TIERS,
} from './document.ts'
import type { DocumentKind } from './kind.ts'
import { annotateMode, MODE_ANNOTATION, readMetadata, readMode, UNINSPECTED } from './metadata.ts'
import { readCidr } from './rules.ts'
import { readSelector } from './selector.ts'
import type { Spot } from './spot.ts'

/** `pods` needs its podSelector; both selectors select everything where they are empty. */
function readPods(spot: Spot): PodsPeer {
  spot.fields(['namespaceSelector', 'podSelector'])
  if (spot.at('podSelector').absent) spot.at('podSelector').refuse('is required')
  const namespaceSelector = readSelector(spot.at('namespaceSelector'))
  return { kind: 'pods', namespaceSelector, podSelector: readSelector(spot.at('podSelector')) }
}

function readNumbers(spot: Spot, protocol: 'TCP' | 'UDP' | 'SCTP'): readonly PortSpec[] {
  if (!spot.fields(['destinationPort'])) return []
  const port = spot.at('destinationPort')
  const field = only(port, ['number', 'range'])
  if (field === undefined) return []
  if (field === 'number') return portRange(protocol, port.at('number'), port.at('number'))
  const range = port.at('range')
  range.fields(['start', 'end'])
  const specs = portRange(protocol, range.at('start'), range.at('end'))
  if (specs.some(each => each.kind === 'range' && each.first >= each.last))
    range.refuse('start must be less than end')
  return specs
}

const READ_PROTOCOL = {
  tcp: spot => readNumbers(spot, 'TCP'),
  udp: spot => readNumbers(spot, 'UDP'),
  sctp: spot => readNumbers(spot, 'SCTP'),
  destinationNamedPort: namedPort,
} as const satisfies Record<string, (spot: Spot) => readonly PortSpec[]>

/** The validations of the API. */
function refuseMixture(spot: Spot, rule: PolicyRule): void {
  const { peers = [], ports = [] } = rule
  if (!peers.every(hasPortNames) && ports.some(({ kind }) => kind === 'named'))
    spot.at('protocols').refuse('networks, nodes and domainNames have no named ports')
  refuseDenyingNames(spot, rule, 'Accept')
}

const DIALECT: AdminDialect = {
  grows: true,
  most: 25,
  actions: { Accept: 'Allow', Deny: 'Deny', Pass: 'Pass' },
  peers: {
    ingress: ['namespaces', 'pods'],
    egress: ['namespaces', 'pods', 'networks', 'nodes', 'domainNames'],
  },
  namespaces: spot => ({ kind: 'pods', namespaceSelector: readSelector(spot), podSelector: {} }),
  pods: readPods,
  network: readCidr,
  refuseMixture,
  ports: {
    field: 'protocols',
    read(item) {
      const field = only(item, ['tcp', 'udp', 'sctp', 'destinationNamedPort'])
      return field === undefined ? [] : READ_PROTOCOL[field](item.at(field))
    },
  },
}

/** `policy.networking.k8s.io/v1alpha2` ClusterNetworkPolicy, both channels of its CRD. Enforces unless annotated. */
export const clusterNetworkPolicy: DocumentKind<ClusterNetworkPolicy> = {
  apiVersion: 'policy.networking.k8s.io/v1alpha2',
  kind: 'ClusterNetworkPolicy',
  read(root) {
    root.fields(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
    const { name, annotations } = readMetadata(root.at('metadata'), 'cluster')
    const spec = root.at('spec')
    spec.fields(['tier', 'priority', 'subject', 'ingress', 'egress'])
    return {
      kind: 'ClusterNetworkPolicy',
      id: policyId('ClusterNetworkPolicy', '', name),
      namespace: '',
      name,
      mode: readMode(annotations.at(MODE_ANNOTATION), 'Enforce'),
      tier: spec.at('tier').oneOf(TIERS) ?? 'Admin',
      priority: spec.at('priority').integer(0, 1000) ?? 0,
      subject: readSubject(spec.at('subject'), DIALECT),
      sections: readSections(spec, DIALECT),
      ...UNINSPECTED,
    }
  },
  writeMode: annotateMode,
}
