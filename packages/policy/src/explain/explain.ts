import type { FlowQuery, QueryEnd } from '../decision.ts'
import { findEnds } from '../model/ends.ts'
import { type End, isNode } from '../model/entry.ts'
import type { Model } from '../model/model.ts'
import { findChange } from './change.ts'
import { consider } from './considered.ts'
import type { ExplainedEnd, Explanation } from './explanation.ts'

function explainEnd(model: Model, { workload: id }: QueryEnd, end: End): ExplainedEnd {
  const ip = end.text === undefined ? {} : { ip: end.text }
  const workload = end.entry?.workload ?? (id === undefined ? undefined : model.workloads.get(id))
  if (workload && isNode(workload)) return { kind: 'node', node: workload.node, ...ip }
  if (workload) return { kind: 'workload', namespace: workload.namespace, name: workload.name, ...ip }
  const node = end.text === undefined ? undefined : model.index.nodeAddresses.nodesAt(end.text)[0]
  return node === undefined ? { kind: 'outside', ...ip } : { kind: 'node', node, ...ip }
}

/** Why a flow is judged as it is, what was looked at, and what would change it. */
export function explain(model: Model, query: FlowQuery): Explanation {
  const ends = findEnds(model.index, query)
  const { outcome, decision } = model.judge(query)
  const policies = outcome === 'audited' ? 'audit' : 'enforce'
  const change = outcome === 'allowed' ? undefined : findChange(model, { query, ends, policies })
  return {
    query,
    source: explainEnd(model, query.source, ends.source),
    destination: explainEnd(model, query.destination, ends.destination),
    outcome,
    ...decision,
    considered: consider(model.index, query, ends),
    ...(change && { change }),
  }
}
