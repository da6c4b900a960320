import type {
  AgentView,
  AuditView,
  EdgeEnd,
  EventView,
  ExplanationView,
  FlowView,
  MapEdge,
  MapNode,
  MapView,
  Overview,
  PolicyView,
  SimulationView,
  SuggestionView,
} from '@sekisho/control'
import type { Outcome, Reason } from '@sekisho/core'

/** A small shop with a foothold in it, as the lab builds it; all times are relative to now. */
const NOW = Date.now()
const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString()

const workload = (namespace: string, name: string, ip: string): EdgeEnd => ({
  key: `${namespace}/${name}`,
  kind: 'workload',
  namespace,
  name,
  ip,
})
const outside = (ip: string): EdgeEnd => ({ key: ip, kind: 'external', namespace: '', name: ip, ip })

const web = workload('shop', 'web', '10.20.1.11')
const api = workload('shop', 'api', '10.20.1.12')
const batch = workload('shop', 'thumbnails', '10.20.1.13')
const foothold = workload('shop', 'image-resizer', '10.20.1.66')
const cache = workload('shop', 'cache', '10.20.1.14')
const checkout = workload('payments', 'checkout', '10.20.2.11')
const ledger = workload('payments', 'ledger-db', '10.20.2.12')
const prometheus = workload('monitoring', 'prometheus', '10.20.3.11')
const dns = workload('kube-system', 'dns', '10.20.4.53')
const metadata = outside('169.254.169.254')
const pool = outside('203.0.113.66')
const bank = outside('198.51.100.20')

export const LEDGER_POLICY = 'SecurityPolicy/payments/ledger-db'

interface Edge {
  readonly from: EdgeEnd
  readonly to: EdgeEnd
  readonly port: number
  readonly app?: string
  readonly outcome?: Outcome
  readonly why?: Reason
  readonly by?: string
  readonly count: number
  readonly requests?: FlowView['requests']
  readonly details?: FlowView['details']
}

const EDGES: readonly Edge[] = [
  { from: outside('192.0.2.10'), to: web, port: 80, app: 'http', count: 412 },
  { from: web, to: api, port: 3000, app: 'http', count: 398 },
  { from: web, to: dns, port: 53, app: 'dns', count: 120 },
  { from: api, to: cache, port: 6379, app: 'redis', count: 350 },
  { from: api, to: checkout, port: 8443, app: 'tls', count: 204 },
  { from: api, to: dns, port: 53, app: 'dns', count: 160 },
  {
    from: checkout,
    to: ledger,
    port: 5432,
    app: 'postgresql',
    why: 'rule-allow',
    by: `${LEDGER_POLICY}#ingress[0]`,
    count: 204,
  },
  { from: checkout, to: bank, port: 443, app: 'tls', count: 87 },
  { from: batch, to: cache, port: 6379, app: 'redis', count: 44 },
  { from: prometheus, to: api, port: 3000, app: 'http', count: 240 },
  {
    from: prometheus,
    to: ledger,
    port: 9187,
    app: 'http',
    outcome: 'audited',
    why: 'isolated',
    by: `${LEDGER_POLICY}#ingress`,
    count: 24,
  },
  {
    from: foothold,
    to: ledger,
    port: 5432,
    app: 'postgresql',
    outcome: 'denied',
    why: 'isolated',
    by: `${LEDGER_POLICY}#ingress`,
    count: 31,
    requests: [
      { name: 'drop accounts', count: 2 },
      { name: '', count: 1 },
    ],
    details: [
      { detail: 'client-software', value: 'psql' },
      { detail: 'user', value: 'ada' },
      { detail: 'user', value: 'root' },
    ],
  },
  { from: foothold, to: metadata, port: 80, app: 'http', count: 12 },
  { from: foothold, to: pool, port: 3333, count: 4 },
]

