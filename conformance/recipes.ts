import { type Truth, truthTables, type World } from './truth.ts'

/** Pods that the recipes name, and beside each one that only looks like it. */
const WORLD: World = {
  namespaces: {
    default: {},
    prod: { purpose: 'production' },
    dev: { purpose: 'testing' },
    ops: { team: 'operations' },
    other: {},
    'kube-system': {},
  },
  pods: {
    'default/web': { app: 'web' },
    'default/api': { app: 'bookstore', role: 'api' },
    'default/search': { app: 'bookstore', role: 'search' },
    'default/db': { app: 'bookstore', role: 'db' },
    'default/inventory': { app: 'inventory', role: 'web' },
    'default/apiserver': { app: 'apiserver' },
    'default/monitor': { role: 'monitoring' },
    'default/monitoring': { type: 'monitoring' },
    'default/foo': { app: 'foo' },
    'prod/client': {},
    'prod/web': { app: 'web' },
    'prod/search': { app: 'bookstore', role: 'search' },
    'dev/client': {},
    'dev/foo': { app: 'foo' },
    'dev/monitor': { role: 'monitoring' },
    'ops/monitoring': { type: 'monitoring' },
    'ops/client': {},
    'other/monitoring': { type: 'monitoring' },
    'kube-system/dns': { 'k8s-app': 'kube-dns' },
    'kube-system/proxy': { 'k8s-app': 'kube-proxy' },
    'dev/dns': { 'k8s-app': 'kube-dns' },
  },
}
const PODS = Object.keys(WORLD.pods)
const of = (...namespaces: readonly string[]): string[] =>
  PODS.filter(pod => namespaces.includes(pod.split('/')[0] ?? ''))
const EVERYBODY = [...PODS, 'outside']
/** The same for each of some pods. */
const each = (pods: readonly string[], only: NonNullable<Truth['into']>[string]) =>
  Object.fromEntries(pods.map(pod => [pod, only]))

const NOBODY = { with: [] }
const DNS = { with: ['kube-system/dns'], ports: ['TCP 53', 'UDP 53'] } as const

const TRUTHS: readonly Truth[] = [
  { files: ['01-deny-all-traffic-to-an-application.yaml'], into: { 'default/web': NOBODY } },
  {
    files: ['02-limit-traffic-to-an-application.yaml'],
    into: { 'default/api': { with: ['default/search', 'default/db'] } },
  },
  { files: ['02a-allow-all-traffic-to-an-application.yaml'] },
  {
    files: ['01-deny-all-traffic-to-an-application.yaml', '02a-allow-all-traffic-to-an-application.yaml'],
  },
  {
    files: ['03-deny-all-non-whitelisted-traffic-in-the-namespace.yaml'],
    into: each(of('default'), NOBODY),
  },
  {
    files: ['04-deny-traffic-from-other-namespaces.yaml'],
    into: each(of('default'), { with: of('default') }),
  },
  { files: ['05-allow-traffic-from-all-namespaces.yaml'], into: { 'default/web': { with: PODS } } },
  { files: ['06-allow-traffic-from-a-namespace.yaml'], into: { 'default/web': { with: of('prod') } } },
  {
    files: ['07-allow-traffic-from-some-pods-in-another-namespace.yaml'],
    into: { 'default/web': { with: ['ops/monitoring'] } },
  },
  { files: ['08-allow-external-traffic.yaml'] },
  {
    files: ['03-deny-all-non-whitelisted-traffic-in-the-namespace.yaml', '08-allow-external-traffic.yaml'],
    into: { ...each(of('default'), NOBODY), 'default/web': { with: EVERYBODY } },
  },
  {
    files: ['09-allow-traffic-only-to-a-port.yaml'],
    into: { 'default/apiserver': { with: ['default/monitor'], ports: ['TCP 5000'] } },
  },
  {
    files: ['10-allowing-traffic-with-multiple-selectors.yaml'],
    into: { 'default/db': { with: ['default/search', 'default/api', 'default/inventory'] } },
  },
  { files: ['11-deny-egress-traffic-from-an-application-1.yaml'], outOf: { 'default/foo': NOBODY } },
  { files: ['11-deny-egress-traffic-from-an-application-2.yaml'], outOf: { 'default/foo': DNS } },
  {
    files: ['12-deny-all-non-whitelisted-traffic-from-the-namespace.yaml'],
    outOf: each(of('default'), NOBODY),
  },
  { files: ['14-deny-external-egress-traffic.yaml'], outOf: { 'default/foo': DNS } },
  {
    files: [
      '03-deny-all-non-whitelisted-traffic-in-the-namespace.yaml',
      '06-allow-traffic-from-a-namespace.yaml',
      '09-allow-traffic-only-to-a-port.yaml',
      '12-deny-all-non-whitelisted-traffic-from-the-namespace.yaml',
      '14-deny-external-egress-traffic.yaml',
    ],
    into: {
      ...each(of('default'), NOBODY),
      'default/web': { with: of('prod') },
      'default/apiserver': { with: ['default/monitor'], ports: ['TCP 5000'] },
    },
    outOf: { ...each(of('default'), NOBODY), 'default/foo': DNS },
  },
]

/** The well-known NetworkPolicy recipes, alone and together. */
export const recipes = truthTables('policy/recipes', WORLD, { truths: TRUTHS })
