import { type Application, type Cidr, covers, type Direction, formatCidr } from '@sekisho/core'
import type { PortSpec } from '../../documents/document.ts'
import { accountsOf, and, type Cube, onlyNamespace, toSelector } from '../cube.ts'
import type { Draft } from '../foreign.ts'
import { Inexpressible } from './pieces.ts'

export type OrderedPeer =
  | { readonly kind: 'pods'; readonly cube: Cube }
  | { readonly kind: 'block'; readonly cidr: Cidr; readonly except: readonly Cidr[] }
  /** Any other peer, as Sekisho's documents write it. */
  | { readonly kind: 'written'; readonly peer: Draft }

/** A rule of a list in which the first match counts. `Pass` goes on with the next tier. */
export interface OrderedRule {
  readonly action: 'Allow' | 'Deny' | 'Pass'
  /** Any of these; absent means every peer. */
  readonly peers?: readonly OrderedPeer[]
  /** Any of these; absent means every protocol and port. */
  readonly ports?: readonly PortSpec[]
  /** Any of these is spoken. Never empty. */
  readonly applications?: readonly Application[]
  /** Any of these requests, as Sekisho's documents write them. Never empty. */
  readonly l7?: readonly Draft[]
  /** The rule matches none of these; `tiers.ts` makes rules without it. */
  readonly unless?: readonly PortSpec[]
  /** Of the workloads that the policy is about the rule is about these only; likewise. */
  readonly about?: readonly Cube[]
}

export const isUnconditional = ({ peers, ports, applications, l7, unless }: OrderedRule): boolean =>
  !peers && !ports && !applications && !l7 && !unless

type Block = Extract<OrderedPeer, { kind: 'block' }>

function bothBlocks(a: Block, b: Block): Block[] {
  const [outer, inner] = covers(a.cidr, b.cidr) ? [a, b] : [b, a]
  if (!covers(outer.cidr, inner.cidr)) return []
  const holes = [...inner.except, ...outer.except.filter(hole => covers(inner.cidr, hole))]
  return outer.except.some(hole => covers(hole, inner.cidr))
    ? []
    : [{ kind: 'block', cidr: inner.cidr, except: holes }]
}

function bothPeers(a: OrderedPeer, b: OrderedPeer): OrderedPeer[] {
  if (a.kind === 'block' && b.kind === 'block') return bothBlocks(a, b)
  if (a.kind !== 'pods' || b.kind !== 'pods')
    throw new Inexpressible('addresses and selectors of rules after one another would have to hold together')
  const cube = and(a.cube, b.cube)
  return cube ? [{ kind: 'pods', cube }] : []
}

function bothPorts(a: PortSpec, b: PortSpec): PortSpec[] {
  if (a.protocol !== b.protocol) return []
  if (a.kind === 'every') return [b]
  if (b.kind === 'every') return [a]
  if (a.kind === 'range' && b.kind === 'range') {
    const [first, last] = [Math.max(a.first, b.first), Math.min(a.last, b.last)]
    return first <= last ? [{ ...a, first, last }] : []
  }
  if (a.kind === 'named' && b.kind === 'named' && a.name === b.name) return [a]
  throw new Inexpressible('a named port would have to be one of certain numbers too')
}

const pairs = <T>(
  a: readonly T[] | undefined,
  b: readonly T[] | undefined,
  both: (a: T, b: T) => readonly T[],
): readonly T[] | undefined => (a && b ? a.flatMap(left => b.flatMap(right => both(left, right))) : (a ?? b))

/** `rule` for what `condition` matches too; undefined when nothing does. */
export function restrict(rule: OrderedRule, condition: OrderedRule): OrderedRule | undefined {
  const peers = pairs(rule.peers, condition.peers, bothPeers)
  const ports = pairs(rule.ports, condition.ports, bothPorts)
  if (peers?.length === 0 || ports?.length === 0) return undefined
  if (condition.applications || condition.l7)
    throw new Inexpressible('what is spoken decides which of the later rules are asked')
  return { ...rule, ...(peers && { peers }), ...(ports && { ports }) }
}