/** A cursor is the number of records to skip. */
export function flows(total: number): readonly FlowView[] {
  return Array.from({ length: total }, (_, index) => {
    const edge = EDGES[index % EDGES.length] as Edge
    const bytes = 900 + ((index * 7919) % 90_000)
    return {
      id: String(total - index),
      source: edge.from,
      destination: edge.to,
      protocol: edge.port === 53 ? 'UDP' : 'TCP',
      port: edge.port,
      ...(edge.app !== undefined && { application: edge.app }),
      ...(edge.requests && { requests: edge.requests }),
      ...(edge.details && { details: edge.details }),
      outcome: edge.outcome ?? 'allowed',
      ...(edge.by !== undefined && { by: edge.by, direction: 'ingress' as const }),
      why: edge.why ?? 'not-selected',
      connections: 1 + (index % 9),
      packets: 12 + (index % 60),
      bytesToDestination: bytes,
      bytesToSource: bytes * 3,
      first: ago(index * 2 + 60),
      last: ago(index * 2),
    }
  })
}

const node = (end: EdgeEnd): MapNode => ({
  key: end.key,
  kind: end.kind,
  namespace: end.namespace,
  name: end.name,
  ownerKind: end.kind === 'workload' ? 'Deployment' : '',
  instances: end.kind === 'workload' ? 2 : 1,
  ingress: end === ledger ? 'enforce' : 'none',
  egress: 'none',
})

const mapEdge = (edge: Edge): MapEdge => ({
  source: edge.from.key,
  destination: edge.to.key,
  protocol: edge.port === 53 ? 'UDP' : 'TCP',
  port: edge.port,
  ...(edge.app !== undefined && { application: edge.app }),
  outcome: edge.outcome ?? 'allowed',
  ...(edge.by !== undefined && { by: edge.by }),
  why: edge.why ?? 'not-selected',
  connections: { allowed: 0, audited: 0, denied: 0, [edge.outcome ?? 'allowed']: edge.count },
  bytes: edge.count * 4_000,
  first: ago(3000),
  last: ago(2),
})

export const map = (): MapView => ({
  at: ago(0),
  namespaces: [
    { name: 'shop', workloads: 5 },
    { name: 'payments', workloads: 2 },
    { name: 'monitoring', workloads: 1 },
    { name: 'kube-system', workloads: 1 },
  ],
  nodes: [...new Set(EDGES.flatMap(edge => [edge.from, edge.to]))].map(node),
  edges: EDGES.map(mapEdge),
  notes: [],
})

export const overview = (policies: readonly PolicyView[]): Overview => ({
  at: ago(0),
  workloads: 14,
  namespaces: 4,
  agents: { connected: 1, total: 1 },
  learningSince: ago(5400),
  flows: { allowed: 148_213, audited: 214, denied: 37 },
  protection: policies.some(policy => policy.mode === 'Enforce')
    ? { enforced: 9, audited: 0, unprotected: 5 }
    : { enforced: 1, audited: 2, unprotected: 11 },
  attention: [
    {
      code: 'port-scan',
      severity: 'critical',
      at: ago(40),
      workload: 'pod:shop/image-resizer-7f9c',
      details: { source: 'shop/image-resizer', ports: 24, addresses: 13, connections: 312 },
      action: 'show-flows',
      filter: 'src:shop/image-resizer',
    },
    {
      code: 'metadata-probe',
      severity: 'warning',
      at: ago(75),
      workload: 'pod:shop/image-resizer-7f9c',
      details: { source: 'shop/image-resizer', address: '169.254.169.254', connections: 12 },
      action: 'show-flows',
      filter: 'src:shop/image-resizer dst:169.254.169.254',
    },
    {
      code: 'denied-attempts',
      severity: 'warning',
      at: ago(120),
      details: {
        source: 'shop/image-resizer',
        destination: 'payments/ledger-db',
        port: 5432,
        connections: 31,
      },
      action: 'show-flows',
      filter: 'verdict:denied src:shop/image-resizer dst:payments/ledger-db',
    },
    {
      code: 'unprotected-namespace',
      severity: 'info',
      at: ago(0),
      details: { namespace: 'shop', workloads: 5 },
      action: 'suggest',
      filter: 'ns:shop',
    },
    {
      code: 'unprotected-namespace',
      severity: 'info',
      at: ago(0),
      details: { namespace: 'monitoring', workloads: 1 },
      action: 'suggest',
      filter: 'ns:monitoring',
    },
  ],
})

