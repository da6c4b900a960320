import { execFile } from 'node:child_process'
import {
  type JsonRecord,
  type KubeClient,
  KubeObjects,
  NAMESPACES,
  PODS,
  type ResourceType,
} from '@sekisho/kube'
import { vi } from 'vitest'
import type { Cluster } from './cluster.ts'
import { BUSYBOX } from './image.ts'

export const SERVICES: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  namespaced: true,
}

export interface PodPlan {
  readonly namespace: string
  readonly name: string
  readonly node: string
  readonly labels?: Readonly<Record<string, string>>
  /** What it does; default: answers HTTP on port 80 with its name. */
  readonly script?: string
}

/** A pod that runs. */
export interface Pod {
  readonly name: string
  readonly ip: string
  /** Runs a program of the node's in the pod's network. @returns whether it succeeded. */
  does(...command: readonly string[]): Promise<boolean>
}

const SERVE = 'echo $HOSTNAME >/tmp/index.html; exec httpd -f -p 80 -h /tmp'

export const podObject = ({ name, node, labels = {}, script = SERVE }: PodPlan) => ({
  metadata: { name, labels },
  spec: {
    // Placed by hand, where a test speaks of one node or two.
    nodeName: node,
    terminationGracePeriodSeconds: 0,
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    containers: [{ name: 'main', image: BUSYBOX, imagePullPolicy: 'Never', command: ['sh', '-c', script] }],
  },
})

interface PodStatus extends JsonRecord {
  readonly phase?: string
  readonly podIP?: string
  readonly containerStatuses?: readonly {
    readonly ready: boolean
    readonly containerID?: string
    readonly state?: { readonly terminated?: { readonly exitCode: number } }
  }[]
}

export async function makeNamespace(client: KubeClient, name: string): Promise<void> {
  await new KubeObjects(client, NAMESPACES).create({}, { metadata: { name } })
  // Made by a controller; no pod may be made before it.
  await vi.waitFor(() =>
    client.call({ method: 'GET', path: `/api/v1/namespaces/${name}/serviceaccounts/default` }),
  )
}

/** Makes it and waits until it runs. */
export async function startPod(cluster: Cluster, plan: PodPlan): Promise<Pod> {
  const { namespace } = plan
  await new KubeObjects(cluster.client, PODS).create({ namespace }, podObject(plan))
  return runningPod(cluster, plan)
}

async function statusOf({ client }: Cluster, at: Pick<PodPlan, 'namespace' | 'name'>): Promise<PodStatus> {
  const { json } = await new KubeObjects(client, PODS).get(at)
  return (json.status ?? {}) as PodStatus
}

/** Makes it and waits until its program has ended. @returns its exit code. */
export async function finishedPod(cluster: Cluster, plan: PodPlan): Promise<number> {
  const { namespace } = plan
  await new KubeObjects(cluster.client, PODS).create({ namespace }, podObject(plan))
  return vi.waitFor(
    async () => {
      const status = await statusOf(cluster, plan)
      const ended = status.containerStatuses?.[0]?.state?.terminated
      if (!ended) throw new Error(`${plan.name} has not ended: ${JSON.stringify(status)}`)
      return ended.exitCode
    },
    { timeout: 120_000, interval: 100 },
  )
}

export async function runningPod(cluster: Cluster, { namespace, name, node }: PodPlan): Promise<Pod> {
  const status = await vi.waitFor(
    async () => {
      const now = await statusOf(cluster, { namespace, name })
      if (!now.podIP || !now.containerStatuses?.every(({ ready }) => ready))
        throw new Error(JSON.stringify(now))
      return now
    },
    { timeout: 120_000, interval: 100 },
  )
  const container = status.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? ''
  const on = cluster.node(node)
  const line = on
    .ctr('tasks', 'list')
    .split('\n')
    .find(each => each.startsWith(container))
  const pid = Number(line?.split(/\s+/)[1])
  return {
    name,
    ip: status.podIP ?? '',
    does(...command) {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const child = execFile('nsenter', [`--target=${pid}`, '--net', '--', ...command], error =>
        resolve(!error),
      )
      child.stdin?.end()
      return promise
    },
  }
}

/** Whether a TCP connection is accepted within two seconds. */
export const reaches = (from: Pod, ip: string, port = 80): Promise<boolean> =>
  from.does('busybox', 'nc', '-w', '2', ip, `${port}`)
