import { compileSelector, type Direction, NAME_LABEL } from '@sekisho/core'
import { judgesNothing, type PodsPeer, type PortSpec } from '../documents/document.ts'
import type { LocatedPolicy } from '../manifests/manifests.ts'
import { type Check, type LintContext, objectOf, type Remark } from './finding.ts'
import {
  allowPeers,
  allowRules,
  isEmpty,
  labelText,
  type PlacedRule,
  remark,
  remarkOnPolicy,
  selected,
} from './rules.ts'
import { tierDenies } from './tier.ts'

const DNS = 53

const isDns = (port: PortSpec): boolean =>
  port.protocol === 'UDP' &&
  (port.kind === 'every' ||
    (port.kind === 'range' ? port.first <= DNS && DNS <= port.last : port.name.startsWith('dns')))

const allowsDns = ({ policy }: LocatedPolicy): boolean =>
  (policy.sections.egress?.rules ?? []).some(
    ({ action, ports }) => action === 'Allow' && (!ports || ports.some(isDns)),
  )

const sameText = (a: PodsPeer, b: PodsPeer): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Whether every workload that one policy is about, another is about too. */
function covered(context: LintContext, inner: LocatedPolicy, outer: LocatedPolicy): boolean {
  const [a, b] = [inner.policy.subject, outer.policy.subject]
  if (a.kind !== 'pods' || b.kind !== 'pods') return false
  const sameScope = outer.policy.namespace === inner.policy.namespace || outer.policy.namespace === ''
  if (sameScope && (sameText(a, b) || (!b.namespaceSelector && isEmpty(b.podSelector)))) return true
  const mine = selected(context, a, inner.policy.namespace)
  const theirs = new Set(selected(context, b, outer.policy.namespace))
  return mine.length > 0 && mine.every(workload => theirs.has(workload))
}

export const dnsForgotten: Check = {
  severity: 'warning',
  title: 'Egress is restricted and DNS is not allowed',
  help: 'Without DNS no name resolves, and every connection by name fails before the rule that allows it is asked.',
  *run(context) {
    const { policies } = context.manifests
    const servers = policies.filter(allowsDns)
    for (const located of policies) {
      if (!located.policy.sections.egress?.isolates) continue
      if (servers.some(server => covered(context, located, server))) continue
      yield remarkOnPolicy(located, ['spec', 'egress'], {
        message: 'egress of these workloads is restricted, and no policy allows them UDP port 53',
        fix: 'allow egress to the pods with k8s-app=kube-dns of kube-system on UDP and TCP port 53',
      })
    }
  },
}

/** A policy of the namespace, or of the cluster, that isolates all its pods, whatever their labels. */
function isolatesAll(
  context: LintContext,
  { policy }: LocatedPolicy,
  name: string,
  direction: Direction,
): boolean {
  const { subject, namespace } = policy
  const section = policy.sections[direction]
  const isOpen = section?.rules.some(rule => rule.action === 'Allow' && !rule.peers && !isLimited({ rule }))
  if (!section?.isolates || isOpen || subject.kind !== 'pods' || !isEmpty(subject.podSelector)) return false
  if (subject.serviceAccounts ?? subject.workloadKinds ?? subject.workloadNames) return false
  if (namespace !== '') return namespace === name
  const labels = context.model.namespaces.get(name)?.labels ?? {}
  return compileSelector(subject.namespaceSelector ?? {})(labels)
}

/** Why what denies by default in a namespace does not do so yet, or not for everything. */
function remainder(waiting: readonly LocatedPolicy[], isTierClosed: boolean): string {
  const [first] = waiting
  if (first) return `: ${first.policy.name} would, but is in ${first.policy.mode}`
  return isTierClosed ? ': its tier denies pods, and what is outside may still connect' : ''
}

function* undefended(context: LintContext, direction: Direction): Generator<Remark> {
  const { manifests, workloads } = context
  const used = new Set([
    ...workloads.map(({ namespace }) => namespace),
    ...manifests.policies.map(({ policy }) => policy.namespace),
  ])
  for (const name of [...used].filter(Boolean).toSorted()) {
    const denying = manifests.policies.filter(each => isolatesAll(context, each, name, direction))
    if (denying.some(({ policy }) => policy.mode === 'Enforce')) continue
    const isTierClosed = tierDenies(context, direction, name)
    if (isTierClosed && direction === 'egress') continue
    const place = objectOf(manifests, name)?.place(['metadata'])
    if (!place) continue
    const type = direction === 'ingress' ? 'Ingress' : 'Egress'
    const [waiting] = denying
    yield {
      place,
      message: `namespace ${name} has no policy that denies ${direction} by default${remainder(denying, isTierClosed)}`,
      fix: waiting
        ? `enforce ${waiting.policy.name} when its audit shows nothing that is needed`
        : `add a NetworkPolicy with podSelector: {} and policyTypes: [${type}] to ${name}`,
    }
  }
}