export const LEDGER_YAML = `apiVersion: sekisho.dev/v1alpha1
kind: SecurityPolicy
metadata:
  name: ledger-db
  namespace: payments
spec:
  mode: Enforce
  subject:
    podSelector:
      matchLabels:
        app: ledger-db
  ingress:
    - name: checkout
      from:
        - podSelector:
            matchLabels:
              app: checkout
      ports:
        - protocol: TCP
          port: 5432
`
const SHOP_YAML = LEDGER_YAML.replaceAll('ledger-db', 'api')
  .replaceAll('payments', 'shop')
  .replaceAll('checkout', 'web')
  .replace('5432', '3000')
  .replace('Enforce', 'Audit')

export const policyFrom = (id: string, yaml: string, mode: PolicyView['mode']): PolicyView => {
  const [kind = '', namespace = '', name = ''] = id.split('/')
  return {
    id,
    kind,
    namespace,
    name,
    mode,
    revision: 12,
    rules: 1,
    selects: 2,
    deniedLastHour: mode === 'Enforce' ? 31 : 0,
    auditedLastHour: mode === 'Audit' ? 214 : 0,
    updatedAt: ago(900),
    updatedBy: 'admin',
    yaml,
  }
}

export const POLICIES: readonly PolicyView[] = [
  policyFrom(LEDGER_POLICY, LEDGER_YAML, 'Enforce'),
  policyFrom('SecurityPolicy/shop/api', SHOP_YAML, 'Audit'),
]

const rule = (id: string, index: number, peers: string[], ports: string[], connections: number) => ({
  rule: `${id}#ingress[${index}]`,
  peers,
  ports,
  connections,
  first: ago(3600),
  last: ago(3),
  confidence:
    connections > 100 ? ('high' as const) : connections > 30 ? ('medium' as const) : ('low' as const),
  notes: [],
})

export const SUGGESTION: SuggestionView = {
  yaml: `${SHOP_YAML}---\n${LEDGER_YAML.replace('Enforce', 'Audit')}`,
  policies: [
    {
      id: 'SecurityPolicy/shop/api',
      yaml: SHOP_YAML,
      rules: [
        rule('SecurityPolicy/shop/api', 0, ['shop/web'], ['TCP 3000'], 398),
        rule('SecurityPolicy/shop/api', 1, ['monitoring/prometheus'], ['TCP 3000'], 24),
        {
          ...rule('SecurityPolicy/shop/api', 0, ['kube-system/dns'], ['UDP 53', 'TCP 53'], 160),
          rule: 'SecurityPolicy/shop/api#egress[0]',
          notes: [{ code: 'dns-tcp-added', details: { server: 'kube-system/dns' } }],
        },
      ],
    },
    {
      id: LEDGER_POLICY,
      yaml: LEDGER_YAML,
      rules: [rule(LEDGER_POLICY, 0, ['payments/checkout'], ['TCP 5432'], 204)],
    },
  ],
  excluded: [
    {
      source: 'shop/image-resizer',
      destination: 'payments/ledger-db',
      port: 5432,
      protocol: 'TCP',
      connections: 31,
      code: 'port-scan',
    },
    {
      source: 'shop/image-resizer',
      destination: '169.254.169.254',
      port: 80,
      protocol: 'TCP',
      connections: 12,
      code: 'metadata-probe',
    },
  ],
  notes: [],
}

