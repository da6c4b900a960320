import { readFileSync } from 'node:fs'
import type { WorkloadId } from '@sekisho/core'
import { getSysctl, openNetns, SystemError } from '@sekisho/linux'
import { interfaceOf, type PlaceFinder, type Places } from './kernel/places.ts'
import { isMissing } from './state-directory.ts'

/** What this node cannot do, in words a person can act on. Honest rather than silent. */
export function findDegraded(
  netns: string | undefined,
  { places, programs }: Pick<PlaceFinder, 'places' | 'programs'>,
): string[] {
  return [
    bridgeIsBlind(netns, places),
    forgeable(places),
    ...elsewhere(places),
    programmed(programs),
    ipvsIsUsed(netns),
  ].filter(reason => reason !== undefined)
}

/** Frames between two ports of one bridge never reach the IP hooks unless br_netfilter passes them there. */
function bridgeIsBlind(netns: string | undefined, places: Places): string | undefined {
  if (![...places.values()].some(({ kind }) => kind === 'port')) return undefined
  const off = ['iptables', 'ip6tables']
    .map(name => `net.bridge.bridge-nf-call-${name}`)
    .filter(key => sysctl(netns, key) !== '1')
  if (off.length === 0) return undefined
  return `Traffic between workloads on one bridge is neither seen nor stopped: load br_netfilter and set ${off.map(key => `${key}=1`).join(' and ')}.`
}

const some = (ids: readonly WorkloadId[]): string =>
  `${ids.length === 1 ? '1 workload' : `${ids.length} workloads`} (${ids.slice(0, 3).join(', ')}${ids.length > 3 ? ', …' : ''})`

/** Judged by address, and nothing on this node holds them to it. */
function forgeable(places: Places): string | undefined {
  const found = [...places].filter(
    ([, place]) => place.kind !== 'elsewhere' && interfaceOf(place) === undefined,
  )
  if (found.length === 0) return undefined
  return `${some(found.map(([id]) => id))}: enforced by address only, and a packet from a forged address passes for theirs. No interface leads to them alone, and no port of a bridge was found to be theirs: the agent must see the node's processes (hostPID) or /run/netns.`
}

/** One sentence for each link. */
function elsewhere(places: Places): string[] {
  const through = [...places].flatMap(([id, place]) =>
    place.kind === 'elsewhere' ? [{ id, through: place.through }] : [],
  )
  return [...Map.groupBy(through, each => each.through)].map(
    ([name, found]) =>
      `${some(found.map(({ id }) => id))}: this node's own route to them is ${name}, so that their packets may never pass its network stack (macvlan, ipvlan, SR-IOV, Open vSwitch); such packets are neither seen nor stopped.`,
  )
}

function programmed(interfaces: readonly string[]): string | undefined {
  const [first] = interfaces
  if (first === undefined) return undefined
  return `eBPF programs are attached to ${interfaces.length === 1 ? first : `${interfaces.length} interfaces of workloads (${first}, …)`}: what they redirect is neither seen nor stopped. With Cilium set bpf.hostLegacyRouting=true; programs that only filter, as that of the AWS CNI, take nothing away.`
}

/** IPVS sends packets on from the input hook, past forward, where workloads are judged. */
function ipvsIsUsed(netns: string | undefined): string | undefined {
  const table = inside(netns, () => readFileSync('/proc/thread-self/net/ip_vs', 'utf8'))
  const services = table?.split('\n').filter(line => /^(?:TCP|UDP|SCTP) /.test(line)).length ?? 0
  if (services === 0) return undefined
  return `${services} IPVS services: traffic to them bypasses the forward hook and is not judged. Use kube-proxy in nftables or iptables mode.`
}

function sysctl(netns: string | undefined, key: string): string | undefined {
  try {
    return getSysctl(netns, key)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function inside<T>(netns: string | undefined, fn: () => T): T | undefined {
  try {
    if (netns === undefined) return fn()
    using namespace = openNetns(netns)
    return namespace.run(fn)
  } catch (error) {
    if (isMissing(error) || error instanceof SystemError) return undefined
    throw error
  }
}
