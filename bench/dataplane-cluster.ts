import {
  type Namespace,
  type NodeName,
  namespace,
  type PolicyDocumentJson,
  type Workload,
  workloadId,
} from '@sekisho/core'
import { type PolicyDocument, validatePolicy } from '@sekisho/policy'

export const NODE = 'node-0' as NodeName
export const WORKLOADS = 5_000
/** Of the workloads, on the node that is measured. */
export const LOCAL = 120
const NAMESPACES = 50
const APPS_PER_NAMESPACE = 10
const APPS = NAMESPACES * APPS_PER_NAMESPACE
export const PORT = 8080

/** What real clusters offer: few ports, many times each. */
const PORTS = [80, 443, 3306, 5432, 6379, PORT, 9090, 9092]

/** App `n` and where it is; apps 0 (client) and 1 (server) are those that the traffic runs between. */
const placeOf = (app: number) => ({
  space: `space-${app % NAMESPACES}`,
  app: `app-${Math.floor(app / NAMESPACES)}`,
})

export interface LocalPod {
  readonly addresses: readonly string[]
  readonly interface: string
  readonly interfaceIndex: number
}

/** Indexes that no link of a bench has. */
const NO_LINK = 1_000_000

function workload(index: number, pods: readonly LocalPod[]): Workload {
  const app = index % APPS
  const { space, app: label } = placeOf(app)
  const pod = pods[index]
  const local = index < LOCAL
  const remote = [
    `10.${100 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
    `fd77::${index.toString(16)}`,
  ]
  return {
    id: workloadId('pod', space, `${label}-${index}`),
    kind: 'pod',
    namespace: space,
    name: `${label}-${index}`,
    owner: { kind: 'Deployment', name: label },
    labels: { app: label, index: `${index}` },
    node: local ? NODE : (`node-${1 + (index % 40)}` as NodeName),
    addresses: pod?.addresses ?? remote,
    hostNetwork: false,
    ports: [],
    state: 'running',
    ...(local && {
      interface: pod?.interface ?? `pod${index}`,
      interfaceIndex: pod?.interfaceIndex ?? NO_LINK + index,
    }),
  }
}

/** @param pods the first workloads: client and server. */
export const workloads = (pods: readonly LocalPod[]): Workload[] =>
  Array.from({ length: WORKLOADS }, (_, index) => workload(index, pods))
export const namespaces = (): Namespace[] =>
  Array.from({ length: NAMESPACES }, (_, index) => namespace(`space-${index}`))

const peer = (app: number) => {
  const { space, app: label } = placeOf(((app % APPS) + APPS) % APPS)
  return {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': space } },
    podSelector: { matchLabels: { app: label } },
  }
}

/**
 * Policy `n` is about app `n mod 500` in both directions: two peers each, one port. With more policies than apps an
 * app has several; the one that allows the measured traffic is in the middle of them.
 */
function policyJson(index: number, count: number): PolicyDocumentJson {
  const app = index % APPS
  const round = Math.floor(index / APPS)
  const middle = Math.floor(Math.max(0, Math.ceil(count / APPS) - 1) / 2)
  const { space, app: label } = placeOf(app)
  const far = (by: number) => peer(app + 7 + round * 13 + by)
  const [before, after] = round === middle ? [peer(app - 1), peer(app + 1)] : [far(1), far(2)]
  const ports = [{ port: round === middle ? PORT : (PORTS[round % PORTS.length] ?? PORT) }]
  const measured = round === middle ? [{ ports: [{ port: 5201 }], from: [before] }] : []
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: `p-${String(round).padStart(3, '0')}-${label}`, namespace: space },
    spec: {
      podSelector: { matchLabels: { app: label } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [before, far(3)], ports }, ...measured],
      egress: [
        { to: [after, far(4)], ports },
        ...measured.map(({ ports: to }) => ({ to: [after], ports: to })),
      ],
    },
  }
}

export function policies(count: number): PolicyDocument[] {
  return Array.from({ length: count }, (_, index) => {
    const read = validatePolicy(policyJson(index, count))
    if (!read.ok) throw new TypeError(JSON.stringify(read.error))
    return read.value
  })
}

/** Addresses that nobody has. */
const OTHER = {
  4: (net: number, index: number) => `10.${net}.${(index >> 8) & 255}.${index & 255}`,
  6: (net: number, index: number) => `fd00:${net}::${index.toString(16)}`,
}

/**
 * The same traffic allowed by one linear chain, as scripts and older plugins write it: established first, then one
 * rule for each policy between two addresses, the matching one in the middle, then the drop of what is isolated.
 */
export function linearChain(
  count: number,
  [client, server]: readonly [client: string, server: string],
): string {
  const other = OTHER[client.includes(':') ? 6 : 4]
  const middle = Math.floor(count / 2)
  const rule = (index: number) =>
    index === middle
      ? `-A FORWARD -s ${client} -d ${server} -p tcp -m multiport --dports ${PORT},5201 -j ACCEPT`
      : `-A FORWARD -s ${other(100, index)} -d ${other(99, index)} -p tcp --dport ${PORT} -j ACCEPT`
  return [
    '*filter',
    ':FORWARD ACCEPT [0:0]',
    '-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
    ...Array.from({ length: count }, (_, index) => rule(index)),
    `-A FORWARD -d ${server} -j DROP`,
    'COMMIT',
    '',
  ].join('\n')
}