export const SIMULATION: SimulationView = {
  flows: 1519,
  unchanged: 1482,
  newlyDenied: 37,
  newlyAllowed: 0,
  attacksDenied: 37,
  legitimateBroken: 0,
  undecided: 0,
  since: ago(3600),
  until: ago(0),
  groups: [
    {
      source: foothold,
      destination: api,
      protocol: 'TCP',
      ports: [22, 80, 443, 3306, 5432, 6379, 8080, 9200],
      before: 'allowed',
      after: 'denied',
      by: 'SecurityPolicy/shop/api#ingress',
      why: 'isolated',
      connections: 21,
      attack: true,
    },
    {
      source: foothold,
      destination: metadata,
      protocol: 'TCP',
      ports: [80],
      before: 'allowed',
      after: 'denied',
      by: 'SecurityPolicy/shop/image-resizer#egress',
      why: 'isolated',
      connections: 12,
      attack: true,
    },
    {
      source: foothold,
      destination: pool,
      protocol: 'TCP',
      ports: [3333],
      before: 'allowed',
      after: 'denied',
      by: 'SecurityPolicy/shop/image-resizer#egress',
      why: 'isolated',
      connections: 4,
      attack: true,
    },
  ],
}

export const EXPLANATION: ExplanationView = {
  verdict: 'deny',
  outcome: 'denied',
  by: `${LEDGER_POLICY}#ingress`,
  why: 'isolated',
  direction: 'ingress',
  source: foothold,
  destination: ledger,
  sentences: {
    en: [
      'payments/ledger-db is selected by SecurityPolicy payments/ledger-db for ingress.',
      'Its only rule allows payments/checkout on TCP 5432; shop/image-resizer is not among its peers.',
    ],
    ja: [
      'payments/ledger-db の受信は、SecurityPolicy payments/ledger-db の対象です。',
      '唯一のルールは payments/checkout からの TCP 5432 を許可しており、shop/image-resizer は含まれていません。',
    ],
  },
  considered: [
    { policy: LEDGER_POLICY, direction: 'ingress', outcome: 'no-rule-matched', mode: 'Enforce' },
    { policy: 'SecurityPolicy/shop/api', direction: 'egress', outcome: 'does-not-select', mode: 'Audit' },
  ],
  change: `ingress:
  - from:
      - namespaceSelector:
          matchLabels:
            kubernetes.io/metadata.name: shop
        podSelector:
          matchLabels:
            app: image-resizer
    ports:
      - protocol: TCP
        port: 5432
`,
}

export const EVENTS: readonly EventView[] = [
  {
    id: '3',
    at: ago(40),
    code: 'mining-pool',
    severity: 'critical',
    node: 'lab-1',
    workload: 'pod:shop/image-resizer-7f9c',
    details: { name: 'pool.example' },
  },
  {
    id: '2',
    at: ago(900),
    code: 'program-failed',
    severity: 'warning',
    node: 'lab-1',
    details: { reason: 'Device or resource busy' },
  },
  {
    id: '1',
    at: ago(5400),
    code: 'change-reverted',
    severity: 'info',
    details: { summary: 'apply SecurityPolicy/shop/api' },
  },
]

export const AGENTS: readonly AgentView[] = [
  {
    node: 'lab-1',
    version: '0.1.0',
    connected: true,
    lastSeen: ago(2),
    revision: 12,
    upToDate: true,
    workloads: 14,
    rules: 41,
    programMs: { p50: 0.9, p99: 4.2 },
    programErrors: 0,
    ledger: { 'connection-events-lost': 0, 'flows-gathered': 12 },
    degraded: ['SCTP is not available in this kernel.'],
  },
]

const HASH = '5b3d0f6a91c2e4785b3d0f6a91c2e4785b3d0f6a91c2e4785b3d0f6a91c2e478'
export const AUDIT: readonly AuditView[] = [
  {
    id: '3',
    at: ago(900),
    actor: 'admin',
    action: 'policy.apply',
    target: LEDGER_POLICY,
    result: 'ok',
    from: '127.0.0.1',
    details: '',
    hash: HASH,
  },
  {
    id: '2',
    at: ago(1200),
    actor: '',
    action: 'login.password',
    target: 'admin',
    result: 'refused',
    from: '127.0.0.1',
    details: '',
    hash: HASH,
  },
  {
    id: '1',
    at: ago(5300),
    actor: 'admin',
    action: 'login.link',
    target: 'admin',
    result: 'ok',
    from: '127.0.0.1',
    details: '',
    hash: HASH,
  },
]
