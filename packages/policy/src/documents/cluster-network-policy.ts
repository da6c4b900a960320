import { type Direction, policyId } from '@sekisho/core'
import {
  type ClusterNetworkPolicy,
  type Peer,
  type PodsPeer,
  type PolicyRule,
  type PortSpec,
  TIERS,
} from './document.ts'
import { canonicalName, outsidePattern } from './fqdn.ts'
import type { DocumentKind } from './kind.ts'
import { annotateMode, MODE_ANNOTATION, readMetadata, readMode, UNINSPECTED } from './metadata.ts'
import { portName } from './names.ts'
import { readCidr, readRuleName } from './rules.ts'
import { readSelector } from './selector.ts'
import type { Spot } from './spot.ts'

/** MaxItems of every list of the API (v1alpha2). */
const MOST = 25

const PEERS = {
  ingress: ['namespaces', 'pods'],
  egress: ['namespaces', 'pods', 'networks', 'nodes', 'domainNames'],
} as const satisfies Record<Direction, readonly string[]>

/** Of fields of which one must be written, as a union of Kubernetes: that one, or undefined after a finding. */
function only<const T extends string>(spot: Spot, known: readonly T[]): T | undefined {
  if (!spot.fields(known)) return undefined
  const written = known.filter(key => !spot.at(key).absent)
  if (written.length === 1) return written[0]
  spot.refuse(`must have exactly one of ${known.join(', ')}`)
  return undefined
}

/** `pods` needs its podSelector; both selectors select everything where they are empty. */
function readPods(spot: Spot): PodsPeer {
  spot.fields(['namespaceSelector', 'podSelector'])
  if (spot.at('podSelector').absent) spot.at('podSelector').refuse('is required')
  const namespaceSelector = readSelector(spot.at('namespaceSelector'))
  return { kind: 'pods', namespaceSelector, podSelector: readSelector(spot.at('podSelector')) }
}

const readNamespaces = (spot: Spot): PodsPeer => ({
  kind: 'pods',
  namespaceSelector: readSelector(spot),
  podSelector: {},
})

function readSubject(spot: Spot): PodsPeer {
  const field = only(spot, ['namespaces', 'pods'])
  return field === 'pods' ? readPods(spot.at('pods')) : readNamespaces(spot.at('namespaces'))
}

/** A list of the API that must not be empty. */
function items(spot: Spot): readonly Spot[] {
  const list = spot.list(MOST)
  if (list.length === 0 && (spot.absent || Array.isArray(spot.value))) spot.refuse('needs at least one item')
  return list
}

function readDomain(spot: Spot): readonly Peer[] {
  const text = spot.text()
  if (text === undefined) return []
  const pattern = canonicalName(text)
  const wrong = outsidePattern(pattern)
  if (wrong !== undefined) spot.refuse(wrong)
  return [{ kind: 'fqdn', pattern }]
}

const READ_PEER = {
  namespaces: spot => [readNamespaces(spot)],
  pods: spot => [readPods(spot)],
  networks: spot =>
    items(spot).flatMap((item): readonly Peer[] => {
      const cidr = readCidr(item)
      return cidr ? [{ kind: 'block', cidr, except: [] }] : []
    }),
  nodes: spot => [{ kind: 'hosts', selector: readSelector(spot) }],
  domainNames: spot => items(spot).flatMap(readDomain),
} as const satisfies Record<(typeof PEERS)['egress'][number], (spot: Spot) => readonly Peer[]>

/**
 * The API server drops fields it does not know, so an empty peer is one of a newer API: it fails closed. A field that
 * is written here and not known is a mistake.
 */
function readPeers(spot: Spot, direction: Direction): readonly Peer[] {
  return items(spot).flatMap((item): readonly Peer[] => {
    if (item.object() && item.keys.length === 0) return [{ kind: 'unknown' }]
    const field = only(item, PEERS[direction])
    return field === undefined ? [] : READ_PEER[field](item.at(field))
  })
}

