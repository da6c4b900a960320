import { type Direction, LIMITS, type Transport } from '@sekisho/core'
import type { PortSpec } from '../../documents/document.ts'
import type { Spot } from '../../documents/spot.ts'
import type { OrderedPeer, OrderedRule } from '../ordered/rule.ts'
import { type BlockContext, readCidrSet, readCidrs } from './blocks.ts'
import { type Note, readName, readRules, readServerNames } from './l7.ts'
import { type LabelScope, readEndpoints } from './labels.ts'

export interface CiliumScope extends BlockContext, LabelScope {
  readonly note: Note
}

/** Entities that are the same in Sekisho; `all` is no restriction and `none` no peer. */
const ENTITIES = ['world', 'cluster', 'host', 'kube-apiserver'] as const

type Peers = readonly OrderedPeer[] | 'every'

function readEntities(spot: Spot): Peers {
  const items = spot.list(LIMITS.peersPerRule.value)
  const values = new Set(items.map(({ value }) => value))
  if (values.has('all')) return 'every'
  // A node and all the others: only together have they a name here.
  const isEveryNode = values.has('host') && values.has('remote-node')
  const peers = items.flatMap((item): OrderedPeer[] => {
    if (isEveryNode && (item.value === 'host' || item.value === 'remote-node')) return []
    const entity = ENTITIES.find(one => one === item.value)
    if (entity) return [{ kind: 'written', peer: { entity } }]
    if (item.value !== 'none') item.refuse(`the entity ${String(item.value)} is not one of Sekisho's`)
    return []
  })
  return isEveryNode ? [...peers, { kind: 'written', peer: { hostSelector: {} } }] : peers
}

function readFqdn(item: Spot): OrderedPeer[] {
  const name = readName(item)
  if (name !== undefined) return [{ kind: 'written', peer: { fqdn: name } }]
  item.refuse('every name is more than the peers that have none; write entity world')
  return []
}

const readNames = (spot: Spot): OrderedPeer[] => spot.list(LIMITS.peersPerRule.value).flatMap(readFqdn)

function readSelected(spot: Spot, scope: CiliumScope): OrderedPeer[] {
  const items = spot.list(LIMITS.peersPerRule.value)
  return items.flatMap(item => readEndpoints(item, scope).map(cube => ({ kind: 'pods' as const, cube })))
}

const PEERS = {
  Endpoints: readSelected,
  CIDR: readCidrs,
  CIDRSet: readCidrSet,
  Entities: readEntities,
  FQDNs: readNames,
} as const satisfies Record<string, (spot: Spot, scope: CiliumScope) => Peers>
const PEER_FIELDS = Object.keys(PEERS) as (keyof typeof PEERS)[] // its own keys

/** What one rule may have; `toFQDNs` is for egress, the rest of the unknown ones is named where it stands. */
const KNOWN = ['toPorts', 'icmps', 'authentication']

/** Peers of a rule: of one kind only, as in Cilium. No field of peers at all is `undefined`. */
function readPeers(spot: Spot, side: 'from' | 'to', scope: CiliumScope): Peers | undefined {
  const written = PEER_FIELDS.filter(field => !spot.at(`${side}${field}`).absent)
  const [first, second] = written
  if (second) spot.at(`${side}${second}`).refuse(`beside ${side}${first} is not defined`)
  return first && PEERS[first](spot.at(`${side}${first}`), scope)
}

const ANY = ['TCP', 'UDP', 'SCTP'] as const satisfies readonly Transport[]

/** One entry of `ports`: a number or name in quotes; `0` or nothing is every port; without a protocol it is of any. */
function readPort(spot: Spot): PortSpec[] {
  if (!spot.fields(['port', 'endPort', 'protocol'])) return []
  const named = spot.at('protocol').absent ? 'ANY' : spot.at('protocol').oneOf([...ANY, 'ANY'])
  const protocols = named === 'ANY' ? ANY : ANY.filter(protocol => protocol === named)
  const text = spot.at('port').absent ? '0' : (spot.at('port').text() ?? '')
  if (!/^\d+$/.test(text))
    return protocols.map(protocol => ({ kind: 'named', protocol, name: text.toLowerCase() }))
  const first = Number(text)
  const end = spot.at('endPort')
  const last = end.absent || end.value === 0 ? first : end.integer(1, 65_535)
  if (first === 0) return protocols.map(protocol => ({ kind: 'every', protocol }))
  if (last === undefined || last < first || first > 65_535) {
    spot.refuse('is not a range of ports')
    return []
  }
  return protocols.map(protocol => ({ kind: 'range', protocol, first, last }))
}

