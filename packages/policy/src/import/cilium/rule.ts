import { type Direction, LIMITS, type Transport } from '@sekisho/core'
import type { PortSpec } from '../../documents/document.ts'
import type { Spot } from '../../documents/spot.ts'
import type { OrderedPeer, OrderedRule } from '../ordered/rule.ts'
import { type BlockContext, readCidrSet, readCidrs } from './blocks.ts'
import { readEndpoints } from './labels.ts'

export interface CiliumScope extends BlockContext {
  /** Empty for a CiliumClusterwideNetworkPolicy. */
  readonly namespace: string
}

/** Entities that are the same in Sekisho; `all` is no restriction and `none` no peer. */
const ENTITIES = ['world', 'cluster', 'host', 'kube-apiserver'] as const

type Peers = readonly OrderedPeer[] | 'every'

function readEntities(spot: Spot): Peers {
  const items = spot.list(LIMITS.peersPerRule.value)
  if (items.some(({ value }) => value === 'all')) return 'every'
  return items.flatMap((item): OrderedPeer[] => {
    const entity = ENTITIES.find(one => one === item.value)
    if (entity) return [{ kind: 'written', peer: { entity } }]
    if (item.value !== 'none') item.refuse(`the entity ${String(item.value)} is not one of Sekisho's`)
    return []
  })
}

/**
 * Sekisho's `*.` is one or more labels, which is Cilium's `**.`; its `*` is within one label, so that it has no
 * translation: allowing more names than were meant would open what was closed.
 */
function readName(item: Spot): OrderedPeer[] {
  item.fields(['matchName', 'matchPattern'])
  const [name, pattern] = [item.at('matchName'), item.at('matchPattern')]
  if (pattern.absent) return [{ kind: 'written', peer: { fqdn: (name.text() ?? '').replace(/\.$/, '') } }]
  const text = (pattern.text() ?? '').replace(/\.$/, '')
  const rest = text.startsWith('**.') ? text.slice(3) : text
  if (rest.includes('*'))
    pattern.refuse('"*" stands for part of one label; only "**." at the start has a translation')
  return [{ kind: 'written', peer: { fqdn: rest === text ? text : `*.${rest}` } }]
}

const readNames = (spot: Spot): OrderedPeer[] => spot.list(LIMITS.peersPerRule.value).flatMap(readName)

function readSelected(spot: Spot, { namespace }: CiliumScope): OrderedPeer[] {
  const items = spot.list(LIMITS.peersPerRule.value)
  return items.flatMap(item => readEndpoints(item, namespace).map(cube => ({ kind: 'pods' as const, cube })))
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

const INSPECTION = ['rules', 'serverNames', 'terminatingTLS', 'originatingTLS', 'listener']

/** Ports; undefined where none are named. What looks into the connection is named and refused. */
function readToPorts(spot: Spot): readonly PortSpec[] | undefined {
  const items = spot.list(LIMITS.portsPerRule.value)
  const specs = items.flatMap(item => {
    if (!item.fields(['ports', ...INSPECTION])) return []
    for (const key of INSPECTION)
      if (!item.at(key).absent)
        item.at(key).refuse('has no exact translation: without it the rule would allow more')
    const ports = item.at('ports').list(LIMITS.portsPerRule.value)
    if (ports.length === 0) item.refuse('without ports has no translation')
    return ports.flatMap(readPort)
  })
  return items.length > 0 ? specs : undefined
}

const TYPES = { IPv4: 'ICMP', IPv6: 'ICMPv6' } as const

function readIcmps(spot: Spot): readonly PortSpec[] | undefined {
  if (spot.absent) return undefined
  return spot.list(LIMITS.portsPerRule.value).flatMap(item => {
    item.fields(['fields'])
    return item
      .at('fields')
      .list(LIMITS.portsPerRule.value)
      .flatMap((field): PortSpec[] => {
        field.fields(['type', 'family'])
        const family = field.at('family').absent ? 'IPv4' : field.at('family').oneOf(['IPv4', 'IPv6'])
        const type = field.at('type').integer(0, 255)
        if (family === undefined || type === undefined) return []
        return [{ kind: 'range', protocol: TYPES[family], first: type, last: type }]
      })
  })
}

function refuseFields(spot: Spot, side: 'from' | 'to'): void {
  const peers = PEER_FIELDS.map(field => `${side}${field}`)
  const authentication = spot.at('authentication')
  for (const key of spot.keys)
    if (![...KNOWN, ...peers].includes(key)) spot.at(key).refuse('has no translation')
  if (!authentication.absent && authentication.at('mode').value !== 'disabled')
    authentication.refuse('mutual authentication is not a matter of policy here')
}

/**
 * One rule; none where it matches nothing: in Cilium, unlike in NetworkPolicy, an empty rule, and an empty list of
 * peers, allow nothing.
 */
export function readRule(
  spot: Spot,
  { direction, action, scope }: { direction: Direction; action: 'Allow' | 'Deny'; scope: CiliumScope },
): readonly OrderedRule[] {
  if (!spot.object()) return []
  const side = direction === 'ingress' ? 'from' : 'to'
  refuseFields(spot, side)
  const peers = readPeers(spot, side, scope)
  const [ports, icmps] = [readToPorts(spot.at('toPorts')), readIcmps(spot.at('icmps'))]
  if (ports && icmps) spot.at('icmps').refuse('beside toPorts is not defined')
  const asked = ports ?? icmps
  if ((peers === undefined && asked === undefined) || peers?.length === 0 || asked?.length === 0) return []
  return [{ action, ...(Array.isArray(peers) && { peers }), ...(asked && { ports: asked }) }]
}
