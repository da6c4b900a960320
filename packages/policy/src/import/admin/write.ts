import { type Direction, formatCidr } from '@sekisho/core'
import { hasPortNames } from '../../documents/admin-rule.ts'
import type { Peer, PodsPeer, PolicyRule, PortSpec, Tier } from '../../documents/document.ts'
import type { Draft } from '../foreign.ts'
import type { AdminSpec } from './read.ts'

/** MaxItems of every list of ClusterNetworkPolicy (v1alpha2). */
const MOST = 25

/** The list in pieces of at most 25; one empty piece where there is none. */
function chunks<T>(list: readonly T[]): (readonly T[])[] {
  const count = Math.max(1, Math.ceil(list.length / MOST))
  return Array.from({ length: count }, (_, i) => list.slice(i * MOST, (i + 1) * MOST))
}

function writePods({ namespaceSelector = {}, podSelector }: PodsPeer): Draft {
  const isEvery = Object.keys(podSelector).length === 0
  return isEvery ? { namespaces: namespaceSelector } : { pods: { namespaceSelector, podSelector } }
}

/** Addresses and names share a peer, as they did where they come from. */
function writePeers(peers: readonly Peer[]): Draft[] {
  const networks: string[] = []
  const domainNames: string[] = []
  const written: Draft[] = []
  for (const peer of peers) {
    if (peer.kind === 'block') networks.push(formatCidr(peer.cidr))
    else if (peer.kind === 'fqdn') domainNames.push(peer.pattern)
    else if (peer.kind === 'pods') written.push(writePods(peer))
    else if (peer.kind === 'hosts') written.push({ nodes: peer.selector })
    else throw new TypeError(`${peer.kind} is no peer of these policies`)
  }
  const [blocks, names] = [new Set(networks), new Set(domainNames)]
  return [
    ...written,
    ...(blocks.size > 0 ? chunks([...blocks]).map(part => ({ networks: part })) : []),
    ...(names.size > 0 ? chunks([...names]).map(part => ({ domainNames: part })) : []),
  ]
}

/** A name stands for itself in every protocol, so it is written once. */
function writePorts(ports: readonly PortSpec[]): Draft[] {
  return ports.flatMap((port): Draft[] => {
    if (port.kind === 'every') throw new TypeError('a whole protocol cannot be written')
    if (port.kind === 'named') return port.protocol === 'TCP' ? [{ destinationNamedPort: port.name }] : []
    const { first, last } = port
    const destinationPort = first === last ? { number: first } : { range: { start: first, end: last } }
    return [{ [port.protocol.toLowerCase()]: { destinationPort } }]
  })
}

const ACTIONS = { Allow: 'Accept', Deny: 'Deny', Pass: 'Pass' } as const

/** A named port matches no address, and ClusterNetworkPolicy refuses both in one rule: they are two. */
function unmixed(rule: PolicyRule): PolicyRule[] {
  const { peers = [], ports = [] } = rule
  const numbers = ports.filter(({ kind }) => kind !== 'named')
  const [named, nameless] = [peers.filter(hasPortNames), peers.filter(peer => !hasPortNames(peer))]
  if (numbers.length === ports.length || nameless.length === 0) return [rule]
  const parts: PolicyRule[] = [
    { ...rule, peers: named },
    { ...rule, peers: nameless, ports: numbers },
  ]
  return parts.filter(part => part.peers?.length && part.ports?.length)
}

/** Rules of one action after one another are one rule in pieces: the first match of any counts, and all answer alike. */
function writeRule({ name, action, peers = [], ports = [] }: PolicyRule, direction: Direction): Draft[] {
  const side = direction === 'ingress' ? 'from' : 'to'
  return chunks(writePeers(peers)).flatMap(from =>
    chunks(writePorts(ports)).map(protocols => ({
      ...(name !== undefined && { name }),
      action: ACTIONS[action],
      [side]: from,
      ...(protocols.length > 0 && { protocols }),
    })),
  )
}

/**
 * The policy as ClusterNetworkPolicies: one, or as many as its rules need. Of equal priorities names decide, so the
 * later ones have names that sort behind the first and count in digits of equal length.
 */
export function writeClusterNetworkPolicies(
  { subject, sections }: AdminSpec,
  as: { readonly name: string; readonly from: string; readonly tier: Tier; readonly priority: number },
): Draft[] {
  const rules = (direction: Direction) =>
    chunks((sections[direction]?.rules ?? []).flatMap(unmixed).flatMap(rule => writeRule(rule, direction)))
  const [ingress, egress] = [rules('ingress'), rules('egress')]
  const count = Math.max(ingress.length, egress.length)
  return Array.from({ length: count }, (_, i) => ({
    apiVersion: 'policy.networking.k8s.io/v1alpha2',
    kind: 'ClusterNetworkPolicy',
    metadata: {
      name: i === 0 ? as.name : `${as.name}-${String(i + 1).padStart(String(count).length, '0')}`,
      annotations: { 'sekisho.dev/imported-from': as.from },
    },
    spec: {
      tier: as.tier,
      priority: as.priority,
      subject: writePods(subject),
      ...(ingress[i]?.length && { ingress: ingress[i] }),
      ...(egress[i]?.length && { egress: egress[i] }),
    },
  }))
}
