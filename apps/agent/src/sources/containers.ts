import { isDeepStrictEqual } from 'node:util'
import {
  canonicalIp,
  LIMITS,
  type NodeName,
  namespace,
  type Timers,
  type Workload,
  workloadId,
} from '@sekisho/core'
import { type Sandbox, sandboxes, watchLinks } from '@sekisho/linux'
import { nodeAddresses } from '../kernel/observer.ts'
import { reasonOf } from '../log.ts'
import { Runner } from '../runner.ts'
import type { Inventory } from '../server/message.ts'
import { containerdFacts } from './runtime/containerd.ts'
import { dockerFacts } from './runtime/docker.ts'
import type { ContainerFacts, FactsReader } from './runtime/facts.ts'
import { podmanFacts } from './runtime/podman.ts'
import type { WorkloadSource } from './source.ts'

export interface ContainerSourceOptions {
  readonly node: NodeName
  readonly netns: string | undefined
  readonly timers: Timers
}

/** The first to know a container names it: Docker's API says more than files do. */
const READERS: readonly (readonly [name: string, read: FactsReader])[] = [
  ['Docker or Podman', dockerFacts],
  ['containerd', containerdFacts],
  ['Podman', podmanFacts],
]

/** A new container shows as a new link at once; what changes without one (a name, host networking) by and by. */
const RESCAN_MS = 10_000
const SETTLE_MS = 200

/** Containers of Docker, Podman, containerd and CRI-O, found through control groups and network namespaces. */
export function containerSource(options: ContainerSourceOptions): WorkloadSource {
  const { netns, timers } = options
  return {
    name: 'containers',
    start(listener) {
      let last: Inventory | undefined
      let next: Disposable | undefined
      const runner = new Runner({
        timers,
        intervalMs: SETTLE_MS,
        onError: error => listener.onDegraded([`Containers could not be read: ${reasonOf(error)}`]),
        async run() {
          next?.[Symbol.dispose]()
          next = timers.after(RESCAN_MS, () => runner.trigger())
          const { facts, failures } = await readFacts()
          const inventory = inventoryOf(sandboxes({ netns }), facts, options)
          listener.onDegraded(failures)
          if (isDeepStrictEqual(inventory, last)) return
          last = inventory
          listener.onInventory(inventory)
        },
      })
      const watch = watchLinks({ netns, onChange: () => runner.trigger() })
      runner.trigger()
      return {
        async [Symbol.asyncDispose]() {
          watch[Symbol.dispose]()
          await runner[Symbol.asyncDispose]()
          next?.[Symbol.dispose]()
        },
      }
    },
  }
}

async function readFacts(): Promise<{
  facts: ReadonlyMap<string, ContainerFacts>
  failures: readonly string[]
}> {
  const facts = new Map<string, ContainerFacts>()
  const failures: string[] = []
  for (const [name, read] of READERS) {
    try {
      for (const each of await read()) if (!facts.has(each.id)) facts.set(each.id, each)
    } catch (error) {
      // Its containers are still found, by the kernel; they only lack their names.
      failures.push(`The records of ${name} could not be read: ${reasonOf(error)}`)
    }
  }
  return { facts, failures }
}

/** Pure but for the node's addresses. */
export function inventoryOf(
  found: readonly Sandbox[],
  facts: ReadonlyMap<string, ContainerFacts>,
  { node, netns }: Pick<ContainerSourceOptions, 'node' | 'netns'>,
): Inventory {
  const workloads = found.flatMap(sandbox => workloadsOf(sandbox, facts, { node, netns }))
  const unique = [...new Map(workloads.map(each => [each.id, each])).values()]
  const names = [...new Set(unique.map(each => each.namespace))].toSorted()
  return {
    namespaces: names.map(name => namespace(name)),
    workloads: unique.toSorted((a, b) => (a.id < b.id ? -1 : 1)).slice(0, LIMITS.workloadsPerNode.value),
  }
}

function workloadsOf(
  sandbox: Sandbox,
  facts: ReadonlyMap<string, ContainerFacts>,
  { node, netns }: Pick<ContainerSourceOptions, 'node' | 'netns'>,
): Workload[] {
  const known = sandbox.containers.map(
    ({ id, runtime }) =>
      facts.get(id) ?? { id, name: id.slice(0, 12), labels: { 'sekisho.dev/runtime': runtime }, ports: [] },
  )
  const place = {
    node,
    hostNetwork: sandbox.host,
    addresses: (sandbox.host ? nodeAddresses(netns) : sandbox.addresses)
      .map(canonicalIp)
      .filter(ip => ip !== undefined)
      .slice(0, LIMITS.addressesPerWorkload.value),
    state: 'running',
    ...(sandbox.interface !== undefined && { interface: sandbox.interface }),
  } as const
  if (sandbox.host) return known.map(each => ({ ...describe([each]), ...place }))
  return [{ ...describe(known), ...place }]
}

type Description = Pick<Workload, 'id' | 'kind' | 'namespace' | 'name' | 'owner' | 'labels' | 'ports'>

const COMPOSE = { project: 'com.docker.compose.project', service: 'com.docker.compose.service' } as const

/** One network, one workload: the containers of a pod share their address and cannot be told apart by it. */
function describe(containers: readonly ContainerFacts[]): Description {
  const pod = containers.find(({ pod }) => pod !== undefined)?.pod
  const labels = Object.assign({}, ...containers.map(each => each.labels)) as Workload['labels'] // texts only
  const ports = containers.flatMap(each => each.ports).slice(0, LIMITS.portsPerRule.value)
  if (pod) {
    const { namespace, name } = pod
    const id = workloadId('pod', namespace, name)
    return { id, kind: 'pod', namespace, name, owner: { kind: 'Pod', name }, labels, ports }
  }
  const name = containers[0]?.name ?? ''
  const place = labels[COMPOSE.project] ?? 'containers'
  const service = labels[COMPOSE.service]
  return {
    id: workloadId('container', place, name),
    kind: 'container',
    namespace: place,
    name,
    owner: service === undefined ? { kind: 'Container', name } : { kind: 'ComposeService', name: service },
    labels,
    ports,
  }
}
