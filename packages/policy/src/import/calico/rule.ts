import { type Direction, hasPorts, LIMITS, type Protocol, parseCidr, type Transport } from '@sekisho/core'
import type { PortSpec } from '../../documents/document.ts'
import type { Spot } from '../../documents/spot.ts'
import type { Draft, Foreign } from '../foreign.ts'
import { mergePortSpecs, type OrderedPeer, type OrderedRule } from '../ordered/rule.ts'
import { type CalicoScope, readOwn, readPeers } from './endpoint.ts'

const PROTOCOLS = new Map<string, Protocol>([
  ['tcp', 'TCP'],
  ['6', 'TCP'],
  ['udp', 'UDP'],
  ['17', 'UDP'],
  ['sctp', 'SCTP'],
  ['132', 'SCTP'],
  ['icmp', 'ICMP'],
  ['1', 'ICMP'],
  ['icmpv6', 'ICMPv6'],
  ['58', 'ICMPv6'],
])

function readProtocol(spot: Spot): Protocol | undefined {
  if (spot.absent) return undefined
  const protocol = PROTOCOLS.get(String(spot.value).toLowerCase())
  if (!protocol) spot.refuse('only TCP, UDP, SCTP, ICMP and ICMPv6 can be told apart')
  return protocol
}

/** A number, `first:last`, or a name. */
function readPort(spot: Spot, protocol: Transport): readonly PortSpec[] {
  const text = String(spot.value)
  const range = /^(?<first>\d{1,5})(?::(?<last>\d{1,5}))?$/.exec(text)?.groups
  if (!range) return [{ kind: 'named', protocol, name: text }]
  const [first, last] = [Number(range.first), Number(range.last ?? range.first)]
  if (last < first || last > 65_535) spot.refuse('is not a range of ports')
  return [{ kind: 'range', protocol, first: Math.max(first, 1), last }]
}

/** Ports of a rule, and those among them that it leaves out. */
type Asked = Pick<OrderedRule, 'ports' | 'unless'>

/** Everything but these: ports are numbers from 1, so the rest is a few ranges. */
function complement(ports: readonly PortSpec[], protocol: Transport): readonly PortSpec[] {
  let next = 1
  const rest: PortSpec[] = []
  for (const port of mergePortSpecs(ports)) {
    if (port.kind !== 'range') continue
    if (port.first > next) rest.push({ kind: 'range', protocol, first: next, last: port.first - 1 })
    next = port.last + 1
  }
  return next <= 65_535 ? [...rest, { kind: 'range', protocol, first: next, last: 65_535 }] : rest
}

function readTransportPorts(destination: Spot, protocol: Transport): Asked {
  const list = (key: string): readonly PortSpec[] =>
    destination
      .at(key)
      .list(LIMITS.portsPerRule.value)
      .flatMap(item => readPort(item, protocol))
  const [ports, not] = [destination.at('ports'), destination.at('notPorts')]
  const unwanted = list('notPorts')
  // A name's number differs from workload to workload: what it is, is left out where the rule is asked.
  const names = unwanted.filter(({ kind }) => kind === 'named')
  const isAsked = !ports.absent && !not.absent
  const unless = isAsked ? unwanted : names
  const isWhole = isAsked || names.length === unwanted.length
  const whole: readonly PortSpec[] = isWhole ? [{ kind: 'every', protocol }] : complement(unwanted, protocol)
  return { ports: ports.absent ? whole : list('ports'), ...(unless.length > 0 && { unless }) }
}

function readIcmp(spot: Spot, protocol: Protocol): readonly PortSpec[] {
  if (spot.absent || !spot.fields(['type', 'code'])) return [{ kind: 'every', protocol }]
  if (!spot.at('code').absent) spot.at('code').refuse('ICMP codes are not told apart')
  if (spot.at('type').absent) return [{ kind: 'every', protocol }]
  const type = spot.at('type').integer(0, 254)
  return type === undefined ? [] : [{ kind: 'range', protocol, first: type, last: type }]
}

/** Every type but one. */
function readNotIcmp(spot: Spot, protocol: Protocol): readonly PortSpec[] {
  const [only] = readIcmp(spot, protocol)
  if (only?.kind !== 'range') {
    spot.refuse('needs a type, for nothing else can be left out')
    return []
  }
  const below = { kind: 'range', protocol, first: 0, last: only.first - 1 } as const
  const above = { kind: 'range', protocol, first: only.last + 1, last: 255 } as const
  return [below, above].filter(({ first, last }) => first <= last)
}