const PROXIED = ['terminatingTLS', 'originatingTLS', 'listener']

/** What one entry of toPorts asks. */
type Asked = Pick<OrderedRule, 'ports' | 'l7'>

/** Ports, and the requests on them, one rule each; undefined where none are named. */
function readToPorts(spot: Spot, { note }: CiliumScope): readonly Asked[] | undefined {
  const items = spot.list(LIMITS.portsPerRule.value)
  const asked = items.map((item): Asked => {
    if (!item.fields(['ports', 'rules', 'serverNames', ...PROXIED])) return {}
    for (const key of PROXIED)
      if (!item.at(key).absent) item.at(key).refuse('there is no proxy in the path that could do this')
    const list = item.at('ports').list(LIMITS.portsPerRule.value)
    if (list.length === 0) item.refuse('without ports has no translation')
    const [requests, names] = [readRules(item.at('rules'), note), readServerNames(item.at('serverNames'))]
    if (requests && names)
      item.at('serverNames').refuse('beside rules of what is inside TLS has no translation')
    const l7 = requests ?? names
    return { ports: list.flatMap(readPort), ...(l7 && { l7 }) }
  })
  const plain = asked.filter(({ l7 }) => !l7).flatMap(({ ports = [] }) => ports)
  const whole = plain.length > 0 ? [{ ports: plain }] : []
  return items.length > 0 ? [...whole, ...asked.filter(({ l7 }) => l7)] : undefined
}

const TYPES = { IPv4: 'ICMP', IPv6: 'ICMPv6' } as const

function readIcmp(field: Spot): PortSpec[] {
  field.fields(['type', 'family'])
  const family = field.at('family').absent ? 'IPv4' : field.at('family').oneOf(['IPv4', 'IPv6'])
  const type = field.at('type').integer(0, 255)
  if (family === undefined || type === undefined) return []
  return [{ kind: 'range', protocol: TYPES[family], first: type, last: type }]
}

function readIcmps(spot: Spot): readonly Asked[] | undefined {
  if (spot.absent) return undefined
  const ports = spot.list(LIMITS.portsPerRule.value).flatMap(item => {
    item.fields(['fields'])
    return item.at('fields').list(LIMITS.portsPerRule.value).flatMap(readIcmp)
  })
  return ports.length > 0 ? [{ ports }] : []
}

/** Why some fields have no translation. */
const REASONS: Readonly<Record<string, string>> = {
  toServices: 'Services are what selects pods, not what is spoken to; write toEndpoints with their labels',
  toGroups: 'addresses that a cloud is asked for are not known here',
  toNodes: "nodes by label are not told from the policy's own; write entities host and remote-node",
  fromNodes: "nodes by label are not told from the policy's own; write entities host and remote-node",
}

function refuseFields(spot: Spot, side: 'from' | 'to'): void {
  const peers = PEER_FIELDS.map(field => `${side}${field}`)
  const authentication = spot.at('authentication')
  for (const key of spot.keys)
    if (![...KNOWN, ...peers].includes(key)) spot.at(key).refuse(REASONS[key] ?? 'has no translation')
  if (!authentication.absent && authentication.at('mode').value !== 'disabled')
    authentication.refuse('mutual authentication is not a matter of policy here')
}

/**
 * The rules of one entry, one for each kind of request on some ports; none where it matches nothing: in Cilium, unlike
 * in NetworkPolicy, an empty rule, and an empty list of peers, allow nothing.
 */
export function readRule(
  spot: Spot,
  { direction, action, scope }: { direction: Direction; action: 'Allow' | 'Deny'; scope: CiliumScope },
): readonly OrderedRule[] {
  if (!spot.object()) return []
  const side = direction === 'ingress' ? 'from' : 'to'
  refuseFields(spot, side)
  const peers = readPeers(spot, side, scope)
  const [ports, icmps] = [readToPorts(spot.at('toPorts'), scope), readIcmps(spot.at('icmps'))]
  if (ports && icmps) spot.at('icmps').refuse('beside toPorts is not defined')
  const asked = ports ?? icmps
  if (action === 'Deny' && asked?.some(({ l7 }) => l7))
    spot.at('toPorts').refuse('what is denied is not looked into')
  if ((peers === undefined && asked === undefined) || peers?.length === 0) return []
  return (asked ?? [{}]).map(what => ({ action, ...(Array.isArray(peers) && { peers }), ...what }))
}
