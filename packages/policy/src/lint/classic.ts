import { type Cidr, contains, covers, formatCidr, parseIp } from '@sekisho/core'
import type { Check } from './finding.ts'
import { allowPeers, allowRules, isEmpty, labelText, remark, selected } from './rules.ts'

const unique = (texts: readonly string[]): string => [...new Set(texts)].toSorted().join(', ')

/** A podSelector alone looks only in the policy's own namespace. */
export const missingNamespaceSelector: Check = {
  severity: 'warning',
  title: 'A podSelector without namespaceSelector selects pods of another namespace that it cannot see',
  help: 'A podSelector alone looks in the namespace of the policy only. Where pods with these labels are elsewhere, the rule matches nothing and traffic is denied.',
  *run(context) {
    for (const placed of allowPeers(context)) {
      const { peer, policy } = placed
      if (peer.kind !== 'pods' || peer.namespaceSelector || isEmpty(peer.podSelector)) continue
      if (policy.namespace === '' || selected(context, peer, policy.namespace).length > 0) continue
      const elsewhere = selected(context, { ...peer, namespaceSelector: {} }, policy.namespace)
      if (elsewhere.length === 0) continue
      const spaces = unique(elsewhere.map(({ namespace }) => namespace))
      yield remark(
        placed,
        `no workload of ${policy.namespace} has ${labelText(peer.podSelector)}, but some of ${spaces} have`,
        `add to this list item: namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ${spaces.split(', ')[0]}}}`,
      )
    }
  },
}

/** Blocks so small that they mean pods, not networks. */
const isNarrow = ({ family, prefix }: Cidr): boolean => prefix >= (family === 4 ? 24 : 64)

export const cidrForPods: Check = {
  severity: 'warning',
  title: 'An ipBlock names addresses of pods',
  help: 'Pods get new addresses when they restart; the address of this rule will be another pod’s, which is then let in. ipBlock is for what is outside the cluster.',
  *run(context) {
    const owned = context.workloads.flatMap(workload =>
      workload.addresses.map(text => ({ workload, ip: parseIp(text) })),
    )
    for (const placed of allowPeers(context)) {
      const { peer } = placed
      if (peer.kind !== 'block' || !isNarrow(peer.cidr)) continue
      const owner = owned.find(({ ip }) => ip && contains(peer.cidr, ip))?.workload
      const pods = context.podCidrs.find(cidr => covers(cidr, peer.cidr))
      if (!owner && !pods) continue
      const whose = owner ? `${owner.namespace}/${owner.name}` : `pods (${pods ? formatCidr(pods) : ''})`
      yield remark(
        placed,
        `${formatCidr(peer.cidr)} is the address of ${whose}`,
        'select the pods by their labels instead',
      )
    }
  },
}

/** `- from: …` and `- ports: …` as two items: each is a rule of its own. */
export const ruleSplit: Check = {
  severity: 'error',
  title: 'Peers and ports are two rules where one was meant',
  help: 'Each list item is a rule of its own: one allows these peers on every port, the other allows everybody on these ports.',
  *run(context) {
    for (const placed of allowRules(context)) {
      const { rule, next } = placed
      if (next?.action !== 'Allow') continue
      const onlyPeers = (a: typeof rule, b: typeof rule) => a.peers && !a.ports && !b.peers && b.ports
      if (!onlyPeers(rule, next) && !onlyPeers(next, rule)) continue
      yield remark(
        placed,
        'this rule has only peers and the next only ports (or the reverse): together they allow much more than both in one rule',
        'make them one list item: remove the "-" before the second',
      )
    }
  },
}

/** `- namespaceSelector: …` and `- podSelector: …` as two items: either is enough. */
export const peerSplit: Check = {
  severity: 'warning',
  title: 'A namespaceSelector and a podSelector are two peers where one was meant',
  help: 'As two list items they mean “any pod of these namespaces, or these pods of this namespace”; as one they mean “these pods of these namespaces”.',
  *run(context) {
    for (const placed of allowPeers(context)) {
      const { peer, nextPeer } = placed
      if (peer.kind !== 'pods' || nextPeer?.kind !== 'pods') continue
      const [whole, part] = peer.namespaceSelector ? [peer, nextPeer] : [nextPeer, peer]
      if (!whole.namespaceSelector || part.namespaceSelector) continue
      if (!isEmpty(whole.podSelector) || isEmpty(part.podSelector)) continue
      yield remark(
        placed,
        `every pod of namespaces with ${labelText(whole.namespaceSelector) || 'any label'} is a peer, not only those with ${labelText(part.podSelector)}`,
        'make them one list item: remove the "-" before the second selector',
      )
    }
  },
}

/** One item with both selectors where each for itself selects something, and both together nothing. */
export const peerMerged: Check = {
  severity: 'warning',
  title: 'A namespaceSelector and a podSelector in one peer select nothing together',
  help: 'In one list item both must hold. Where two peers were meant, each needs its own “-”.',
  *run(context) {
    for (const placed of allowPeers(context)) {
      const { peer, policy } = placed
      if (peer.kind !== 'pods' || !peer.namespaceSelector || isEmpty(peer.podSelector)) continue
      if (policy.namespace === '' || selected(context, peer, policy.namespace).length > 0) continue
      const { namespaceSelector, ...own } = peer
      const spaces = selected(context, { ...peer, podSelector: {} }, policy.namespace)
      if (spaces.length === 0 || selected(context, own, policy.namespace).length === 0) continue
      yield remark(
        placed,
        `no workload of namespaces with ${labelText(namespaceSelector)} has ${labelText(peer.podSelector)}, but some of ${policy.namespace} have`,
        'make them two list items: write "-" before each selector',
      )
    }
  },
}

export const peerSelectsEverything: Check = {
  severity: 'warning',
  title: 'An empty namespaceSelector lets in every pod of every namespace',
  help: '“{}” selects everything. It is often written for “this namespace”, which is “podSelector: {}”.',
  *run(context) {
    for (const placed of allowPeers(context)) {
      const { peer } = placed
      if (peer.kind !== 'pods' || !peer.namespaceSelector || placed.direction === 'egress') continue
      if (!isEmpty(peer.namespaceSelector) || !isEmpty(peer.podSelector)) continue
      yield remark(
        placed,
        'every pod of every namespace is a peer',
        placed.policy.namespace === ''
          ? 'name the namespaces by their labels'
          : 'for this namespace write "podSelector: {}"; for others name their labels',
      )
    }
  },
}

export const ruleAllowsEverything: Check = {
  severity: 'warning',
  title: 'An empty rule allows everything',
  help: '“- {}” has neither peers nor ports and so matches all of them; the policy then isolates nothing. “[]” is the list that allows nothing.',
  *run(context) {
    for (const placed of allowRules(context)) {
      const { rule, direction } = placed
      if (rule.peers || rule.ports || rule.applications || rule.l7) continue
      yield remark(
        placed,
        `this rule allows all ${direction}`,
        `name peers and ports, or write "${direction}: []" to allow nothing`,
      )
    }
  },
}
