import {
  type JsonRecord,
  type KubeClient,
  KubeObjects,
  openKubeClient,
  type ResourceType,
} from '@sekisho/kube'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { type ControlPlane, openControlPlane } from './control-plane.ts'
import { eventually } from './eventually.ts'
import { makeBusybox, makeSekisho } from './image.ts'
import { type ClusterNode, makeFabric, type NodePlan, openNode } from './node.ts'

/** Ours, on the wire between the nodes. */
export const OUTSIDE = '172.31.0.1'
const PLANS: readonly NodePlan[] = [
  { name: 'node-1', address: '172.31.0.11', pods: '10.244.1.0/24' },
  { name: 'node-2', address: '172.31.0.12', pods: '10.244.2.0/24' },
]

export interface Cluster extends AsyncDisposable {
  readonly control: ControlPlane
  readonly client: KubeClient
  readonly nodes: readonly ClusterNode[]
  readonly directory: string
  node(name: string): ClusterNode
}

export const NODES: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  namespaced: false,
}

/** Two nodes and what rules them, ready for pods. */
export async function openCluster(): Promise<Cluster> {
  if (!process.env.SEKISHO_CLUSTER) throw new Error('run it by make e2e-cluster, in namespaces of its own')
  await using stack = new AsyncDisposableStack()
  const directory = '/mnt'
  makeFabric(OUTSIDE)
  const images = [makeBusybox(directory), makeSekisho(directory)]
  const names = PLANS.map(({ name }) => name)
  const control = stack.use(await openControlPlane(directory, OUTSIDE, names))
  const client = stack.use(openKubeClient({ access: control.access, userAgent: 'test/0', timers }))
  const nodes: ClusterNode[] = []
  for (const plan of PLANS) {
    const others = PLANS.filter(each => each !== plan)
    nodes.push(stack.use(await openNode({ plan, others, control, directory, gateway: OUTSIDE, images })))
  }
  await eventually(async () => {
    for (const { running } of nodes) running.check()
    for (const name of names) if (!(await isReady(client, name))) throw new Error(`${name} is not ready`)
  })
  const kept = stack.move()
  return {
    control,
    client,
    nodes,
    directory,
    node(name) {
      const node = nodes.find(({ plan }) => plan.name === name)
      if (!node) throw new RangeError(`no node ${name}`)
      return node
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** As the cluster's controllers see it. */
export async function isReady(client: KubeClient, name: string): Promise<boolean> {
  const { json } = await new KubeObjects(client, NODES).get({ name })
  const { conditions = [] } = (json.status ?? {}) as JsonRecord & {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
  }
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}
