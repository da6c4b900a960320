import { readFileSync } from 'node:fs'
import { getSysctl, links, openNetns, SystemError } from '@sekisho/linux'
import type { Inventory } from './server/message.ts'
import { isMissing } from './state-directory.ts'

/** What this node cannot do, in words a person can act on. Honest rather than silent. */
export function findDegraded(netns: string | undefined, inventory: Inventory | undefined): string[] {
  return [bridgeIsBlind(netns, inventory), ipvsIsUsed(netns)].filter(reason => reason !== undefined)
}

/** Frames between two ports of one bridge never reach the IP hooks unless br_netfilter passes them there. */
function bridgeIsBlind(netns: string | undefined, inventory: Inventory | undefined): string | undefined {
  const { workloads = [] } = inventory ?? {}
  const behindBridge = workloads.some(workload => !workload.hostNetwork && workload.interface === undefined)
  if (!behindBridge || !links({ netns }).some(({ kind }) => kind === 'bridge')) return undefined
  if (sysctl(netns, 'net.bridge.bridge-nf-call-iptables') === '1') return undefined
  return 'Traffic between workloads on one bridge is neither seen nor stopped: load br_netfilter and set net.bridge.bridge-nf-call-iptables=1 (and bridge-nf-call-ip6tables=1).'
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
