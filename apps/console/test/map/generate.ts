import type { MapEdge, MapNode, MapView } from '@sekisho/control'
import type { Outcome, Reason } from '@sekisho/core'

/** Deterministic numbers in [0, 1): mulberry32. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const AT = '2026-11-22T04:00:00.000Z'
const ROLES = [
  'web',
  'api',
  'worker',
  'cache',
  'db',
  'queue',
  'auth',
  'search',
  'report',
  'mail',
  'proxy',
  'sync',
]
const PORTS = [
  [80, 'http'],
  [443, 'tls'],
  [5432, 'postgresql'],
  [6379, 'redis'],
  [8080, 'http'],
  [9092, 'kafka'],
  [53, 'dns'],
] as const
const WHY = { allowed: 'not-selected', audited: 'isolated', denied: 'isolated' } as const satisfies Record<
  Outcome,
  Reason
>

export const node = (namespace: string, name: string, rest: Partial<MapNode> = {}): MapNode => ({
  key: `${namespace}/${name}`,
  kind: 'workload',
  namespace,
  name,
  ownerKind: 'Deployment',
  instances: 1,
  ingress: 'none',
  egress: 'none',
  ...rest,
})
export const outside = (address: string): MapNode =>
  node('', address, { key: address, kind: 'external', ownerKind: '' })

export function edge(
  source: string,
  destination: string,
  port: number,
  rest: Partial<MapEdge> = {},
): MapEdge {
  const outcome = rest.outcome ?? 'allowed'
  const connections = { allowed: 0, audited: 0, denied: 0, [outcome]: 120 }
  return {
    source,
    destination,
    protocol: 'TCP',
    port,
    outcome,
    why: WHY[outcome],
    connections,
    bytes: 480_000,
    first: '2026-11-22T03:46:00.000Z',
    last: '2026-11-22T03:59:58.000Z',
    ...rest,
  }
}

export function view(nodes: readonly MapNode[], edges: readonly MapEdge[]): MapView {
  const counts = Map.groupBy(
    nodes.filter(({ kind }) => kind === 'workload'),
    ({ namespace }) => namespace,
  )
  return {
    at: AT,
    namespaces: [...counts].map(([name, list]) => ({ name, workloads: list.length })),
    nodes: [...nodes],
    edges: [...edges],
    notes: [],
  }
}

const pick = <T>(list: readonly T[], at: number): T => {
  const item = list[Math.floor(at * list.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}

/** A cluster of any size: three quarters of the traffic stays inside its namespace, 2 in 100 edges are denied. */
export function cluster(workloads: number, edges: number, seed = 1): MapView {
  const next = random(seed)
  const spaces = Math.max(1, Math.round(workloads / 60))
  const nodes = Array.from({ length: workloads }, (_, index) => {
    const space = index % spaces
    const mode = (['none', 'audit', 'enforce', 'enforce'] as const)[space % 4]
    const role = ROLES[Math.floor(index / spaces) % ROLES.length] ?? 'web'
    return node(`team-${String(space).padStart(2, '0')}`, `${role}-${Math.floor(index / spaces)}`, {
      instances: 1 + (index % 3),
      ingress: mode ?? 'none',
    })
  })
  const hosts = Array.from({ length: 12 }, (_, index) => outside(`203.0.113.${index + 1}`))
  const home = Map.groupBy(nodes, ({ namespace }) => namespace)
  const found = new Map<string, MapEdge>()
  while (found.size < edges) {
    const source = pick(nodes, next())
    const chance = next()
    const mates = home.get(source.namespace) ?? nodes
    const destination =
      chance < 0.75 ? pick(mates, next() ** 2) : chance < 0.97 ? pick(nodes, next()) : pick(hosts, next())
    const [port, application] = pick(PORTS, next())
    const key = `${source.key}>${destination.key}`
    if (source === destination || found.has(key)) continue
    const luck = next()
    const outcome = luck < 0.02 ? 'denied' : luck < 0.06 ? 'audited' : 'allowed'
    const count = Math.ceil(10 ** (next() * 4))
    const connections = { allowed: 0, audited: 0, denied: 0, [outcome]: count }
    found.set(
      key,
      edge(source.key, destination.key, port, { application, outcome, connections, bytes: count * 4096 }),
    )
  }
  return view([...nodes, ...hosts], [...found.values()])
}