function readNumbers(spot: Spot, protocol: 'TCP' | 'UDP' | 'SCTP'): readonly PortSpec[] {
  if (!spot.fields(['destinationPort'])) return []
  const port = spot.at('destinationPort')
  const field = only(port, ['number', 'range'])
  if (field === undefined) return []
  const range = port.at('range')
  if (field === 'range') range.fields(['start', 'end'])
  const first =
    field === 'range' ? range.at('start').integer(1, 65_535) : port.at('number').integer(1, 65_535)
  const last = field === 'range' ? range.at('end').integer(1, 65_535) : first
  if (first === undefined || last === undefined) return []
  if (field === 'range' && first >= last) range.refuse('start must be less than end')
  return [{ kind: 'range', protocol, first, last }]
}

/** A name is looked for among the ports of every protocol. */
function readName(spot: Spot): readonly PortSpec[] {
  const name = spot.text()
  if (name === undefined) return []
  const wrong = portName(name)
  if (wrong !== undefined) spot.refuse(wrong)
  return (['TCP', 'UDP', 'SCTP'] as const).map(protocol => ({ kind: 'named', protocol, name }))
}

const READ_PROTOCOL = {
  tcp: spot => readNumbers(spot, 'TCP'),
  udp: spot => readNumbers(spot, 'UDP'),
  sctp: spot => readNumbers(spot, 'SCTP'),
  destinationNamedPort: readName,
} as const satisfies Record<string, (spot: Spot) => readonly PortSpec[]>

function readProtocols(spot: Spot): readonly PortSpec[] {
  if (spot.absent) return []
  return items(spot).flatMap(item => {
    const field = only(item, ['tcp', 'udp', 'sctp', 'destinationNamedPort'])
    return field === undefined ? [] : READ_PROTOCOL[field](item.at(field))
  })
}

const ACTIONS = { Accept: 'Allow', Deny: 'Deny', Pass: 'Pass' } as const

/** The validations of the API: addresses have no named ports, and names of hosts are for Accept only. */
function refuseMixtures(spot: Spot, { action, peers = [], ports = [] }: PolicyRule): void {
  const unnamed = peers.some(({ kind }) => kind === 'block' || kind === 'hosts' || kind === 'fqdn')
  if (unnamed && ports.some(({ kind }) => kind === 'named'))
    spot.at('protocols').refuse('networks, nodes and domainNames have no named ports')
  if (action !== 'Allow' && peers.some(({ kind }) => kind === 'fqdn'))
    spot.at('to').refuse('domainNames are for Accept only')
}

function readRule(spot: Spot, direction: Direction): PolicyRule {
  const side = direction === 'ingress' ? 'from' : 'to'
  if (!spot.fields(['name', 'action', side, 'protocols'])) return { action: 'Deny' }
  const name = readRuleName(spot.at('name'))
  const ports = readProtocols(spot.at('protocols'))
  const rule: PolicyRule = {
    ...(name !== undefined && { name }),
    action: ACTIONS[spot.at('action').oneOf(['Accept', 'Deny', 'Pass']) ?? 'Deny'],
    peers: readPeers(spot.at(side), direction),
    ...(ports.length > 0 && { ports }),
  }
  refuseMixtures(spot, rule)
  return rule
}

/** A direction without rules is not touched; nothing isolates. */
function readSections(spec: Spot): ClusterNetworkPolicy['sections'] {
  const read = (direction: Direction) =>
    spec
      .at(direction)
      .list(MOST)
      .map(rule => readRule(rule, direction))
  const [ingress, egress] = [read('ingress'), read('egress')]
  return {
    ...(ingress.length > 0 && { ingress: { isolates: false, rules: ingress } }),
    ...(egress.length > 0 && { egress: { isolates: false, rules: egress } }),
  }
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
      subject: readSubject(spec.at('subject')),
      sections: readSections(spec),
      ...UNINSPECTED,
    }
  },
  writeMode: annotateMode,
}
