import { type Direction, hasPorts, LIMITS, type Protocol, type Transport } from '@sekisho/core'
import type { PortSpec } from '../../documents/document.ts'
import type { Spot } from '../../documents/spot.ts'
import type { Foreign } from '../foreign.ts'
import { mergePortSpecs, type OrderedRule } from '../ordered/rule.ts'
import { type CalicoScope, readPeers } from './endpoint.ts'

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

/** Everything but these: ports are numbers from 1, so the rest is a few ranges. */
function complement(spot: Spot, ports: readonly PortSpec[], protocol: Transport): readonly PortSpec[] {
  let next = 1
  const rest: PortSpec[] = []
  for (const port of mergePortSpecs(ports)) {
    if (port.kind !== 'range') {
      spot.refuse('without a named port cannot be said: its number differs from workload to workload')
      return []
    }
    if (port.first > next) rest.push({ kind: 'range', protocol, first: next, last: port.first - 1 })
    next = port.last + 1
  }
  return next <= 65_535 ? [...rest, { kind: 'range', protocol, first: next, last: 65_535 }] : rest
}

function readTransportPorts(destination: Spot, protocol: Transport): readonly PortSpec[] {
  const list = (key: string): readonly PortSpec[] =>
    destination
      .at(key)
      .list(LIMITS.portsPerRule.value)
      .flatMap(item => readPort(item, protocol))
  const [ports, not] = [destination.at('ports'), destination.at('notPorts')]
  if (!ports.absent && !not.absent) not.refuse('beside ports has no translation')
  if (!ports.absent) return list('ports')
  return not.absent ? [{ kind: 'every', protocol }] : complement(not, list('notPorts'), protocol)
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

/** Protocol and destination ports of a rule; undefined means every one. */
function readPorts(spot: Spot): readonly PortSpec[] | undefined {
  const destination = spot.at('destination')
  const protocol = readProtocol(spot.at('protocol'))
  if (protocol !== undefined && hasPorts(protocol)) {
    for (const key of ['icmp', 'notICMP'])
      if (!spot.at(key).absent) spot.at(key).refuse('needs protocol ICMP or ICMPv6')
    return readTransportPorts(destination, protocol)
  }
  for (const key of ['ports', 'notPorts']) {
    if (!destination.at(key).absent) destination.at(key).refuse('needs protocol TCP, UDP or SCTP')
  }
  const [icmp, notIcmp] = [spot.at('icmp'), spot.at('notICMP')]
  if (protocol !== undefined && notIcmp.absent) return readIcmp(icmp, protocol)
  if (protocol !== undefined && icmp.absent) return readNotIcmp(notIcmp, protocol)
  for (const each of [icmp, notIcmp])
    if (!each.absent) each.refuse('needs protocol ICMP or ICMPv6, and only one of icmp and notICMP')
  return undefined
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
function refuseEndpoint(spot: Spot, peer: boolean): void {
  if (spot.absent) return
  spot.fields(ENDPOINT)
  for (const key of ['services', 'serviceAccounts']) {
    if (!spot.at(key).absent) spot.at(key).refuse('peers by service or service account have no translation')
  }
  if (peer) return
  for (const key of ['nets', 'notNets', 'selector', 'notSelector', 'namespaceSelector'])
    if (!spot.at(key).absent)
      spot.at(key).refuse('a rule about some of the selected workloads has no translation')
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

function refuseFields(spot: Spot, direction: Direction): void {
  spot.fields(RULE)
  refuseEndpoint(spot.at('source'), direction === 'ingress')
  refuseEndpoint(spot.at('destination'), direction === 'egress')
  for (const key of ['ports', 'notPorts'])
    if (!spot.at('source').at(key).absent) spot.at('source').at(key).refuse('source ports are never matched')
  for (const key of ['ipVersion', 'notProtocol', 'http'])
    if (!spot.at(key).absent) spot.at(key).refuse('has no translation')
}

/** One rule; none for a Log, which only writes a line, and for one that matches nothing. */
export function readRule(
  spot: Spot,
  { direction, scope, foreign }: { direction: Direction; scope: CalicoScope; foreign: Foreign },
): readonly OrderedRule[] {
  if (!spot.object()) return []
  refuseFields(spot, direction)
  const action = spot.at('action').oneOf(['Allow', 'Deny', 'Log', 'Pass'])
  const peers = readPeers(spot.at(direction === 'ingress' ? 'source' : 'destination'), scope)
  const ports = readPorts(spot)
  if (action === 'Log') foreign.note(spot.at('action'), 'Log changes no verdict; Sekisho records every flow')
  if (action === undefined || action === 'Log' || peers?.length === 0 || ports?.length === 0) return []
  return [{ action, ...(peers && { peers }), ...(ports && { ports }) }]
}
