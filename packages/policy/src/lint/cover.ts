import { covers, type LabelSelector } from '@sekisho/core'
import type { Peer, PodsPeer, PolicyDocument, PolicyRule, PortSpec } from '../documents/document.ts'
import { compileNames } from '../documents/fqdn.ts'
import { and, type Cube, EVERYTHING, fromSelector, inNamespaces, subtract } from '../import/cube.ts'

/** What selectors ask of workloads, as demands on labels; undefined where they contradict each other. */
export function cubeOf({ namespaceSelector, podSelector }: PodsPeer, namespace: string): Cube | undefined {
  const home = namespace === '' ? EVERYTHING : inNamespaces(namespace)
  const spaces = namespaceSelector ? fromSelector(namespaceSelector, 'namespace') : home
  const pods = fromSelector(podSelector, 'pod')
  return pods && spaces && and(pods, spaces)
}

/** Whether all workloads of one cube are of the other, whatever labels there are. */
export const holdsAll = (outer: Cube, inner: Cube): boolean => subtract([inner], [outer]).length === 0

const isNarrowed = ({ serviceAccounts, workloadKinds, workloadNames }: PodsPeer): boolean =>
  (serviceAccounts ?? workloadKinds ?? workloadNames) !== undefined

const selectsAll = (outer: LabelSelector, inner: LabelSelector): boolean => {
  const [all, some] = [fromSelector(outer, 'pod'), fromSelector(inner, 'pod')]
  return all !== undefined && some !== undefined && holdsAll(all, some)
}

function podsCover(outer: PodsPeer, inner: PodsPeer, namespace: string): boolean {
  const [all, some] = [cubeOf(outer, namespace), cubeOf(inner, namespace)]
  return !isNarrowed(outer) && all !== undefined && some !== undefined && holdsAll(all, some)
}

function peerCovers(outer: Peer, inner: Peer, namespace: string): boolean {
  switch (outer.kind) {
    case 'pods':
      return inner.kind === 'pods' && podsCover(outer, inner, namespace)
    case 'block':
      return inner.kind === 'block' && outer.except.length === 0 && covers(outer.cidr, inner.cidr)
    case 'hosts':
    case 'externals':
      return inner.kind === outer.kind && selectsAll(outer.selector, inner.selector)
    case 'fqdn':
      return (
        inner.kind === 'fqdn' &&
        (outer.pattern === inner.pattern || compileNames([outer.pattern])(inner.pattern))
      )
    case 'entity':
      return inner.kind === 'entity' && inner.entity === outer.entity
    case 'unknown':
      return false
  }
}

export function portCovers(outer: PortSpec, inner: PortSpec): boolean {
  if (outer.protocol !== inner.protocol) return false
  if (outer.kind === 'every') return true
  if (outer.kind === 'named') return inner.kind === 'named' && inner.name === outer.name
  return inner.kind === 'range' && outer.first <= inner.first && inner.last <= outer.last
}

/**
 * Whether one rule matches all that another does, as far as selectors, blocks and ports show by themselves: a `yes` is
 * sure, whatever workloads there are.
 */
export function ruleCovers(outer: PolicyRule, inner: PolicyRule, namespace: string): boolean {
  const { peers, ports, applications, l7, validUntil } = outer
  if (applications ?? l7 ?? validUntil) return false
  const others = inner.peers ?? []
  const isEverybody = !peers || (outer.action !== 'Allow' && peers.some(({ kind }) => kind === 'unknown'))
  const samePeers =
    isEverybody ||
    (others.length > 0 && others.every(peer => peers.some(each => peerCovers(each, peer, namespace))))
  const wanted = inner.ports ?? []
  const samePorts =
    !ports || (wanted.length > 0 && wanted.every(port => ports.some(each => portCovers(each, port))))
  return samePeers && samePorts
}

/** What a policy is about; undefined where it is not about pods alone. */
export const subjectCube = ({ subject, namespace }: PolicyDocument): Cube | undefined =>
  subject.kind === 'pods' && !isNarrowed(subject) ? cubeOf(subject, namespace) : undefined
