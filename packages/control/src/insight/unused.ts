import type { EpochMs } from '@sekisho/core'
import { findUnused, type UsedRule, type UsingFlow } from '@sekisho/policy'
import type { Window } from '@sekisho/store'
import type { UnusedView } from '../schema/policies.ts'
import { inParts, modelWith, queryOf, recall } from './history.ts'
import { type InsightPorts, timestamp } from './ports.ts'

export interface UnusedRequest {
  readonly window: Window
  readonly days: number
  /** Policies of these namespaces; all when left out. */
  readonly namespaces?: readonly string[] | undefined
}

/** Which rules in force no recorded connection came to, and the policies without them. */
export function unusedView(ports: InsightPorts, { window, days, namespaces }: UnusedRequest): UnusedView {
  const { records, policies } = ports.store
  const model = modelWith(ports, ports.model.policies.values())
  const changed = new Map(policies.list().map(({ id, updatedAt }) => [id, updatedAt]))
  function* flows(): Iterable<UsingFlow> {
    for (const edges of inParts(records.namedEdges(window))) {
      // A node reaches its own workloads whatever the policies say; only its agent knows all of its addresses.
      const judged = edges.filter(({ why }) => why !== 'own-node')
      recall(records, [model], judged)
      for (const edge of judged) {
        const { connections, last, by } = edge
        yield { query: queryOf(edge), connections, last, ...(by !== undefined && { by }) }
      }
    }
  }
  const since = records.oldest() ?? window.until
  // The later of two times is a time.
  const observed = { since: Math.max(window.since, since) as EpochMs, until: window.until }
  const found = findUnused({
    model,
    flows: flows(),
    observed,
    days,
    ...(namespaces && { namespaces }),
    changedAt: id => changed.get(id),
  })
  return {
    since: timestamp(observed.since),
    until: timestamp(observed.until),
    yaml: found.yaml,
    rules: found.rules.map(ruleView),
  }
}

const ruleView = ({ rule, role, use, connections, last, since, isolates }: UsedRule) => ({
  rule,
  role,
  use,
  connections,
  ...(last !== undefined && { last: timestamp(last) }),
  since: timestamp(since),
  ...(isolates && { isolates }),
})
