import {
  canonicalIp,
  type NodeName,
  namespace,
  type PolicyDocumentJson,
  type Workload,
  workloadId,
} from '@sekisho/core'
import { createModel, type Model, type PolicyDocument, validatePolicy } from '@sekisho/policy'

/** Namespaces of ten apps each; every app has a policy, but one of a namespace has the default deny of all. */
export interface BenchSize {
  readonly pods: number
  readonly policies: number
}

export const APPS = 10
const PODS_PER_NODE = 100
export const APP_PORT = 8080

const spaceName = (index: number): string => `team-${index}`
export const nodeOf = (pod: number): NodeName => `node-${Math.floor(pod / PODS_PER_NODE)}` as NodeName // made here

function ip6Of(index: number): string {
  const text = canonicalIp(`fd00:10::${(index >> 16).toString(16)}:${(index & 0xffff).toString(16)}`)
  if (text === undefined) throw new RangeError('too many pods')
  return text
}

/** Pods go round the namespaces and apps, so that each app has as many as any other. */
export function pod(index: number, { policies }: BenchSize): Workload {
  const spaces = policies / APPS
  const space = spaceName(index % spaces)
  const app = `app-${Math.floor(index / spaces) % APPS}`
  return {
    id: workloadId('pod', space, `${app}-${index}`),
    kind: 'pod',
    namespace: space,
    name: `${app}-${index}`,
    owner: { kind: 'Deployment', name: app },
    labels: { app, tier: app < 'app-5' ? 'front' : 'back' },
    node: nodeOf(index),
    addresses: [`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, ip6Of(index)],
    hostNetwork: false,
    ports: [{ name: 'http', protocol: 'TCP', port: APP_PORT }],
    state: 'running',
  }
}

const valid = (json: PolicyDocumentJson): PolicyDocument => {
  const read = validatePolicy(json)
  if (!read.ok) throw new TypeError(JSON.stringify(read.error))
  return read.value
}

const networkPolicy = (
  namespace: string,
  name: string,
  spec: Readonly<Record<string, unknown>>,
): PolicyDocument =>
  valid({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace }, spec })

const inSpace = (index: number) => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': spaceName(index) } },
})

/** The first app of a namespace faces the world, each other hears the one before it and a neighbour's, and asks DNS. */
function policy(index: number, spaces: number): PolicyDocument {
  const [at, app] = [index % spaces, Math.floor(index / spaces)]
  const space = spaceName(at)
  if (app === APPS - 1)
    return networkPolicy(space, 'default-deny', { podSelector: {}, policyTypes: ['Ingress'] })
  const selector = (name: number) => ({ podSelector: { matchLabels: { app: `app-${name}` } } })
  const from =
    app === 0
      ? [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }]
      : [selector(app - 1), { ...inSpace((at + 1) % spaces), ...selector(app) }]
  return networkPolicy(space, `app-${app}`, {
    ...selector(app),
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from, ports: [{ port: app % 2 === 0 ? 'http' : APP_PORT }] }],
    egress: [
      { to: [selector(app + 1), { ...inSpace((at + spaces - 1) % spaces), ...selector(app) }] },
      { to: [{ ipBlock: { cidr: `198.51.100.${(index % 16) * 16}/28` } }], ports: [{ port: 443 }] },
    ],
  })
}

/** Policies about everybody, as platform teams write them; the first is changed to see what a broad change costs. */
const BROAD = [
  (port: number) => ({
    apiVersion: 'policy.networking.k8s.io/v1alpha2',
    kind: 'ClusterNetworkPolicy',
    metadata: { name: 'monitoring' },
    spec: {
      tier: 'Admin',
      priority: 10,
      subject: { namespaces: {} },
      ingress: [
        {
          action: 'Accept',
          from: [{ namespaces: { matchLabels: { 'kubernetes.io/metadata.name': spaceName(0) } } }],
          protocols: [{ tcp: { destinationPort: { number: port } } }],
        },
      ],
    },
  }),
  () => ({
    apiVersion: 'sekisho.dev/v1alpha1',
    kind: 'ClusterSecurityPolicy',
    metadata: { name: 'no-metadata' },
    spec: {
      mode: 'Enforce',
      subject: { podSelector: {}, namespaceSelector: {} },
      policyTypes: ['Egress'],
      egress: [{ action: 'Deny', to: [{ entity: 'metadata' }] }],
    },
  }),
] as const

export const broadPolicy = (port: number): PolicyDocument => valid(BROAD[0](port))

export interface BenchCluster {
  readonly spaces: number
  readonly workloads: readonly Workload[]
  readonly policies: readonly PolicyDocument[]
  nodeAddress(pod: Workload): string
  /** A model of it, from nothing. */
  build(): Model
}

export function benchCluster(size: BenchSize): BenchCluster {
  const spaces = size.policies / APPS
  const many = <T>(count: number, make: (index: number) => T) =>
    Array.from({ length: count }, (_, i) => make(i))
  const namespaces = many(spaces, index => namespace(spaceName(index), { team: `t${index % 7}` }))
  const nodes = many(Math.ceil(size.pods / PODS_PER_NODE), index => ({
    name: nodeOf(index * PODS_PER_NODE),
    addresses: [`192.168.${index >> 8}.${index & 255}`],
  }))
  const workloads = many(size.pods, index => pod(index, size))
  const policies = [
    ...many(size.policies, index => policy(index, spaces)),
    ...BROAD.map(json => valid(json(9090))),
  ]
  const addressOf = new Map(nodes.map(({ name, addresses }) => [name, addresses[0] ?? '']))
  return {
    spaces,
    nodeAddress: ({ node }) => addressOf.get(node) ?? '',
    workloads,
    policies,
    build() {
      const model = createModel()
      model.update({
        namespaces: { set: namespaces },
        nodes: { set: nodes },
        workloads: { set: workloads },
        policies: { set: policies },
      })
      return model
    },
  }
}
