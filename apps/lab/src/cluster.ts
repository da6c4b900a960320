import type { NamedPort } from '@sekisho/core'

/** What a workload's container runs. `node` programs are the files beside this one in `programs/`. */
export type Program =
  | { readonly kind: 'node'; readonly file: string; readonly env?: Readonly<Record<string, string>> }
  | { readonly kind: 'nginx'; readonly site: 'web' | 'legacy-cms' }
  | { readonly kind: 'redis' }
  | { readonly kind: 'postgres' }
  | { readonly kind: 'dnsmasq' }

/** One controller and its pods, as a manifest would say it. */
export interface App {
  readonly namespace: string
  readonly name: string
  readonly owner: 'Deployment' | 'StatefulSet' | 'DaemonSet' | 'CronJob'
  readonly replicas?: number
  readonly tier: 'frontend' | 'backend' | 'data' | 'batch' | 'system'
  readonly partOf: string
  readonly ports: readonly NamedPort[]
  readonly program: Program
  /** `namespace/app`s and outside hosts that it calls by itself, without being asked; they are started first. */
  readonly startsAfter?: readonly string[]
}

/** A ClusterIP: the node rewrites it to one of the app's pods before any policy is evaluated. */
export interface Service {
  readonly namespace: string
  readonly name: string
  readonly app: string
  readonly ip4: string
  /** Given for dual-stack services; most clusters' services have one family only. */
  readonly ip6?: string
  readonly port: number
  readonly targetPort: number
  readonly protocols: readonly ('TCP' | 'UDP')[]
}

/** A host on the "internet" side of the node, with an HTTPS site, or another listener, of its own. */
export interface Site {
  readonly name: string
  readonly ip4: string
  readonly ip6?: string
}

export const NAMESPACES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  shop: { team: 'storefront', environment: 'production' },
  payments: { team: 'payments', environment: 'production', 'pci-scope': 'true' },
  monitoring: { team: 'platform' },
  'kube-system': { team: 'platform' },
}

const tcp = (name: string, port: number): NamedPort => ({ name, protocol: 'TCP', port })
const node = (file: string, env: Readonly<Record<string, string>> = {}): Program => ({
  kind: 'node',
  file,
  env,
})

const OUTSIDE = ['kube-system/dns', 'internet-dns', 'internet-sites']
const SHOP = ['kube-system/dns', 'shop/api', 'shop/cart', 'payments/db', 'payments/gateway']

/** The order gives each pod its address: append, do not insert. */
export const APPS: readonly App[] = [
  {
    namespace: 'shop',
    name: 'web',
    owner: 'Deployment',
    replicas: 2,
    tier: 'frontend',
    partOf: 'shop',
    ports: [tcp('http', 8080)],
    program: { kind: 'nginx', site: 'web' },
  },
  {
    namespace: 'shop',
    name: 'api',
    owner: 'Deployment',
    replicas: 2,
    tier: 'backend',
    partOf: 'shop',
    ports: [tcp('http', 8080)],
    program: node('api'),
  },
  {
    namespace: 'shop',
    name: 'cart',
    owner: 'StatefulSet',
    tier: 'data',
    partOf: 'shop',
    ports: [tcp('redis', 6379)],
    program: { kind: 'redis' },
  },
  {
    namespace: 'shop',
    name: 'worker',
    owner: 'CronJob',
    tier: 'batch',
    partOf: 'shop',
    ports: [],
    program: node('worker'),
    startsAfter: [...SHOP, ...OUTSIDE],
  },
  {
    namespace: 'shop',
    name: 'loadgen',
    owner: 'Deployment',
    tier: 'batch',
    partOf: 'shop',
    ports: [],
    program: node('shopper', { BASE_URLS: 'http://web' }),
    startsAfter: [...SHOP, ...OUTSIDE, 'shop/web', 'shop/legacy-cms'],
  },
  {
    namespace: 'shop',
    name: 'legacy-cms',
    owner: 'Deployment',
    tier: 'frontend',
    partOf: 'shop',
    ports: [tcp('http', 8080)],
    program: { kind: 'nginx', site: 'legacy-cms' },
  },
  {
    namespace: 'payments',
    name: 'gateway',
    owner: 'Deployment',
    tier: 'backend',
    partOf: 'payments',
    ports: [tcp('http', 8080)],
    program: node('gateway'),
  },
  {
    namespace: 'payments',
    name: 'db',
    owner: 'StatefulSet',
    tier: 'data',
    partOf: 'payments',
    ports: [tcp('postgresql', 5432)],
    program: { kind: 'postgres' },
  },
  {
    namespace: 'payments',
    name: 'ledger',
    owner: 'Deployment',
    tier: 'backend',
    partOf: 'payments',
    ports: [tcp('http', 8080)],
    program: node('ledger'),
    startsAfter: ['kube-system/dns', 'payments/db'],
  },
  {
    namespace: 'monitoring',
    name: 'scraper',
    owner: 'StatefulSet',
    tier: 'system',
    partOf: 'monitoring',
    ports: [tcp('http', 9090)],
    program: node('scraper'),
    startsAfter: ['shop/web', 'shop/api', 'payments/gateway', 'payments/ledger'],
  },
  {
    namespace: 'monitoring',
    name: 'dashboard',
    owner: 'Deployment',
    tier: 'frontend',
    partOf: 'monitoring',
    ports: [tcp('http', 3000)],
    program: node('dashboard'),
    startsAfter: ['kube-system/dns', 'monitoring/scraper'],
  },
  {
    namespace: 'kube-system',
    name: 'dns',
    owner: 'Deployment',
    tier: 'system',
    partOf: 'cluster',
    ports: [{ name: 'dns', protocol: 'UDP', port: 53 }, tcp('dns-tcp', 53)],
    program: { kind: 'dnsmasq' },
  },
  {
    namespace: 'kube-system',
    name: 'log-shipper',
    owner: 'DaemonSet',
    tier: 'system',
    partOf: 'cluster',
    ports: [],
    program: node('log-shipper'),
    startsAfter: OUTSIDE,
  },
]