/** Protocol and destination ports of a rule; no ports means every one. */
function readPorts(spot: Spot): Asked {
  const destination = spot.at('destination')
  const protocol = readProtocol(spot.at('protocol'))
  const notProtocol = readProtocol(spot.at('notProtocol'))
  if (protocol !== undefined && notProtocol !== undefined)
    spot.at('notProtocol').refuse('beside protocol is not defined')
  if (protocol !== undefined && hasPorts(protocol)) {
    for (const key of ['icmp', 'notICMP'])
      if (!spot.at(key).absent) spot.at(key).refuse('needs protocol ICMP or ICMPv6')
    return readTransportPorts(destination, protocol)
  }
  for (const key of ['ports', 'notPorts']) {
    if (!destination.at(key).absent) destination.at(key).refuse('needs protocol TCP, UDP or SCTP')
  }
  const [icmp, notIcmp] = [spot.at('icmp'), spot.at('notICMP')]
  if (protocol !== undefined && notIcmp.absent) return { ports: readIcmp(icmp, protocol) }
  if (protocol !== undefined && icmp.absent) return { ports: readNotIcmp(notIcmp, protocol) }
  for (const each of [icmp, notIcmp])
    if (!each.absent) each.refuse('needs protocol ICMP or ICMPv6, and only one of icmp and notICMP')
  return notProtocol === undefined ? {} : { unless: [{ kind: 'every', protocol: notProtocol }] }
}

const ENDPOINT = [
  'nets',
  'notNets',
  'selector',
  'notSelector',
  'namespaceSelector',
  'ports',
  'notPorts',
  'services',
  'serviceAccounts',
]

/** Fields that have no counterpart at all, on either side of a rule. */
function refuseEndpoint(spot: Spot): void {
  if (spot.absent) return
  spot.fields(ENDPOINT)
  if (!spot.at('services').absent)
    spot.at('services').refuse('Services are what selects pods, not what is spoken to; select the pods')
}

const RULE = [
  'action',
  'ipVersion',
  'protocol',
  'notProtocol',
  'icmp',
  'notICMP',
  'source',
  'destination',
  'http',
  'metadata',
]

function refuseFields(spot: Spot): void {
  spot.fields(RULE)
  refuseEndpoint(spot.at('source'))
  refuseEndpoint(spot.at('destination'))
  for (const key of ['ports', 'notPorts'])
    if (!spot.at('source').at(key).absent) spot.at('source').at(key).refuse('source ports are never matched')
}

const FAMILIES = { 4: '0.0.0.0/0', 6: '::/0' } as const

/** A rule of one family is one about its addresses: a block holds workloads too. */
function ofFamily(spot: Spot, peers: readonly OrderedPeer[] | undefined): readonly OrderedPeer[] | undefined {
  if (spot.absent) return peers
  const family = spot.value === 4 || spot.value === 6 ? spot.value : undefined
  const whole = family && parseCidr(FAMILIES[family])
  if (!whole?.ok) {
    spot.refuse('must be 4 or 6')
    return peers
  }
  if (!peers) return [{ kind: 'block', cidr: whole.value, except: [] }]
  if (peers.some(({ kind }) => kind !== 'block')) spot.refuse('beside a selector has no translation')
  return peers.filter(peer => peer.kind === 'block' && peer.cidr.family === family)
}

/** Requests by method and path, which Calico compares without the query too. */
function readHttp(spot: Spot): readonly Draft[] | undefined {
  if (spot.absent || !spot.fields(['methods', 'paths'])) return undefined
  const methods = spot
    .at('methods')
    .list(LIMITS.wordsPerList.value)
    .map(({ value }) => value)
  const asked = methods.length === 0 || methods.includes('*') ? {} : { methods }
  const paths = spot.at('paths').list(LIMITS.requestsPerRule.value)
  if (paths.length === 0) return [{ http: asked }]
  return paths.map(path => {
    path.fields(['exact', 'prefix'])
    return { http: { ...asked, path: path.value } }
  })
}

/** One rule; none for a Log, which only writes a line, and for one that matches nothing. */
export function readRule(
  spot: Spot,
  { direction, scope, foreign }: { direction: Direction; scope: CalicoScope; foreign: Foreign },
): readonly OrderedRule[] {
  if (!spot.object()) return []
  refuseFields(spot)
  const action = spot.at('action').oneOf(['Allow', 'Deny', 'Log', 'Pass'])
  const [source, destination] = [spot.at('source'), spot.at('destination')]
  const [own, other] = direction === 'ingress' ? [destination, source] : [source, destination]
  const about = readOwn(own, scope)
  const peers = ofFamily(spot.at('ipVersion'), readPeers(other, scope))
  const asked = readPorts(spot)
  const l7 = readHttp(spot.at('http'))
  if (action === 'Log') foreign.note(spot.at('action'), 'Log changes no verdict; Sekisho records every flow')
  if (action === undefined || action === 'Log' || peers?.length === 0 || asked.ports?.length === 0) return []
  return [{ action, ...(peers && { peers }), ...asked, ...(l7 && { l7 }), ...(about && { about }) }]
}
