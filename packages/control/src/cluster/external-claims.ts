import type { NodeName, Workload, WorkloadId } from '@sekisho/core'
import type { Model } from '@sekisho/policy'

/** What an ExternalWorkload says is its own. */
export interface Claim {
  readonly workload: Workload
  /** RFC 3339, of the object. */
  readonly created: string
}

/** Who has something without having declared it. */
export interface Others {
  /** Whose the address is, in words. */
  ownerOf(ip: string, node: NodeName): string | undefined
  /** Pods run there: what the node does is the cluster's to say. */
  isOfCluster(node: NodeName): boolean
}

export interface Settled {
  /** Without what is another's. */
  readonly workload: Workload
  /** What that is, in words. */
  readonly conflicts: readonly string[]
}

/**
 * What of each claim counts. What is seen to be another's is no one's to declare, and of two declarations the older
 * counts: whoever comes later changes nothing that is in force.
 */
export function settleClaims(claims: Iterable<Claim>, others: Others): ReadonlyMap<WorkloadId, Settled> {
  const inOrder = Array.from(claims).toSorted(byAge)
  const addresses = new Map<string, Workload>()
  const nodes = new Map<NodeName, Workload>()
  return new Map(
    inOrder.map(({ workload }) => {
      const conflicts: string[] = []
      const take = <K extends string>(held: Map<K, Workload>, key: K, owner: string | undefined): boolean => {
        const before = held.get(key)
        const taken = owner ?? (before && `ExternalWorkload ${before.namespace}/${before.name}`)
        if (taken === undefined) held.set(key, workload)
        else conflicts.push(`${key} is of ${taken}`)
        return taken === undefined
      }
      const { node } = workload
      const ofCluster = node !== '' && others.isOfCluster(node) ? 'the cluster itself' : undefined
      const own = node === '' || take(nodes, node, ofCluster) ? node : ('' as NodeName)
      const ips = workload.addresses.filter(ip => take(addresses, ip, others.ownerOf(ip, own)))
      return [workload.id, { workload: { ...workload, node: own, addresses: ips }, conflicts }] as const
    }),
  )
}

const byAge = (a: Claim, b: Claim): number => {
  if (a.created !== b.created) return a.created < b.created ? -1 : 1
  return a.workload.id < b.workload.id ? -1 : 1
}

/** Others, as the model has them. @param nodes those that are asked for. */
export function othersIn(model: Model, nodes: ReadonlySet<NodeName>): Others {
  const ofCluster = new Set<NodeName>()
  if (nodes.size > 0)
    for (const { kind, node } of model.workloads.values())
      if (kind === 'pod' && nodes.has(node)) ofCluster.add(node)
  return {
    isOfCluster: node => ofCluster.has(node),
    ownerOf(ip, node) {
      const owner = model.workloadAt(ip)
      if (owner && owner.kind !== 'external') return `${owner.kind} ${owner.namespace}/${owner.name}`
      // Services of the machine share its addresses.
      const host = model.index.nodeAddresses.nodesAt(ip).find(each => each !== node)
      return host && `node ${host}`
    },
  }
}
