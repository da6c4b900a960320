interface Panel {
  readonly title: string
  readonly unit: 'short' | 'ops' | 's' | 'bytes' | 'none'
  readonly series: Readonly<Record<string, string>>
}

const RATE = '[$__rate_interval]'
const NODE = '{{node}}'

/** PromQL by legend. Rows of two. */
const PANELS: readonly Panel[] = [
  {
    title: 'Conversations',
    unit: 'ops',
    series: { '{{outcome}}': `sum by (outcome) (rate(sekisho_flows_total${RATE}))` },
  },
  {
    title: 'Requests judged',
    unit: 'ops',
    series: { '{{outcome}}': `sum by (outcome) (rate(sekisho_requests_total${RATE}))` },
  },
  {
    title: 'What is spoken',
    unit: 'ops',
    series: { '{{application}}': `topk(10, sum by (application) (rate(sekisho_flows_spoken_total${RATE})))` },
  },
  {
    title: 'Policies, workloads, agents',
    unit: 'none',
    series: {
      'policies in {{mode}}': 'sekisho_policies',
      workloads: 'sekisho_workloads',
      'agents connected': 'sekisho_agents_connected',
    },
  },
  {
    title: 'Records: batches',
    unit: 'ops',
    series: {
      stored: `rate(sekisho_ingest_batches_total${RATE})`,
      'sent again': `rate(sekisho_ingest_batches_repeated_total${RATE})`,
      'not the node’s own': `rate(sekisho_ingest_overreach_total${RATE})`,
    },
  },
  { title: 'Database', unit: 'bytes', series: { size: 'sekisho_store_bytes' } },
  {
    title: 'API and console',
    unit: 'ops',
    series: {
      requests: `rate(sekisho_http_requests_total${RATE})`,
      failed: `rate(sekisho_http_failures_total${RATE})`,
      'logins {{result}}': `rate(sekisho_logins_total${RATE})`,
    },
  },
  {
    title: 'Nodes that enforce',
    unit: 'none',
    series: { enforcing: 'sum(sekisho_node_enforcing)', connected: 'sum(sekisho_node_connected)' },
  },
  {
    title: 'A change until it is in the kernel, p99',
    unit: 's',
    series: { [NODE]: 'topk(10, sekisho_node_program_seconds)' },
  },
  {
    title: 'Rules in a kernel',
    unit: 'short',
    series: { most: 'max(sekisho_node_rules)', middle: 'quantile(0.5, sekisho_node_rules)' },
  },
  {
    title: 'What nodes cannot do, and transactions that kernels refused',
    unit: 'none',
    series: {
      'nodes that lack something': 'count(sekisho_node_degraded > 0)',
      refused: `sum(increase(sekisho_node_program_errors_total${RATE}))`,
    },
  },
  {
    title: 'Packets read',
    unit: 'ops',
    series: { [NODE]: `topk(10, rate(sekisho_node_inspection_packets_total${RATE}))` },
  },
  {
    title: 'Not seen or not kept',
    unit: 'ops',
    series: { '{{reason}}': `sum by (reason) (rate(sekisho_node_unseen_total${RATE}))` },
  },
]

const [WIDTH, HEIGHT] = [12, 8]
const SOURCE = { type: 'prometheus', uid: '$source' }

const panel = ({ title, unit, series }: Panel, index: number) => ({
  id: index + 1,
  type: 'timeseries',
  title,
  datasource: SOURCE,
  gridPos: { x: (index % 2) * WIDTH, y: Math.floor(index / 2) * HEIGHT, w: WIDTH, h: HEIGHT },
  fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
  targets: Object.entries(series).map(([legendFormat, expr], at) => ({
    refId: String.fromCharCode(65 + at),
    datasource: SOURCE,
    expr,
    legendFormat,
  })),
})

/** https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/ */
export const dashboard = () => ({
  uid: 'sekisho',
  title: 'Sekisho',
  tags: ['sekisho'],
  schemaVersion: 39,
  editable: true,
  refresh: '1m',
  time: { from: 'now-6h', to: 'now' },
  templating: { list: [{ name: 'source', label: 'Prometheus', type: 'datasource', query: 'prometheus' }] },
  panels: PANELS.map(panel),
})
