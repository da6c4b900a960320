import {
  type AdminDialect,
  hasPortNames,
  namedPort,
  only,
  portRange,
  readSections,
  readSubject,
  refuseDenyingNames,
} from '../../documents/admin-rule.ts'
import type { PodsPeer, PolicyBase, PolicyRule, PortSpec } from '../../documents/document.ts'
import { readSelector } from '../../documents/selector.ts'
import type { Spot } from '../../documents/spot.ts'
import { readNet } from '../calico/endpoint.ts'

/** What the first versions of v1alpha1 had beside a namespaceSelector. */
const RELATIVE = ['sameLabels', 'notSameLabels', 'notSelf', 'related']

/** A LabelSelector, or, as the first versions of v1alpha1 wrote it, an object around one. */
function readNamespaces(spot: Spot): PodsPeer {
  const relative = RELATIVE.filter(key => !spot.at(key).absent)
  for (const key of relative)
    spot.at(key).refuse("compares a peer's namespace with the subject's, which no ClusterNetworkPolicy can")
  const inner = spot.at('namespaceSelector')
  const selector = inner.absent ? spot : inner
  if (!inner.absent) spot.fields(['namespaceSelector'])
  const namespaceSelector = relative.length > 0 ? {} : readSelector(selector)
  return { kind: 'pods', namespaceSelector, podSelector: {} }
}

/** A selector that is missing is empty: clients of the API write none where it selects everything. */
function readPods(spot: Spot): PodsPeer {
  spot.fields(['namespaceSelector', 'namespaces', 'podSelector'])
  const { namespaceSelector } = spot.at('namespaces').absent
    ? { namespaceSelector: readSelector(spot.at('namespaceSelector')) }
    : readNamespaces(spot.at('namespaces'))
  return {
    kind: 'pods',
    ...(namespaceSelector && { namespaceSelector }),
    podSelector: readSelector(spot.at('podSelector')),
  }
}

const TRANSPORTS = ['TCP', 'UDP', 'SCTP'] as const

function readNumbers(spot: Spot, start: 'port' | 'start', end: 'port' | 'end'): readonly PortSpec[] {
  if (!spot.fields(['protocol', start, end])) return []
  const protocol = spot.at('protocol').absent ? 'TCP' : spot.at('protocol').oneOf(TRANSPORTS)
  if (protocol === undefined) return []
  const specs = portRange(protocol, spot.at(start), spot.at(end))
  if (specs.some(spec => spec.kind === 'range' && spec.first > spec.last))
    spot.refuse('start must not be above end')
  return specs
}

const READ_PORT = {
  portNumber: spot => readNumbers(spot, 'port', 'port'),
  portRange: spot => readNumbers(spot, 'start', 'end'),
  namedPort,
} as const satisfies Record<string, (spot: Spot) => readonly PortSpec[]>

/** Newer validations refuse a named port beside an address; older ones took it, and it matched nothing there. */
function refuseMixture(spot: Spot, rule: PolicyRule): void {
  const { peers = [], ports = [] } = rule
  const nameless = peers.length > 0 && !peers.some(hasPortNames)
  if (nameless && ports.length > 0 && ports.every(({ kind }) => kind === 'named'))
    spot.at('ports').refuse('networks, nodes and domainNames have no named ports: the rule matches nothing')
  refuseDenyingNames(spot, rule, 'Allow')
}

/** Of AdminNetworkPolicy. */
const ADMIN: AdminDialect = {
  grows: false,
  most: 100,
  actions: { Allow: 'Allow', Deny: 'Deny', Pass: 'Pass' },
  peers: {
    ingress: ['namespaces', 'pods'],
    egress: ['namespaces', 'pods', 'networks', 'nodes', 'domainNames'],
  },
  namespaces: readNamespaces,
  pods: readPods,
  // The API takes bits after the prefix, and implementations leave them out.
  network: spot => readNet(spot)[0],
  refuseMixture,
  ports: {
    field: 'ports',
    read(item) {
      const field = only(item, ['portNumber', 'portRange', 'namedPort'])
      return field === undefined ? [] : READ_PORT[field](item.at(field))
    },
  },
}

/** Of BaselineAdminNetworkPolicy: behind it nothing is asked that a Pass could go to. */
const BASELINE: AdminDialect = {
  ...ADMIN,
  actions: { Allow: 'Allow', Deny: 'Deny' },
  peers: { ...ADMIN.peers, egress: ['namespaces', 'pods', 'networks', 'nodes'] },
}

export interface AdminSpec extends Pick<PolicyBase, 'sections'> {
  readonly subject: PodsPeer
}

export function readSpec(spec: Spot, kind: 'AdminNetworkPolicy' | 'BaselineAdminNetworkPolicy'): AdminSpec {
  const dialect = kind === 'AdminNetworkPolicy' ? ADMIN : BASELINE
  spec.fields(['subject', 'ingress', 'egress', ...(dialect === ADMIN ? ['priority'] : [])])
  return { subject: readSubject(spec.at('subject'), dialect), sections: readSections(spec, dialect) }
}