export const noDefaultDenyIngress: Check = {
  severity: 'warning',
  title: 'A namespace has no default deny for ingress',
  help: 'A pod that no policy selects accepts connections from everywhere, also the pod that is added tomorrow.',
  run: context => undefended(context, 'ingress'),
}

export const noDefaultDenyEgress: Check = {
  severity: 'note',
  title: 'A namespace has no default deny for egress',
  help: 'A pod that is taken over can send data to anywhere and reach every other pod that lets it in.',
  run: context => undefended(context, 'egress'),
}

/** No peers, a block that is a whole family, or the world by name. */
const isAnywhere = ({ rule }: PlacedRule): boolean =>
  !rule.peers ||
  rule.peers.some(
    peer =>
      (peer.kind === 'block' && peer.cidr.prefix === 0 && peer.except.length === 0) ||
      (peer.kind === 'entity' && peer.entity === 'world'),
  )
const isLimited = ({ rule }: Pick<PlacedRule, 'rule'>): boolean =>
  Boolean(rule.ports ?? rule.applications ?? rule.l7)

export const ingressFromAnywhere: Check = {
  severity: 'warning',
  title: 'A workload that is not an ingress controller accepts connections from everywhere',
  help: 'The world should come in through the ingress controller or load balancer only, where it is authenticated and logged.',
  *run(context) {
    for (const placed of allowRules(context)) {
      const faces = context.ingressNamespaces.includes(placed.policy.namespace)
      if (placed.direction !== 'ingress' || faces || !isAnywhere(placed)) continue
      if (!placed.rule.peers && !isLimited(placed)) continue
      yield remark(
        placed,
        'everything, also from outside, may connect',
        `allow only the ingress controller: from pods of ${context.ingressNamespaces.join(' or ')}`,
      )
    }
  },
}

export const egressToAnywhere: Check = {
  severity: 'note',
  title: 'Egress is allowed to everywhere',
  help: 'A whole address family includes the metadata service of the cloud, other tenants and wherever an attacker wants data to go.',
  *run(context) {
    for (const placed of allowRules(context)) {
      if (placed.direction !== 'egress' || !placed.rule.peers || !isAnywhere(placed)) continue
      yield remark(
        placed,
        'every address outside is a peer',
        'name the networks or use "except" for private ranges and 169.254.169.254/32',
      )
    }
  },
}

export const portsUnrestricted: Check = {
  severity: 'note',
  title: 'A rule allows every port',
  help: 'A debug port, a metrics port or a shell that listens tomorrow is then reachable too.',
  *run(context) {
    for (const placed of allowRules(context)) {
      if (!placed.rule.peers || isLimited(placed)) continue
      yield remark(placed, 'these peers may use every port and protocol', 'list the ports that are needed')
    }
  },
}

export const namespaceUnlabelled: Check = {
  severity: 'note',
  title: 'A namespace has no labels of its own',
  help: 'Policies select namespaces by labels; with none but its name every policy must list names, and misses the next namespace.',
  *run({ manifests }) {
    for (const located of manifests.objects.filter(({ kind }) => kind === 'Namespace')) {
      const keys = located.root.at('metadata').at('labels').keys
      if (keys.some(key => key !== NAME_LABEL)) continue
      const name = String(located.root.at('metadata').at('name').value)
      yield {
        place: located.place(['metadata']),
        message: `namespace ${name} has no labels that policies could select`,
        fix: 'add labels such as team or environment',
      }
    }
  },
}

export const selectsNoNamespace: Check = {
  severity: 'warning',
  title: 'A namespaceSelector selects no namespace of these files',
  help: 'A label that no namespace has makes the rule match nothing: a typing mistake, or a namespace that was never labelled.',
  *run(context) {
    const declared = context.manifests.objects.some(({ kind }) => kind === 'Namespace')
    for (const placed of declared ? allowPeers(context) : []) {
      const { peer } = placed
      if (peer.kind !== 'pods' || !peer.namespaceSelector || isEmpty(peer.namespaceSelector)) continue
      const { namespaceSelector } = peer
      const names = context.namespaces.filter(({ labels }) => compileSelector(namespaceSelector)(labels))
      if (names.length > 0) continue
      yield remark(
        placed,
        `no namespace has ${labelText(namespaceSelector)}`,
        'correct the selector, or label the namespace that is meant',
      )
    }
  },
}

export const subjectSelectsNothing: Check = {
  severity: 'warning',
  title: 'A policy selects no workload of these files',
  help: 'A policy about nobody protects nothing: a typing mistake in its podSelector, or a namespace that is not the one meant.',
  *run(context) {
    for (const located of context.manifests.policies) {
      if (judgesNothing(located.policy)) continue
      const { subject, namespace } = located.policy
      const inhabited = context.workloads.some(
        workload => namespace === '' || workload.namespace === namespace,
      )
      if (subject.kind !== 'pods' || !inhabited || selected(context, subject, namespace).length > 0) continue
      yield remarkOnPolicy(located, ['spec'], {
        message: `no workload has ${labelText(subject.podSelector) || 'these namespaces'}`,
        fix: 'correct the selector, or remove the policy',
      })
    }
  },
}
