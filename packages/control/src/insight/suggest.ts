import { type LearnedRule, type LearnFlow, type LearnResult, learn } from '@sekisho/policy'
import type { EdgeTotals, Window } from '@sekisho/store'
import type { SuggestionView } from '../schema/policies.ts'
import { type AttackCode, findAttacks } from './attacks.ts'
import { Groups } from './history.ts'
import { type InsightPorts, timestamp } from './ports.ts'

export interface SuggestRequest {
  readonly window: Window
  /** All that have flows when left out. */
  readonly namespaces?: readonly string[] | undefined
  readonly kind: 'NetworkPolicy' | 'SecurityPolicy'
}

/** Rows of what was left out that are listed, the busiest first; a scan alone makes tens of thousands. */
const EXCLUDED = 1_000

/** Least privilege from what was seen; what looks like an attack is left out and named. */
export function suggest({ store, model }: InsightPorts, request: SuggestRequest): SuggestionView {
  const { records } = store
  const groups = new Groups(records, model)
  const attacks = findAttacks(records, request.window)
  const marked = new Map<LearnFlow, AttackCode>()
  function* flows(): Iterable<LearnFlow> {
    for (const edge of records.edges(request.window)) {
      const flow = flowOf(edge, groups)
      const code = attacks.of(edge)
      if (code !== undefined) marked.set(flow, code)
      yield flow
    }
  }
  const result = learn(flows(), {
    kind: request.kind,
    ...(request.namespaces && { namespaces: request.namespaces }),
    groups: groups.current(),
    suspicious: flow => marked.get(flow),
  })
  const excluded = excludedView(result.excluded)
  const unlisted = excluded.length - EXCLUDED
  return {
    yaml: result.yaml,
    policies: result.policies.map(({ document, yaml, rules }) => ({
      id: document.id,
      yaml,
      rules: rules.map(ruleView),
    })),
    excluded: excluded.slice(0, EXCLUDED),
    notes: [
      ...result.notes.map(noteView),
      ...(unlisted > 0 ? [{ code: 'excluded-limited', details: { rows: unlisted } }] : []),
    ],
  }
}

/** One row for what was left out between two groups on a port, however many pods and addresses tried. */
function excludedView(excluded: LearnResult['excluded']): SuggestionView['excluded'] {
  const rows = new Map<string, SuggestionView['excluded'][number]>()
  for (const { source, destination, port, protocol, connections, code } of excluded) {
    const key = [source, destination, port, protocol, code].join(' ')
    const row = rows.get(key) ?? { source, destination, port, protocol, connections: 0, code }
    rows.set(key, { ...row, connections: row.connections + connections })
  }
  return [...rows.values()].sort((a, b) => b.connections - a.connections)
}

const flowOf = (edge: EdgeTotals, groups: Groups): LearnFlow => ({
  source: groups.end(edge.source),
  destination: groups.end(edge.destination),
  protocol: edge.protocol,
  port: edge.port,
  connections: edge.connections,
  first: edge.first,
  last: edge.last,
  outcome: edge.outcome,
  why: edge.why,
  bytesToSource: edge.bytesToSource,
  ...(edge.application !== undefined && { application: edge.application }),
})

type Noted = LearnedRule['notes'][number]
const noteView = ({ code, details }: Noted) => ({ code, details: { ...details } })

const ruleView = (rule: LearnedRule): SuggestionView['policies'][number]['rules'][number] => ({
  rule: rule.rule,
  peers: [...rule.peers],
  ports: [...rule.ports],
  ...(rule.applications && { applications: [...rule.applications] }),
  connections: rule.connections,
  first: timestamp(rule.first),
  last: timestamp(rule.last),
  confidence: rule.confidence,
  notes: rule.notes.map(noteView),
})
