import { type Cidr, covers, type Direction, LIMITS, type Protocol, parseCidr } from '@sekisho/core'
import type { Peer, PolicyRule, PortSpec } from './document.ts'
import { portName } from './names.ts'
import { readSelector } from './selector.ts'
import type { Spot } from './spot.ts'

/** What differs between the kinds that share this rule shape. */
export interface RuleDialect {
  readonly protocols: readonly Protocol[]
  readonly actions: readonly PolicyRule['action'][]
  /** Fields besides peers and ports; the kind reads those that are not `name` and `action` itself. */
  readonly fields: readonly string[]
  readonly peer: (spot: Spot, direction: Direction) => Peer | undefined
}

/** A block, checked; undefined after a finding. */
export function readCidr(spot: Spot): Cidr | undefined {
  const text = spot.text()
  if (text === undefined) return undefined
  const cidr = parseCidr(text)
  if (cidr.ok) return cidr.value
  spot.refuse(cidr.error)
  return undefined
}

/** IPBlock. */
export function readBlock(spot: Spot): Peer | undefined {
  if (!spot.fields(['cidr', 'except'])) return undefined
  const cidr = readCidr(spot.at('cidr'))
  const except = spot
    .at('except')
    .list(LIMITS.peersPerRule.value)
    .flatMap(item => {
      const hole = readCidr(item)
      if (hole && cidr && (!covers(cidr, hole) || hole.prefix === cidr.prefix)) {
        item.refuse('must lie inside the cidr and be smaller than it')
      }
      return hole ? [hole] : []
    })
  return cidr && { kind: 'block', cidr, except }
}

/**
 * NetworkPolicyPeer: a nil podSelector differs from an empty one, so presence decides.
 * `{podSelector: {}}` is every workload of the policy's namespace, `{namespaceSelector: {}}` every workload.
 */
export function readPeer(spot: Spot): Peer | undefined {
  if (!spot.fields(['podSelector', 'namespaceSelector', 'ipBlock'])) return undefined
  const [pods, namespaces, block] = [spot.at('podSelector'), spot.at('namespaceSelector'), spot.at('ipBlock')]
  if (pods.absent && namespaces.absent && block.absent) {
    spot.refuse(
      'an empty peer means nothing; write podSelector, namespaceSelector or ipBlock, or leave the list out',
    )
    return undefined
  }
  if (!block.absent) {
    if (!pods.absent || !namespaces.absent)
      block.refuse('must not stand beside podSelector or namespaceSelector')
    return readBlock(block)
  }
  return {
    kind: 'pods',
    podSelector: readSelector(pods),
    ...(!namespaces.absent && { namespaceSelector: readSelector(namespaces) }),
  }
}

const isIcmp = (protocol: Protocol): boolean => protocol === 'ICMP' || protocol === 'ICMPv6'

function readPortNumber(spot: Spot, protocol: Protocol): PortSpec | undefined {
  const endPort = spot.at('endPort')
  if (isIcmp(protocol)) {
    if (!endPort.absent) endPort.refuse('ICMP types have no ranges; write one entry for each')
    const type = spot.at('port').integer(0, 255)
    return type === undefined ? undefined : { kind: 'range', protocol, first: type, last: type }
  }
  const first = spot.at('port').integer(1, 65_535)
  const last = endPort.absent ? first : endPort.integer(1, 65_535)
  if (first === undefined || last === undefined) return undefined
  if (last < first) endPort.refuse(`must not be below port ${first}`)
  return { kind: 'range', protocol, first, last }
}

function readPortName(spot: Spot, protocol: Protocol): PortSpec | undefined {
  const port = spot.at('port')
  const name = port.text()
  if (name === undefined) return undefined
  const wrong = portName(name)
  if (wrong !== undefined) port.refuse(wrong)
  if (!spot.at('endPort').absent) spot.at('endPort').refuse('needs a numeric port')
  if (protocol === 'TCP' || protocol === 'UDP' || protocol === 'SCTP')
    return { kind: 'named', protocol, name }
  port.refuse(`${protocol} has no named ports; write the type as a number`)
  return undefined
}

