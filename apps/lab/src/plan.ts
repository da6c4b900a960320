import { createHash } from 'node:crypto'
import { type Namespace, type NodeName, namespace, type Workload, workloadId } from '@sekisho/core'
import { APPS, type App, NAMESPACES, type Program, SERVICES, type Service } from './cluster.ts'

/** One pod: what runs in it, where it sits in the network, and what Sekisho is told about it. */
export interface Pod {
  readonly app: App
  readonly program: Program
  /** Short and unique in the lab: `shop-web-1`; names the log, the counts and the network namespace. */
  readonly key: string
  readonly netns: string
  /** Node-side end of its veth. */
  readonly interface: string
  readonly ip4: string
  readonly ip6: string
  readonly workload: Workload
}

/** Everything about the lab that is known before anything is started. */
export interface Plan {
  readonly node: NodeName
  readonly nodeNetns: string
  readonly internetNetns: string
  readonly pods: readonly Pod[]
  readonly namespaces: readonly Namespace[]
  readonly services: readonly Service[]
}

/** The node's own addresses: probes come from them, and they are the source of what it sends to a pod. */
export const NODE_IP4 = '10.66.0.1'
export const NODE_IP6 = 'fd66::1'
/** Every pod's gateway, as Calico has it: the same link-local address on each node-side veth. */
export const GATEWAY_IP4 = '169.254.1.1'
export const GATEWAY_IP6 = 'fe80::1'
export const UPLINK = { node4: '10.77.0.1', internet4: '10.77.0.2', node6: 'fd77::1', internet6: 'fd77::2' }

/** Interface names are at most 15 bytes (IFNAMSIZ), so the longer namespaces are abbreviated. */
const SHORT: Readonly<Record<string, string>> = {
  shop: 'shop',
  payments: 'pay',
  monitoring: 'mon',
  'kube-system': 'sys',
}
const hash = (text: string, length: number) =>
  createHash('sha256').update(text).digest('hex').slice(0, length)

/** Pod names as the controllers make them; derived from the name so that every run has the same. */
function podName(app: App, replica: number): string {
  switch (app.owner) {
    case 'StatefulSet':
      return `${app.name}-${replica}`
    case 'DaemonSet':
      return `${app.name}-${hash(`${app.name}/${replica}`, 5)}`
    case 'Deployment':
    case 'CronJob':
      return `${app.name}-${hash(app.name, 10)}-${hash(`${app.name}/${replica}`, 5)}`
  }
}

function labels(app: App, pod: string): Record<string, string> {
  const own: Record<string, string> = {
    app: app.name,
    tier: app.tier,
    'app.kubernetes.io/name': app.name,
    'app.kubernetes.io/instance': `${app.partOf}-${app.name}`,
    'app.kubernetes.io/part-of': app.partOf,
  }
  switch (app.owner) {
    case 'Deployment':
      return { ...own, 'pod-template-hash': hash(app.name, 10) }
    case 'StatefulSet':
      return { ...own, 'statefulset.kubernetes.io/pod-name': pod, 'apps.kubernetes.io/pod-index': '0' }
    case 'DaemonSet':
      return {
        ...own,
        'controller-revision-hash': hash(`${app.name}/revision`, 10),
        'pod-template-generation': '1',
      }
    case 'CronJob':
      return { ...own, 'batch.kubernetes.io/job-name': `${app.name}-${hash(app.name, 10)}` }
  }
}

interface Place {
  readonly prefix: string
  readonly node: NodeName
  readonly ip4: string
  readonly ip6: string
  readonly replica: number
}

function pod(app: App, { prefix, node, ip4, ip6, replica }: Place): Pod {
  const count = app.replicas ?? 1
  const key = `${SHORT[app.namespace] ?? app.namespace}-${app.name}${count > 1 ? `-${replica + 1}` : ''}`
  const name = podName(app, replica)
  return {
    app,
    program: app.program,
    key,
    netns: `${prefix}-${key}`,
    interface: key.slice(0, 15),
    ip4,
    ip6,
    workload: {
      id: workloadId('pod', app.namespace, name),
      kind: 'pod',
      namespace: app.namespace,
      name,
      owner: { kind: app.owner, name: app.name },
      labels: labels(app, name),
      serviceAccount: app.name,
      node,
      addresses: [ip4, ip6],
      hostNetwork: false,
      ports: app.ports,
      state: 'running',
      interface: key.slice(0, 15),
    },
  }
}

/**
 * @param prefix of every network namespace the lab makes; `sekisho` gives the node `sekisho-node`.
 * @param missing programs that are not installed: their pods are left out, and the others keep their addresses.
 */
export function planLab(prefix = 'sekisho', missing: ReadonlySet<Program['kind']> = new Set()): Plan {
  const node = `${prefix}-node` as NodeName // the lab is what names its node
  const names = Object.keys(NAMESPACES)
  const all = names.flatMap((name, zone) =>
    APPS.filter(app => app.namespace === name)
      .flatMap(app => Array.from({ length: app.replicas ?? 1 }, (_, replica) => ({ app, replica })))
      .map(({ app, replica }, index) =>
        pod(app, {
          prefix,
          node,
          replica,
          ip4: `10.66.${zone + 1}.${index + 10}`,
          ip6: `fd66::${zone + 1}:${index + 10}`,
        }),
      ),
  )
  const pods = all.filter(each => !missing.has(each.program.kind))
  const runs = ({ namespace: zone, app }: Service) =>
    pods.some(each => each.app.namespace === zone && each.app.name === app)
  return {
    node,
    nodeNetns: node,
    internetNetns: `${prefix}-internet`,
    pods,
    namespaces: names.map(name => namespace(name, NAMESPACES[name])),
    services: SERVICES.filter(runs),
  }
}

export const netnsNames = (plan: Plan): string[] => [
  plan.nodeNetns,
  plan.internetNetns,
  ...plan.pods.map(pod => pod.netns),
]

export const podsOf = (plan: Plan, namespaceName: string, app: string): Pod[] =>
  plan.pods.filter(pod => pod.app.namespace === namespaceName && pod.app.name === app)

/** The pod of an app that has exactly one. */
export function onlyPod(plan: Plan, namespaceName: string, app: string): Pod {
  const [pod, ...rest] = podsOf(plan, namespaceName, app)
  if (!pod || rest.length > 0) throw new Error(`the lab's plan has no single pod ${namespaceName}/${app}`)
  return pod
}

/** What the agent's file source reads. */
export const workloadsFile = (plan: Plan): string =>
  JSON.stringify({ namespaces: plan.namespaces, workloads: plan.pods.map(pod => pod.workload) }, null, 2)
