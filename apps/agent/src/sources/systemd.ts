import { isDeepStrictEqual } from 'node:util'
import {
  LIMITS,
  type NamedPort,
  type NodeName,
  namespace,
  type Timers,
  type Workload,
  workloadId,
} from '@sekisho/core'
import { type SystemService, services } from '@sekisho/linux'
import { nodeAddresses } from '../kernel/observer.ts'
import { reasonOf } from '../log.ts'
import { Runner } from '../runner.ts'
import type { Inventory } from '../server/message.ts'
import type { WorkloadSource } from './source.ts'

export interface SystemdSourceOptions {
  readonly node: NodeName
  readonly timers: Timers
}

const RESCAN_MS = 10_000
/** Where the services of a host are grouped. */
const NAMESPACE = 'systemd'

/**
 * systemd services that wait for connections. They share the host's addresses: they are shown with their ports,
 * and policies select their node, not them.
 */
export function systemdSource({ node, timers }: SystemdSourceOptions): WorkloadSource {
  return {
    name: 'systemd',
    start(listener) {
      let last: Inventory | undefined
      let next: Disposable | undefined
      const runner = new Runner({
        timers,
        intervalMs: 0,
        onError: error => listener.onDegraded([`Services could not be read: ${reasonOf(error)}`]),
        run() {
          next = timers.after(RESCAN_MS, () => runner.trigger())
          const inventory = inventoryOf(services(), node, nodeAddresses(undefined))
          listener.onDegraded([])
          if (!isDeepStrictEqual(inventory, last)) {
            last = inventory
            listener.onInventory(inventory)
          }
          return Promise.resolve()
        },
      })
      runner.trigger()
      return {
        async [Symbol.asyncDispose]() {
          await runner[Symbol.asyncDispose]()
          next?.[Symbol.dispose]()
        },
      }
    },
  }
}

export function inventoryOf(
  found: readonly SystemService[],
  node: NodeName,
  addresses: readonly string[],
): Inventory {
  const workloads = found.map((service): Workload => {
    const { unit } = service
    return {
      id: workloadId('service', NAMESPACE, unit),
      kind: 'service',
      namespace: NAMESPACE,
      name: unit,
      owner: { kind: 'Unit', name: `${unit}.service` },
      labels: { 'sekisho.dev/unit': unit },
      node,
      addresses: addresses.slice(0, LIMITS.addressesPerWorkload.value),
      hostNetwork: true,
      ports: portsOf(service),
      state: 'running',
    }
  })
  return {
    namespaces: workloads.length === 0 ? [] : [namespace(NAMESPACE)],
    workloads: workloads.toSorted((a, b) => (a.id < b.id ? -1 : 1)).slice(0, LIMITS.workloadsPerNode.value),
  }
}

const isLoopback = (ip: string): boolean => ip.startsWith('127.') || ip === '::1'

/** Ports that others can reach; what listens on loopback only is nobody else's business. */
function portsOf({ sockets }: SystemService): NamedPort[] {
  const ports = new Map<string, NamedPort>()
  for (const { protocol, port, address } of sockets) {
    if (isLoopback(address)) continue
    const name = `${protocol.toLowerCase()}-${port}`
    ports.set(name, { name, protocol, port })
  }
  return [...ports.values()].toSorted((a, b) => a.port - b.port).slice(0, LIMITS.portsPerRule.value)
}
