import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { CUSTOMERS, METADATA, MINING_POOL, SHOP_SITE, SITES, TUNNEL_ZONE } from './cluster.ts'
import { clusterDns, internetDns, legacySite, resolvConf, webSite } from './configs.ts'
import { DATABASE_USER, databaseCommand } from './database.ts'
import { onlyPod, type Plan, type Pod, podsOf } from './plan.ts'
import { findProgram, SYSTEM_PATH } from './prerequisites.ts'
import { countsFile, replaceFile } from './record.ts'

/** A program in a network namespace, and how to know that it is up. */
export interface Container {
  readonly name: string
  readonly netns: string
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Covers /etc/resolv.conf. */
  readonly resolvConf: string
  readonly ready: Ready
  /** Containers that must be up before: so that a count of failures says something about the network, not the start. */
  readonly after: readonly string[]
}

export type Ready =
  | { readonly kind: 'listens'; readonly port: number; readonly protocol: 'TCP' | 'UDP' }
  /** Programs without a port write their first counts when they have started. */
  | { readonly kind: 'counts' }

export interface Run {
  readonly plan: Plan
  readonly dir: string
  /** Of the shop's database role; made anew for each run. */
  readonly databasePassword: string
}

/** No capability but to listen on a port below 1024: as close to a container as the lab needs. */
const CONFINED = [
  'setpriv',
  '--no-new-privs',
  '--inh-caps=-all',
  '--bounding-set=-all,+net_bind_service',
  '--',
]

/** dnsmasq as root wants capabilities that it does not need here; as nobody it takes the one it is given. */
const CONFINED_NOBODY = [
  'setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs',
  '--inh-caps=-all,+net_bind_service --ambient-caps=+net_bind_service',
  '--bounding-set=-all,+net_bind_service --',
].flatMap(words => words.split(' '))

const program = (file: string) => join(import.meta.dirname, 'programs', `${file}.ts`)
const nodeCommand = (file: string, ...args: string[]): string[] => [
  ...CONFINED,
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=1',
  program(file),
  ...args,
]
const installed = (name: string): string => {
  const path = findProgram(name)
  if (path === undefined) throw new Error(`${name} is not installed`)
  return path
}

const etc = (run: Run) => join(run.dir, 'etc')
export const caFile = (run: Pick<Run, 'dir'>): string => join(run.dir, 'certificates', 'ca.pem')
const resolvConfOf = (run: Run, namespace: string) => join(etc(run), `resolv-${namespace}.conf`)

const environment = (run: Run, name: string, more: Readonly<Record<string, string>> = {}) => ({
  PATH: SYSTEM_PATH,
  HOME: '/',
  LANG: 'C.UTF-8',
  NAME: name,
  COUNTS_FILE: countsFile(run.dir, name),
  CA_FILE: caFile(run),
  ...more,
})

const databaseUrl = (run: Run, host: string) =>
  `postgres://${DATABASE_USER}:${run.databasePassword}@${host}:5432/postgres`

/** What a manifest would give each Node program as environment. */
function settings(run: Run, file: string): Record<string, string> {
  const all: Readonly<Record<string, Record<string, string>>> = {
    api: {
      DATABASE_URL: databaseUrl(run, 'db.payments'),
      CART_HOST: 'cart',
      GATEWAY_URL: 'http://gateway.payments',
    },
    gateway: {
      DATABASE_URL: databaseUrl(run, 'db'),
      ACQUIRER_URL: `https://${SITES.acquirer.name}/authorise`,
    },
    ledger: { DATABASE_URL: databaseUrl(run, 'db') },
    worker: {
      API_URL: 'http://api',
      RATES_URL: `https://${SITES.rates.name}/daily`,
      PACKAGES_URL: `https://${SITES.packages.name}/index`,
    },
    scraper: { TARGETS: scrapeTargets(run.plan) },
    dashboard: { SCRAPER_URL: 'http://scraper:9090' },
    'log-shipper': { COLLECTOR_URL: `https://${SITES.logs.name}/ingest` },
  }
  return all[file] ?? {}
}

/** Pods that serve `/metrics` on their port called `http`. */
const scrapeTargets = (plan: Plan): string =>
  plan.pods
    .filter(pod => pod.app.namespace !== 'monitoring' && pod.app.name !== 'legacy-cms')
    .flatMap(pod =>
      pod.app.ports
        .filter(({ name }) => name === 'http')
        .map(({ port }) => `${pod.key}=http://${pod.ip4}:${port}/metrics`),
    )
    .join(' ')

function podCommand(run: Run, pod: Pod): string[] {
  const dir = join(etc(run), pod.key)
  const config = (text: string) => {
    mkdirSync(dir, { recursive: true })
    const file = join(dir, 'config')
    replaceFile(file, text)
    return file
  }
  const { program } = pod
  switch (program.kind) {
    case 'node':
      return nodeCommand(program.file)
    case 'nginx': {
      const text = program.site === 'web' ? webSite(dir) : legacySite(dir)
      return [...CONFINED, installed('nginx'), '-e', 'stderr', '-c', config(text)]
    }
    case 'redis': {
      const open = ['--bind', '0.0.0.0', '::', '--protected-mode', 'no', '--dir', '/tmp']
      return [...CONFINED, installed('redis-server'), ...open, '--save', '', '--appendonly', 'no']
    }
    case 'postgres':
      return databaseCommand(run.dir)
    case 'dnsmasq':
      return dnsCommand(config(clusterDns(run.plan)))
  }
}

