import type { ClusterFacts, NodeFacts } from './facts.ts'
import { NAMESPACE } from './manifests.ts'

/** `problem`: it will not work. `warning`: it will, except for what is said. */
export type State = 'ok' | 'warning' | 'problem'

export interface Finding {
  readonly check: string
  readonly state: State
  readonly found: string
  /** What to do about it. */
  readonly advice?: string
}

type Check = (facts: ClusterFacts) => Finding

/** Whether `v1.34.4`, `6.8.0-45-generic` or `v1.30.3-gke.1` is that version or newer. */
export function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [, first, second] = /^v?(\d+)\.(\d+)/.exec(version) ?? []
  const [x, y] = [Number(first ?? 0), Number(second ?? 0)]
  return x > major || (x === major && y >= minor)
}

const KUBERNETES = [1, 30] as const
/** nftables with everything that the table uses, and its batches. */
const KERNEL = [5, 10] as const
const ARCHITECTURES = new Set(['amd64', 'arm64'])

const some = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')

const version: Check = facts => {
  const found = facts.version || 'unknown'
  return isAtLeast(facts.version, KUBERNETES)
    ? { check: 'Kubernetes', state: 'ok', found }
    : {
        check: 'Kubernetes',
        state: 'problem',
        found,
        advice: `agents join by tokens that name their node, from ${KUBERNETES.join('.')} on`,
      }
}

function nodesThat(facts: ClusterFacts, differ: (node: NodeFacts) => boolean): readonly string[] {
  return facts.nodes
    .filter(({ system }) => system === 'linux')
    .filter(differ)
    .map(({ name }) => name)
}

const kernels: Check = facts => {
  const old = nodesThat(facts, ({ kernel }) => !isAtLeast(kernel, KERNEL))
  const all = [...new Set(facts.nodes.map(({ kernel }) => kernel))]
  if (old.length > 0)
    return {
      check: 'kernels',
      state: 'problem',
      found: `older than ${KERNEL.join('.')} on ${some(old)}`,
      advice: 'newer node images',
    }
  return {
    check: 'kernels',
    state: all.length > 0 ? 'ok' : 'warning',
    found: some(all) || 'no nodes were seen',
  }
}

const machines: Check = facts => {
  const foreign = nodesThat(facts, ({ architecture }) => !ARCHITECTURES.has(architecture))
  const others = facts.nodes.filter(({ system }) => system !== 'linux').map(({ name }) => name)
  if (foreign.length > 0)
    return { check: 'machines', state: 'problem', found: `${some(foreign)}: neither amd64 nor arm64` }
  if (others.length > 0)
    return { check: 'machines', state: 'warning', found: `not Linux, without protection: ${some(others)}` }
  return { check: 'machines', state: 'ok', found: `${facts.nodes.length} nodes` }
}

const rights: Check = ({ denied }) =>
  denied.length === 0
    ? { check: 'your rights', state: 'ok', found: 'enough to install' }
    : { check: 'your rights', state: 'problem', found: `you may not ${some(denied)}` }

const unread: Check = ({ unread: paths }) =>
  paths.length === 0
    ? { check: 'what was read', state: 'ok', found: 'all of it' }
    : {
        check: 'what was read',
        state: 'warning',
        found: `you may not read ${some(paths)}`,
        advice: 'what depends on it was not checked',
      }

const network: Check = facts => {
  const check = 'network'
  const { cilium } = facts
  // Its eBPF programs hand packets from pod to pod below netfilter, where our rules are.
  if (cilium && cilium['enable-host-legacy-routing'] !== 'true')
    return {
      check,
      state: 'problem',
      found: 'Cilium with eBPF host routing, which passes the kernel’s firewall by',
      advice: 'set bpf.hostLegacyRouting=true in Cilium',
    }
  if (facts.calicoBpf)
    return {
      check,
      state: 'problem',
      found: 'Calico’s eBPF data plane, which passes the kernel’s firewall by',
      advice: 'set bpfEnabled: false in FelixConfiguration/default',
    }
  const known = facts.daemonSets.filter(name => PLUGINS.test(name))
  return { check, state: 'ok', found: some(known) || 'a plugin that is not known by name' }
}
const PLUGINS =
  /^(?:cilium|calico-node|canal|kube-flannel|aws-node|azure-cni|antrea-agent|kube-router|weave-net|kindnet|ovnkube-node)/

const services: Check = ({ kubeProxy }) => {
  const check = 'services'
  const mode = /^mode:\s*"?(\w*)"?/m.exec(kubeProxy ?? '')?.[1]
  if (mode === 'ipvs')
    return {
      check,
      state: 'warning',
      found: 'kube-proxy in IPVS mode: traffic to Services from their own node is not judged',
      advice: 'mode: nftables or iptables',
    }
  return {
    check,
    state: 'ok',
    found: kubeProxy === undefined ? 'no kube-proxy' : `kube-proxy ${mode || 'iptables'}`,
  }
}

/** By which of the chart's values new pods can wait for their rules. */
const firstPacket: Check = facts => {
  const check = 'first packet'
  const unsure = nodesThat(facts, ({ runtime }) => !HAS_NRI.test(runtime))
  return unsure.length === 0
    ? { check, state: 'ok', found: 'new pods can wait by agent.cni or agent.nri' }
    : {
        check,
        state: 'ok',
        found: `new pods can wait by agent.cni; agent.nri needs NRI, which ${some(unsure)} may have off`,
      }
}
/** It is on there unless somebody switched it off. */
const HAS_NRI = /^containerd:\/\/v?(?:[2-9]|\d\d)/

const others: Check = ({ installations, kinds }) => {
  const check = 'other installations'
  const elsewhere = installations.filter(namespace => namespace !== NAMESPACE)
  if (elsewhere.length > 0)
    return { check, state: 'problem', found: `there is one in ${some(elsewhere)}`, advice: 'one per cluster' }
  const releases = [...new Set(kinds.flatMap(({ release }) => release ?? []))]
  if (releases.length > 0)
    return {
      check,
      state: 'warning',
      found: `the Helm release ${some(releases)} has the custom resources`,
      advice: 'upgrade it with Helm',
    }
  const found = installations.length > 0 ? `in ${NAMESPACE}: an upgrade` : 'none'
  return { check, state: 'ok', found }
}

const storage: Check = ({ hasDefaultStorage }) =>
  hasDefaultStorage
    ? { check: 'storage', state: 'ok', found: 'a default class' }
    : {
        check: 'storage',
        state: 'warning',
        found: 'no default StorageClass: the server waits for a volume',
        advice: 'Helm with server.persistence.storageClass, or .enabled=false',
      }

const podSecurity: Check = ({ podSecurity: level }) =>
  level === undefined || level === 'privileged'
    ? { check: 'pod security', state: 'ok', found: level ?? 'nothing is enforced yet' }
    : {
        check: 'pod security',
        state: 'warning',
        found: `namespace ${NAMESPACE} enforces "${level}"`,
        advice: 'agents need "privileged"; the manifests set it',
      }

const CHECKS: readonly Check[] = [
  version,
  kernels,
  machines,
  network,
  services,
  firstPacket,
  rights,
  others,
  storage,
  podSecurity,
  unread,
]

/** What stands against an installation, in the order of what to look at first. Pure. */
export const preflight = (facts: ClusterFacts): readonly Finding[] => CHECKS.map(check => check(facts))
