import { formatCidr } from '@sekisho/core'
import { stringify } from 'yaml'
import {
  isNamed,
  type Peer,
  type PolicyDocument,
  type PolicyRule,
  type PolicySection,
  type PortSpec,
} from '../documents/document.ts'

/** What a plain NetworkPolicy cannot say. */
export interface Lost {
  readonly policy: PolicyDocument['id']
  /** Path in the policy, as in `ingress[2]`; empty for the policy itself. */
  readonly path: string
  readonly reason: string
  /** The policy as exported allows the same without it; otherwise the policy is not exported. */
  readonly kept: boolean
}

export interface ExportResult {
  /** NetworkPolicies as a YAML text of several documents; empty when none could be said. */
  readonly yaml: string
  readonly lost: readonly Lost[]
}

type Json = Readonly<Record<string, unknown>>

/** Why a rule has no place in a NetworkPolicy; undefined when it has. */
function ruleLoss({ action, applications, l7, validUntil, ports, peers }: PolicyRule): string | undefined {
  if (action !== 'Allow') return `${action} rules have no counterpart`
  if (applications || l7) return 'what is spoken inside the connection is not looked at'
  if (validUntil !== undefined) return 'a rule cannot end by itself'
  if (ports?.some(({ protocol }) => !['TCP', 'UDP', 'SCTP'].includes(protocol)))
    return 'only TCP, UDP and SCTP can be named'
  const other = peers?.find(({ kind }) => kind !== 'pods' && kind !== 'block')
  if (other) return `peers by ${other.kind} have no counterpart`
  const narrowed = peers?.some(peer => peer.kind === 'pods' && (peer.serviceAccounts || peer.workloadKinds))
  return narrowed ? 'peers by service account or kind have no counterpart' : undefined
}

function subjectLoss(document: PolicyDocument): string | undefined {
  const { kind, subject } = document
  if (isNamed(document)) return 'it is named by policies and none itself'
  if (kind === 'ResponseRule') return 'it says what is done about findings, and is no policy itself'
  if (kind === 'ClusterSecurityPolicy' || kind === 'ClusterNetworkPolicy')
    return 'a NetworkPolicy is about one namespace only'
  if (subject.kind !== 'pods') return `policies about ${subject.kind} have no counterpart`
  return subject.serviceAccounts || subject.workloadKinds || subject.workloadNames
    ? 'subjects by service account, kind or name have no counterpart'
    : undefined
}

function writePort(port: PortSpec): Json {
  const { protocol } = port
  if (port.kind === 'every') return { protocol }
  if (port.kind === 'named') return { protocol, port: port.name }
  return { protocol, port: port.first, ...(port.last !== port.first && { endPort: port.last }) }
}

function writePeer(peer: Peer): Json {
  if (peer.kind === 'block') {
    const except = peer.except.map(formatCidr)
    return { ipBlock: { cidr: formatCidr(peer.cidr), ...(except.length > 0 && { except }) } }
  }
  if (peer.kind !== 'pods') throw new TypeError(`${peer.kind} was to be lost`)
  const { namespaceSelector, podSelector } = peer
  return { ...(namespaceSelector && { namespaceSelector }), podSelector }
}

const writeRules = (section: PolicySection, side: 'from' | 'to'): Json[] =>
  section.rules.map(({ peers, ports }) => ({
    ...(peers && { [side]: peers.map(writePeer) }),
    ...(ports && { ports: ports.map(writePort) }),
  }))

function losses(policy: PolicyDocument): Lost[] {
  const { id: of, mode } = policy
  const whole = subjectLoss(policy)
  const lost: Lost[] = whole === undefined ? [] : [{ policy: of, path: '', reason: whole, kept: false }]
  // Applying a policy that is only watched so far would close what is open.
  if (mode !== 'Enforce')
    lost.push({
      policy: of,
      path: 'mode',
      reason: `a NetworkPolicy enforces; this one is in ${mode}`,
      kept: false,
    })
  if (policy.profiles.length > 0)
    lost.push({ policy: of, path: 'profiles', reason: 'nothing is inspected', kept: false })
  for (const direction of ['ingress', 'egress'] as const) {
    policy.sections[direction]?.rules.forEach((rule, index) => {
      const path = `${direction}[${index}]`
      const reason = ruleLoss(rule)
      if (reason !== undefined) lost.push({ policy: of, path, reason, kept: false })
      if (rule.name !== undefined || rule.ticket !== undefined)
        lost.push({ policy: of, path, reason: 'names and tickets of rules are for people', kept: true })
    })
  }
  return lost
}

function write({ namespace, name, subject, sections }: PolicyDocument): Json {
  const { ingress, egress } = sections
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { namespace, name },
    spec: {
      podSelector: subject.kind === 'pods' ? subject.podSelector : {},
      policyTypes: [...(ingress ? ['Ingress'] : []), ...(egress ? ['Egress'] : [])],
      ...(ingress && { ingress: writeRules(ingress, 'from') }),
      ...(egress && { egress: writeRules(egress, 'to') }),
    },
  }
}

/**
 * Policies as plain NetworkPolicies. A policy whose meaning does not fit is left out whole, for a part of it would
 * allow or close something else; all that is lost is listed, also what only people read.
 */
export function exportNetworkPolicies(policies: readonly PolicyDocument[]): ExportResult {
  const lost = policies.flatMap(losses)
  const out = new Set(lost.filter(({ kept }) => !kept).map(({ policy }) => policy))
  const kept = policies.filter(({ id }) => !out.has(id))
  return {
    yaml: kept
      .map(policy => stringify(write(policy), { aliasDuplicateObjects: false, lineWidth: 0 }))
      .join('---\n'),
    lost,
  }
}