const dnsCommand = (config: string): string[] => [
  ...CONFINED_NOBODY,
  installed('dnsmasq'),
  '--keep-in-foreground',
  '--log-facility=-',
  '--pid-file=',
  `--conf-file=${config}`,
]

/** @param names `namespace/app` of the plan, or a host outside; what is left out is not waited for. */
const afterOf = (plan: Plan, names: readonly string[]): string[] =>
  names.flatMap(name => {
    const [zone = '', app] = name.split('/')
    return app === undefined ? [name] : podsOf(plan, zone, app).map(pod => pod.key)
  })

function podContainer(run: Run, pod: Pod): Container {
  const port = pod.app.ports[0]
  const listens = port && (port.protocol === 'UDP' ? 'UDP' : 'TCP')
  const own = pod.program.kind === 'node' ? { ...settings(run, pod.program.file), ...pod.program.env } : {}
  return {
    name: pod.key,
    netns: pod.netns,
    argv: podCommand(run, pod),
    env: environment(run, pod.key, own),
    resolvConf: resolvConfOf(run, pod.app.namespace),
    ready: port && listens ? { kind: 'listens', port: port.port, protocol: listens } : { kind: 'counts' },
    after: afterOf(run.plan, pod.app.startsAfter ?? []),
  }
}

/** What stands outside the cluster: the internet's sites, resolver and customers, and the node's kubelet. */
function outside(run: Run, hasDns: boolean): Container[] {
  const { plan } = run
  const internet = { netns: plan.internetNetns, resolvConf: resolvConfOf(run, 'shop') }
  const certificates = join(run.dir, 'certificates')
  const node = (name: string, file: string, env: Record<string, string>) => ({
    ...internet,
    name,
    argv: nodeCommand(file),
    env: environment(run, name, env),
    ready: { kind: 'counts' } as const,
    after: [] as readonly string[],
  })
  const sites = {
    KEY_FILE: join(certificates, 'sites.key'),
    CERTIFICATE_FILE: join(certificates, 'sites.pem'),
    POOL_ADDRESS: MINING_POOL.ip4,
    POOL_PORT: String(MINING_POOL.port),
    METADATA_ADDRESS: METADATA,
  }
  const shops = `http://${SHOP_SITE.ip4} http://[${SHOP_SITE.ip6 ?? '::1'}]`
  const probes = plan.pods.flatMap(pod =>
    pod.app.ports
      .filter(({ protocol }) => protocol === 'TCP')
      .map(({ port }) => `${pod.key}=${pod.app.ports.length > 1 ? pod.ip6 : pod.ip4}:${port}`),
  )
  const resolver: Container = {
    ...internet,
    name: 'internet-dns',
    argv: hasDns ? dnsCommand(join(etc(run), 'internet-dns.conf')) : [],
    env: environment(run, 'internet-dns'),
    ready: { kind: 'listens', port: 53, protocol: 'UDP' },
    after: [],
  }
  const everyPod = plan.pods.filter(pod => pod.app.ports.length > 0).map(pod => pod.key)
  return [
    ...(hasDns ? [resolver] : []),
    {
      ...node('internet-sites', 'internet', sites),
      ready: { kind: 'listens', port: 443, protocol: 'TCP' },
    },
    {
      ...node('customers', 'shopper', { BASE_URLS: shops, SOURCES: CUSTOMERS.join(' ') }),
      after: everyPod,
    },
    {
      ...node('kubelet', 'prober', { PROBES: probes.join(' ') }),
      netns: plan.nodeNetns,
      after: everyPod,
    },
  ]
}

/** Writes every configuration file. @returns what to start, in no order: the programs find each other. */
export function prepareContainers(run: Run): Container[] {
  mkdirSync(etc(run), { recursive: true })
  for (const { name } of run.plan.namespaces) replaceFile(resolvConfOf(run, name), resolvConf(name))
  replaceFile(join(etc(run), 'internet-dns.conf'), internetDns())
  const hasDns = podsOf(run.plan, 'kube-system', 'dns').length > 0
  return [...run.plan.pods.map(pod => podContainer(run, pod)), ...outside(run, hasDns)]
}

/** The attacker's shell: a process in the namespaces of shop/legacy-cms. */
export function attackContainer(run: Run, attack: string): Container {
  const { plan } = run
  const foothold = onlyPod(plan, 'shop', 'legacy-cms')
  const name = `attack-${attack}`
  const scanned = plan.pods.filter(
    pod => ['payments', 'shop'].includes(pod.app.namespace) && pod !== foothold,
  )
  const env = {
    SCAN_TARGETS: scanned.map(pod => `${pod.key}=${pod.ip4}`).join(' '),
    METADATA_ADDRESS: METADATA,
    POOL_NAME: MINING_POOL.name,
    POOL_PORT: String(MINING_POOL.port),
    STOLEN_DATABASE_URL: databaseUrl(run, 'db.payments'),
    CART_ADDRESS: 'cart',
    EXFIL_URL: `https://${SITES.paste.name}/upload`,
    TUNNEL_ZONE: TUNNEL_ZONE.name,
  }
  return {
    name,
    netns: foothold.netns,
    argv: nodeCommand('attacker', attack),
    env: environment(run, name, env),
    resolvConf: resolvConfOf(run, foothold.app.namespace),
    ready: { kind: 'counts' },
    after: [],
  }
}