/** The lab's four namespaces with an attacker's foothold, as seen after a minute. */
export function lab(): MapView {
  const nodes = [
    node('shop', 'web', { instances: 2 }),
    node('shop', 'api', { instances: 2 }),
    node('shop', 'cart'),
    node('shop', 'redis', { ownerKind: 'StatefulSet' }),
    node('shop', 'foothold', { ownerKind: 'Pod' }),
    node('payments', 'checkout', { ingress: 'enforce', egress: 'enforce' }),
    node('payments', 'ledger', { ingress: 'enforce', egress: 'audit' }),
    node('payments', 'db', { ownerKind: 'StatefulSet', ingress: 'enforce' }),
    node('payments', 'batch', { ownerKind: 'CronJob', egress: 'audit' }),
    node('monitoring', 'prometheus', { ownerKind: 'StatefulSet', ingress: 'audit' }),
    node('monitoring', 'grafana', { ingress: 'audit' }),
    node('kube-system', 'kube-dns', { instances: 2 }),
    node('kube-system', 'metrics-server'),
    outside('203.0.113.10'),
    outside('198.51.100.7'),
    outside('169.254.169.254'),
  ]
  const dns = { protocol: 'UDP', application: 'dns' }
  const edges = [
    edge('203.0.113.10', 'shop/web', 443, {
      application: 'tls',
      connections: { allowed: 5120, audited: 0, denied: 0 },
    }),
    edge('shop/web', 'shop/api', 8080, {
      application: 'http',
      connections: { allowed: 4088, audited: 0, denied: 0 },
    }),
    edge('shop/api', 'shop/cart', 8080, { application: 'http' }),
    edge('shop/cart', 'shop/redis', 6379, { application: 'redis', bytes: 9_400_000 }),
    edge('shop/api', 'payments/checkout', 8443, {
      application: 'tls',
      connections: { allowed: 1204, audited: 0, denied: 0 },
    }),
    edge('payments/checkout', 'payments/ledger', 8080, { application: 'http' }),
    edge('payments/ledger', 'payments/db', 5432, { application: 'postgresql' }),
    edge('payments/batch', 'payments/db', 5432, {
      application: 'postgresql',
      outcome: 'audited',
      why: 'isolated',
    }),
    edge('payments/batch', '198.51.100.7', 443, { application: 'tls', outcome: 'audited' }),
    edge('shop/foothold', 'payments/db', 5432, {
      outcome: 'denied',
      by: 'NetworkPolicy/payments/db#ingress',
      connections: { allowed: 0, audited: 0, denied: 37 },
    }),
    edge('shop/foothold', 'payments/ledger', 8080, {
      outcome: 'denied',
      by: 'NetworkPolicy/payments/ledger#ingress',
      connections: { allowed: 0, audited: 0, denied: 12 },
    }),
    edge('shop/foothold', '169.254.169.254', 80, { connections: { allowed: 3, audited: 0, denied: 0 } }),
    edge('monitoring/prometheus', 'shop/api', 9090, { application: 'http' }),
    edge('monitoring/prometheus', 'payments/checkout', 9090, { application: 'http' }),
    edge('monitoring/grafana', 'monitoring/prometheus', 9090, { application: 'http' }),
    edge('kube-system/metrics-server', 'kube-system/kube-dns', 53, dns),
    edge('shop/web', 'kube-system/kube-dns', 53, dns),
    edge('shop/api', 'kube-system/kube-dns', 53, dns),
    edge('shop/foothold', 'kube-system/kube-dns', 53, {
      ...dns,
      connections: { allowed: 940, audited: 0, denied: 0 },
    }),
    edge('payments/checkout', 'kube-system/kube-dns', 53, dns),
  ]
  return view(nodes, edges)
}
