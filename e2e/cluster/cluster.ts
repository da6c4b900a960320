import { type JsonRecord, type KubeClient, KubeObjects, NODES, openKubeClient } from '@sekisho/kube'
import { systemTimers as timers } from '../../packages/kube/test/system-timers.ts'
import { type ControlPlane, openControlPlane } from './control-plane.ts'
import { eventually } from './eventually.ts'
import { makeBusybox, makeSekisho } from './image.ts'
import { makeFabric, NODE_PLANS, OUTSIDE } from './network.ts'
import { type ClusterNode, openNode } from './node.ts'

export interface Cluster extends AsyncDisposable {
  readonly control: ControlPlane
  readonly client: KubeClient
  readonly nodes: readonly ClusterNode[]
  readonly directory: string
  node(name: string): ClusterNode
}

/** Two nodes and what rules them, ready for pods. */
export async function openCluster(): Promise<Cluster> {
  if (!process.env.SEKISHO_CLUSTER) throw new Error('run it by make e2e-cluster, in namespaces of its own')
  await using stack = new AsyncDisposableStack()
  const directory = '/mnt'
  makeFabric()
  const images = [makeBusybox(directory), makeSekisho(directory)]
  const names = NODE_PLANS.map(({ name }) => name)
  const control = stack.use(await openControlPlane(directory, OUTSIDE, names))
  const client = stack.use(openKubeClient({ access: control.access, userAgent: 'test/0', timers }))
  const nodes: ClusterNode[] = []
  for (const plan of NODE_PLANS) nodes.push(stack.use(await openNode({ plan, control, directory, images })))
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
