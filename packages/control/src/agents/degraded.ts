import type { NodeName } from '@sekisho/core'
import type { Store } from '@sekisho/store'
import type { LiveState } from '../lifecycle/state.ts'

/**
 * What nodes of the cluster cannot do, as their agents say it; nodes that can do all are not there. Where no pods are is no node
 * of the cluster: machines outside have agents too.
 */
export function degradedNodes(
  { agents }: { readonly agents: Pick<Store['agents'], 'list'> },
  { model }: Pick<LiveState, 'model'>,
): ReadonlyMap<NodeName, readonly string[]> {
  const said = agents.list().flatMap(({ node, status }) => {
    const { degraded = [] } = status ?? {}
    return degraded.length > 0 ? [[node, degraded] as const] : []
  })
  // Mostly there is nothing to say, and pods are many.
  if (said.length === 0) return new Map()
  const withPods = new Set<NodeName>()
  for (const { kind, node } of model.workloads.values()) if (kind === 'pod') withPods.add(node)
  return new Map(said.filter(([node]) => withPods.has(node)))
}