/** Entries of one rule must not overlap (see `readRule`), so they are merged first. */
export function mergePortSpecs(ports: readonly PortSpec[]): readonly PortSpec[] {
  const whole = new Set(ports.flatMap(port => (port.kind === 'every' ? [port.protocol] : [])))
  const merged: PortSpec[] = [...whole].map(protocol => ({ kind: 'every', protocol }))
  const names = new Set<string>()
  const byStart = ports.toSorted((a, b) =>
    a.protocol === b.protocol ? start(a) - start(b) : a.protocol < b.protocol ? -1 : 1,
  )
  for (const port of byStart) {
    const last = merged.at(-1)
    if (port.kind === 'every' || whole.has(port.protocol)) continue
    if (port.kind === 'named') {
      if (!names.has(`${port.protocol} ${port.name}`)) merged.push(port)
      names.add(`${port.protocol} ${port.name}`)
    } else if (last?.kind === 'range' && last.protocol === port.protocol && port.first <= last.last + 1) {
      merged[merged.length - 1] = { ...last, last: Math.max(last.last, port.last) }
    } else merged.push(port)
  }
  return merged
}
const start = (port: PortSpec): number => (port.kind === 'range' ? port.first : -1)

export function writePort(port: PortSpec): Draft {
  const { protocol } = port
  if (port.kind === 'every') return { protocol }
  if (port.kind === 'named') return { protocol, port: port.name }
  return { protocol, port: port.first, ...(port.last !== port.first && { endPort: port.last }) }
}

/** ICMP types have no ranges in the document; every other protocol has. */
const writePorts = (ports: readonly PortSpec[]): Draft[] =>
  mergePortSpecs(ports).flatMap(port =>
    port.kind === 'range' && port.protocol.startsWith('ICMP')
      ? Array.from({ length: port.last - port.first + 1 }, (_, i) => ({
          protocol: port.protocol,
          port: port.first + i,
        }))
      : [writePort(port)],
  )

/** Service accounts as a peer or subject says them. */
export function writeAccounts(cube: Cube): { readonly serviceAccounts?: readonly string[] } {
  const accounts = accountsOf(cube)
  if (accounts === 'no')
    throw new Inexpressible('workloads cannot be selected by the service account they do not have')
  return accounts ? { serviceAccounts: accounts } : {}
}

/** @param home the namespace of the document, empty for a cluster-scoped one: what a peer without selector is of. */
function writePods(cube: Cube, home: string): Draft {
  const podSelector = toSelector(cube, 'pod')
  const namespaceSelector = toSelector(cube, 'namespace')
  const isAnywhere = Object.keys(namespaceSelector).length === 0
  const isHome = home === '' ? isAnywhere : onlyNamespace(cube) === home
  const accounts = writeAccounts(cube)
  if (isHome) return { podSelector, ...accounts }
  return { namespaceSelector, ...(Object.keys(podSelector).length > 0 && { podSelector }), ...accounts }
}

function writePeer(peer: OrderedPeer, home: string): Draft {
  if (peer.kind === 'pods') return writePods(peer.cube, home)
  if (peer.kind === 'written') return peer.peer
  const except = peer.except.map(formatCidr)
  return { ipBlock: { cidr: formatCidr(peer.cidr), ...(except.length > 0 && { except }) } }
}

export function writeRule(
  rule: OrderedRule,
  { direction, home }: { readonly direction: Direction; readonly home: string },
): Draft {
  const side = direction === 'ingress' ? 'from' : 'to'
  return {
    ...(rule.action === 'Deny' && { action: 'Deny' }),
    ...(rule.peers && { [side]: rule.peers.map(peer => writePeer(peer, home)) }),
    ...(rule.ports && { ports: writePorts(rule.ports) }),
    ...(rule.applications && { applications: rule.applications }),
    ...(rule.l7 && { l7: rule.l7 }),
  }
}
