import { type Cidr, canonicalName, type Direction } from '@sekisho/core'
import type { Peer, PodsPeer, PolicyRule, PolicySection, PortSpec } from './document.ts'
import { outsidePattern } from './fqdn.ts'
import { portName } from './names.ts'
import { readRuleName } from './rules.ts'
import { readSelector } from './selector.ts'
import type { Spot } from './spot.ts'

export type AdminPeer = 'namespaces' | 'pods' | 'networks' | 'nodes' | 'domainNames'

/** What differs between the versions of the network policy API for administrators. */
export interface AdminDialect {
  /** The API server drops fields it does not know, so an empty peer is one of a newer API, and fails closed. */
  readonly grows: boolean
  /** MaxItems of rules, peers and ports. */
  readonly most: number
  readonly actions: Readonly<Record<string, PolicyRule['action']>>
  readonly peers: Readonly<Record<Direction, readonly AdminPeer[]>>
  readonly namespaces: (spot: Spot) => PodsPeer
  readonly pods: (spot: Spot) => PodsPeer
  readonly network: (spot: Spot) => Cidr | undefined
  /** Refuses what the parts of a rule must not be together. */
  readonly refuseMixture: (spot: Spot, rule: PolicyRule) => void
  /** The field of a rule that holds its ports, and one item of it. */
  readonly ports: { readonly field: string; readonly read: (item: Spot) => readonly PortSpec[] }
}

/** MaxItems of `networks` and `domainNames` in every version. */
const MOST_ADDRESSES = 25

/** Of fields of which one must be written, as a union of Kubernetes: that one, or undefined after a finding. */
export function only<const T extends string>(spot: Spot, known: readonly T[]): T | undefined {
  if (!spot.fields(known)) return undefined
  const written = known.filter(key => !spot.at(key).absent)
  if (written.length === 1) return written[0]
  spot.refuse(`must have exactly one of ${known.join(', ')}`)
  return undefined
}

export function readSubject(spot: Spot, dialect: AdminDialect): PodsPeer {
  const field = only(spot, ['namespaces', 'pods'])
  return field === 'pods' ? dialect.pods(spot.at('pods')) : dialect.namespaces(spot.at('namespaces'))
}

/** A list of the API that must not be empty. */
function items(spot: Spot, most: number): readonly Spot[] {
  const list = spot.list(most)
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
  namespaces: (spot, { namespaces }) => [namespaces(spot)],
  pods: (spot, { pods }) => [pods(spot)],
  networks: (spot, { network }) =>
    items(spot, MOST_ADDRESSES).flatMap((item): readonly Peer[] => {
      const cidr = network(item)
      return cidr ? [{ kind: 'block', cidr, except: [] }] : []
    }),
  nodes: spot => [{ kind: 'hosts', selector: readSelector(spot) }],
  domainNames: spot => items(spot, MOST_ADDRESSES).flatMap(readDomain),
} as const satisfies Record<AdminPeer, (spot: Spot, dialect: AdminDialect) => readonly Peer[]>

/** A field that is written here and not known is a mistake, whatever the API server would do. */
function readPeers(spot: Spot, direction: Direction, dialect: AdminDialect): readonly Peer[] {
  return items(spot, dialect.most).flatMap((item): readonly Peer[] => {
    if (dialect.grows && item.object() && item.keys.length === 0) return [{ kind: 'unknown' }]
    const field = only(item, dialect.peers[direction])
    return field === undefined ? [] : READ_PEER[field](item.at(field), dialect)
  })
}

/** Peers that are addresses or names of hosts have no named ports. */
export const hasPortNames = ({ kind }: Peer): boolean => kind === 'pods' || kind === 'unknown'

/** Names of hosts stand for what may be reached: one that is pointed elsewhere must not deny that. */
export function refuseDenyingNames(
  spot: Spot,
  { action, peers = [] }: PolicyRule,
  allow: 'Accept' | 'Allow',
): void {
  if (action !== 'Allow' && peers.some(({ kind }) => kind === 'fqdn'))
    spot.at('to').refuse(`domainNames are for ${allow} only`)
}

/** A range of ports, its ends given. */
export function portRange(protocol: 'TCP' | 'UDP' | 'SCTP', start: Spot, end: Spot): readonly PortSpec[] {
  const [first, last] = [start.integer(1, 65_535), end.integer(1, 65_535)]
  if (first === undefined || last === undefined) return []
  return [{ kind: 'range', protocol, first, last }]
}

/** A name is looked for among the ports of every protocol. */
export function namedPort(spot: Spot): readonly PortSpec[] {
  const name = spot.text()
  if (name === undefined) return []
  const wrong = portName(name)
  if (wrong !== undefined) spot.refuse(wrong)
  return (['TCP', 'UDP', 'SCTP'] as const).map(protocol => ({ kind: 'named', protocol, name }))
}

function readRule(spot: Spot, direction: Direction, dialect: AdminDialect): PolicyRule {
  const side = direction === 'ingress' ? 'from' : 'to'
  const { ports, actions, most, refuseMixture } = dialect
  if (!spot.fields(['name', 'action', side, ports.field])) return { action: 'Deny' }
  const name = readRuleName(spot.at('name'))
  const listed = spot.at(ports.field)
  const specs = listed.absent ? [] : items(listed, most).flatMap(ports.read)
  const rule: PolicyRule = {
    ...(name !== undefined && { name }),
    action: actions[spot.at('action').oneOf(Object.keys(actions)) ?? ''] ?? 'Deny',
    peers: readPeers(spot.at(side), direction, dialect),
    ...(specs.length > 0 && { ports: specs }),
  }
  refuseMixture(spot, rule)
  return rule
}

/** A direction without rules is not touched; nothing isolates. */
export function readSections(
  spec: Spot,
  dialect: AdminDialect,
): Readonly<Partial<Record<Direction, PolicySection>>> {
  const read = (direction: Direction) =>
    spec
      .at(direction)
      .list(dialect.most)
      .map(rule => readRule(rule, direction, dialect))
  const [ingress, egress] = [read('ingress'), read('egress')]
  return {
    ...(ingress.length > 0 && { ingress: { isolates: false, rules: ingress } }),
    ...(egress.length > 0 && { egress: { isolates: false, rules: egress } }),
  }
}