const http = { port: 80, targetPort: 8080, protocols: ['TCP'] } as const

export const SERVICES: readonly Service[] = [
  {
    namespace: 'kube-system',
    name: 'kube-dns',
    app: 'dns',
    ip4: '10.96.0.10',
    port: 53,
    targetPort: 53,
    protocols: ['UDP', 'TCP'],
  },
  { namespace: 'shop', name: 'web', app: 'web', ip4: '10.96.1.1', ip6: 'fd96::1:1', ...http },
  { namespace: 'shop', name: 'api', app: 'api', ip4: '10.96.1.2', ip6: 'fd96::1:2', ...http },
  {
    namespace: 'shop',
    name: 'cart',
    app: 'cart',
    ip4: '10.96.1.3',
    port: 6379,
    targetPort: 6379,
    protocols: ['TCP'],
  },
  { namespace: 'shop', name: 'legacy-cms', app: 'legacy-cms', ip4: '10.96.1.4', ...http },
  { namespace: 'payments', name: 'gateway', app: 'gateway', ip4: '10.96.2.1', ...http },
  {
    namespace: 'payments',
    name: 'db',
    app: 'db',
    ip4: '10.96.2.2',
    port: 5432,
    targetPort: 5432,
    protocols: ['TCP'],
  },
  {
    namespace: 'monitoring',
    name: 'scraper',
    app: 'scraper',
    ip4: '10.96.3.1',
    port: 9090,
    targetPort: 9090,
    protocols: ['TCP'],
  },
  /** The shop's public address: its load balancer hands everything to the node, which treats it as a Service. */
  {
    namespace: 'shop',
    name: 'web-public',
    app: 'web',
    ip4: '203.0.113.80',
    ip6: '2001:db8:80::80',
    ...http,
  },
]

/** Addresses and names are from the ranges that RFC 5737, 3849 and 2606 keep for documentation. */
export const SITES = {
  acquirer: { name: 'acquirer.example.com', ip4: '192.0.2.10', ip6: '2001:db8::10' },
  packages: { name: 'packages.example.org', ip4: '192.0.2.20' },
  rates: { name: 'rates.example.net', ip4: '198.51.100.30' },
  logs: { name: 'logs.example.net', ip4: '198.51.100.40', ip6: '2001:db8::40' },
  paste: { name: 'paste.example.org', ip4: '203.0.113.66' },
} as const satisfies Record<string, Site>

export const SHOP_SITE: Site = { name: 'shop.example.com', ip4: '203.0.113.80', ip6: '2001:db8:80::80' }
export const MINING_POOL = { name: 'pool.mining.example', ip4: '203.0.113.33', port: 3333 }
export const TUNNEL_ZONE = { name: 't.example.net', ip4: '203.0.113.99' }
export const RESOLVER = '192.0.2.53'
export const METADATA = '169.254.169.254'
/** Source addresses of the shop's customers. */
export const CUSTOMERS = [
  '198.51.100.101',
  '198.51.100.102',
  '198.51.100.103',
  '2001:db8:c::1',
  '2001:db8:c::2',
]