/** NetworkPolicyPort: a missing protocol is TCP, also where only a name or nothing is given. */
function readPort(spot: Spot, dialect: RuleDialect): PortSpec | undefined {
  if (!spot.fields(['protocol', 'port', 'endPort'])) return undefined
  const protocol = spot.at('protocol').absent ? 'TCP' : spot.at('protocol').oneOf(dialect.protocols)
  if (protocol === undefined) return undefined
  const port = spot.at('port')
  if (port.absent) {
    if (!spot.at('endPort').absent) spot.at('endPort').refuse('needs a numeric port')
    return { kind: 'every', protocol }
  }
  return typeof port.value === 'string' ? readPortName(spot, protocol) : readPortNumber(spot, protocol)
}

const portText = (port: PortSpec): string => {
  if (port.kind === 'every') return `every ${port.protocol} port`
  if (port.kind === 'named') return `${port.protocol} "${port.name}"`
  return `${port.protocol} ${port.first}${port.last === port.first ? '' : `-${port.last}`}`
}

function overlap(a: PortSpec, b: PortSpec): boolean {
  if (a.protocol !== b.protocol) return false
  if (a.kind === 'every' || b.kind === 'every') return true
  if (a.kind === 'named' || b.kind === 'named') return a.kind === b.kind && portText(a) === portText(b)
  return a.first <= b.last && b.first <= a.last
}

/**
 * Two entries of one rule that overlap say less than their author thinks they say: refused.
 * Sorted by first port, only neighbours and the furthest end so far need comparing.
 */
function refuseOverlaps(entries: readonly (readonly [Spot, PortSpec])[]): void {
  const first = (port: PortSpec) => (port.kind === 'range' ? port.first : -1)
  const byStart = entries.toSorted(
    ([, a], [, b]) =>
      compare(a.protocol, b.protocol) || first(a) - first(b) || compare(portText(a), portText(b)),
  )
  let widest: PortSpec | undefined
  for (const [spot, port] of byStart) {
    if (widest && overlap(widest, port))
      spot.refuse(`${portText(port)} overlaps ${portText(widest)} of the same rule`)
    const keep = widest?.protocol === port.protocol && (widest.kind === 'every' || end(widest) > end(port))
    if (!keep) widest = port
  }
}
const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)
const end = (port: PortSpec): number => (port.kind === 'range' ? port.last : -1)

function readPorts(spot: Spot, dialect: RuleDialect): readonly PortSpec[] {
  const entries = spot.list(LIMITS.portsPerRule.value).flatMap(item => {
    const port = readPort(item, dialect)
    return port ? [[item, port] as const] : []
  })
  refuseOverlaps(entries)
  return entries.map(([, port]) => port)
}

/** A port's name is looked up at the destination workload, and an address has none: such a rule matches nothing. */
function refuseNamesOfBlocks(spot: Spot, peers: readonly Peer[], ports: readonly PortSpec[]): void {
  const nameless = peers.length > 0 && peers.every(({ kind }) => kind !== 'pods' && kind !== 'externals')
  if (nameless && ports.length > 0 && ports.every(({ kind }) => kind === 'named'))
    spot.refuse(
      `a named port never matches ${peers.every(({ kind }) => kind === 'block') ? 'an address block' : 'these peers'}; write the number`,
    )
}

/** A rule's name is for people only. */
export function readRuleName(spot: Spot): string | undefined {
  const name = spot.absent ? undefined : spot.text()
  if (name !== undefined && (name === '' || name.length > 100)) spot.refuse('must be 1 to 100 characters')
  return name
}

/** One rule of a section. An empty list of peers or ports means any, exactly as a missing one. */
export function readRule(spot: Spot, direction: Direction, dialect: RuleDialect): PolicyRule {
  const side = direction === 'ingress' ? 'from' : 'to'
  if (!spot.fields([side, 'ports', ...dialect.fields])) return { action: 'Allow' }
  const peers = spot
    .at(side)
    .list(LIMITS.peersPerRule.value)
    .flatMap(item => dialect.peer(item, direction) ?? [])
  const ports = readPorts(spot.at('ports'), dialect)
  if (direction === 'egress') refuseNamesOfBlocks(spot.at('ports'), peers, ports)
  const action = spot.at('action').absent ? 'Allow' : spot.at('action').oneOf(dialect.actions)
  const name = readRuleName(spot.at('name'))
  return {
    action: action ?? 'Allow',
    ...(name !== undefined && { name }),
    ...(peers.length > 0 && { peers }),
    ...(ports.length > 0 && { ports }),
  }
}
