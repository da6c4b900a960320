/** What wakes somebody up, or is on a list in the morning. docs/runbooks.md has a section for each. */
interface Alert {
  readonly name: string
  /** PromQL. */
  readonly when: string
  readonly lasting: string
  readonly severity: 'critical' | 'warning' | 'info'
  readonly summary: string
}

const SERVER: readonly Alert[] = [
  {
    name: 'SekishoServerAway',
    when: 'absent(sekisho_build_info)',
    lasting: '10m',
    severity: 'warning',
    summary: 'The server is away; nodes enforce what they know.',
  },
  {
    name: 'SekishoAgentsAway',
    // A sum: which server they are connected to changes with the one that leads.
    when: 'max_over_time(sum(sekisho_agents_connected)[1d:5m]) > sum(sekisho_agents_connected)',
    lasting: '15m',
    severity: 'warning',
    summary: 'Fewer agents are connected than in the last day.',
  },
  {
    name: 'SekishoServerFails',
    when: 'increase(sekisho_http_failures_total[15m]) > 0',
    lasting: '0m',
    severity: 'warning',
    summary: 'Requests failed inside the server.',
  },
  {
    name: 'SekishoLoginsRefused',
    when: 'increase(sekisho_logins_total{result="refused"}[15m]) > 20',
    lasting: '0m',
    severity: 'warning',
    summary: 'Many logins were refused.',
  },
  {
    name: 'SekishoNodeSpeaksForOthers',
    when: 'increase(sekisho_ingest_overreach_total[15m]) > 0',
    lasting: '0m',
    severity: 'critical',
    summary: 'A node reported what is not its own; it may have been broken into.',
  },
]

const NODES: readonly Alert[] = [
  {
    name: 'SekishoNotEnforcing',
    when: 'sekisho_node_enforcing == 0',
    lasting: '5m',
    severity: 'critical',
    summary: 'The kernel of {{ $labels.node }} does not have the agent’s rules.',
  },
  {
    name: 'SekishoAgentCutOff',
    when: 'sekisho_node_connected == 0',
    lasting: '15m',
    severity: 'warning',
    summary:
      'The agent of {{ $labels.node }} has no connection to the server; changes do not reach its node.',
  },
  {
    name: 'SekishoKernelRefuses',
    when: 'increase(sekisho_node_program_errors_total[15m]) > 0',
    lasting: '0m',
    severity: 'critical',
    summary: 'The kernel of {{ $labels.node }} refused a change of rules.',
  },
  {
    name: 'SekishoChangesAreSlow',
    when: 'sekisho_node_program_seconds > 1',
    lasting: '15m',
    severity: 'warning',
    summary: 'Changes take more than a second to reach the kernel of {{ $labels.node }}.',
  },
  {
    name: 'SekishoInspectionStopped',
    when: 'sekisho_node_inspection_listening == 0',
    lasting: '2m',
    severity: 'critical',
    summary: 'Nobody reads conversations on {{ $labels.node }}; policies that fail closed drop them.',
  },
  {
    name: 'SekishoRecordsLost',
    when: 'increase(sekisho_node_unseen_total{reason=~"spool-.*|batch-refused|connection-events-lost"}[15m]) > 0',
    lasting: '0m',
    severity: 'warning',
    summary: 'Records of {{ $labels.node }} were lost: {{ $labels.reason }}.',
  },
  {
    name: 'SekishoJudgementsDisagree',
    when: 'increase(sekisho_node_unseen_total{reason="judgement-disagreements"}[1h]) > 0',
    lasting: '0m',
    severity: 'warning',
    summary: 'Kernel and agent of {{ $labels.node }} judged differently.',
  },
  {
    name: 'SekishoDegraded',
    when: 'sekisho_node_degraded > 0',
    lasting: '30m',
    severity: 'info',
    summary: 'There are things that the agent of {{ $labels.node }} cannot do.',
  },
]

export const ALERTS: readonly Alert[] = [...SERVER, ...NODES]

/** In the chart; where the page is served is one of its values. */
export const RUNBOOKS = 'docs/runbooks.md'

const group = (name: string, alerts: readonly Alert[]) => ({
  name,
  rules: alerts.map(each => ({
    alert: each.name,
    expr: each.when,
    for: each.lasting,
    labels: { severity: each.severity },
    annotations: { summary: each.summary, runbook_url: `${RUNBOOKS}#${each.name.toLowerCase()}` },
  })),
})

/** https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/ */
export const alertRules = () => ({ groups: [group('sekisho-server', SERVER), group('sekisho-nodes', NODES)] })
