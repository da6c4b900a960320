import { execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import {
  type JsonRecord,
  type KubeClient,
  type KubeObject,
  KubeObjects,
  NAMESPACES,
  PODS,
  type ResourceType,
} from '@sekisho/kube'
import type { Cluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { BUSYBOX } from './image.ts'
import type { Both } from './network.ts'
import type { ClusterNode } from './node.ts'
import type { Place } from './programs.ts'

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
  /** Its addresses. */
  readonly ips: Both
  /** Runs a program of the node's in the pod's network. @returns whether it succeeded. */
  does(...command: readonly string[]): Promise<boolean>
  /** Connects there again and again, until disposed; each try waits so long. */
  keepsTrying(ip: string, seconds: number): Tries
}

/** Connections that were accepted, and that were not. */
export interface Tries extends Disposable {
  readonly accepted: number
  readonly failed: number
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
  readonly podIPs?: readonly { readonly ip: string }[]
  readonly containerStatuses?: readonly {
    readonly ready: boolean
    readonly containerID?: string
    readonly state?: { readonly terminated?: { readonly exitCode: number } }
  }[]
}

export async function makeNamespace(client: KubeClient, name: string): Promise<void> {
  await new KubeObjects(client, NAMESPACES).create({}, { metadata: { name } })
  // Made by a controller; no pod may be made before it.
  await eventually(() =>
    client.call({ method: 'GET', path: `/api/v1/namespaces/${name}/serviceaccounts/default` }),
  )
}

/** Makes it and waits until it runs. */
export async function startPod(cluster: Cluster, plan: PodPlan): Promise<Pod> {
  const { namespace } = plan
  await new KubeObjects(cluster.client, PODS).create({ namespace }, podObject(plan))
  return runningPod(cluster, plan)
}

const statusOf = ({ json }: KubeObject): PodStatus => (json.status ?? {}) as PodStatus

/** Whether all of its containers are. */
export const isReady = (pod: KubeObject): boolean =>
  statusOf(pod).containerStatuses?.every(({ ready }) => ready) ?? false

/** Id of its first container; empty before it runs. */
export const containerOf = (pod: KubeObject): string =>
  statusOf(pod).containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? ''

/** Makes it and waits until its program has ended. @returns its exit code. */
export async function finishedPod(cluster: Cluster, plan: PodPlan): Promise<number> {
  const pods = new KubeObjects(cluster.client, PODS)
  await pods.create({ namespace: plan.namespace }, podObject(plan))
  return eventually(async () => {
    const status = statusOf(await pods.get(plan))
    const ended = status.containerStatuses?.[0]?.state?.terminated
    if (!ended) throw new Error(`${plan.name} has not ended: ${JSON.stringify(status)}`)
    return ended.exitCode
  })
}

const SANDBOX =
  /^time="(?<time>[^"]+)".*msg="RunPodSandbox for &PodSandboxMetadata\{Name:(?<name>[^,]+),.*?\}(?<done> returns)?/gm

/** How long containerd took for the sandboxes of pods whose names begin so, by its own log; milliseconds. */
export function sandboxTimes({ running }: ClusterNode, prefix: string): readonly number[] {
  const began = new Map<string, number>()
  const times: number[] = []
  for (const { groups } of readFileSync(running.logOf('containerd'), 'utf8').matchAll(SANDBOX)) {
    const { time = '', name = '', done } = groups ?? {}
    if (!name.startsWith(prefix)) continue
    const since = began.get(name)
    if (done === undefined) began.set(name, Date.parse(time))
    else if (since !== undefined) times.push(Date.parse(time) - since)
  }
  return times
}

/** Waits until it runs, with an address of each family. */
export async function runningPod(cluster: Cluster, { namespace, name, node }: PodPlan): Promise<Pod> {
  const { ips, container } = await eventually(async () => {
    const pod = await new KubeObjects(cluster.client, PODS).get({ namespace, name })
    const [v4, v6] = statusOf(pod).podIPs?.map(({ ip }) => ip) ?? []
    if (v4 === undefined || v6 === undefined || !isReady(pod))
      throw new Error(`${name} does not run: ${JSON.stringify(pod.json.status)}`)
    return { ips: [v4, v6] as const, container: containerOf(pod) }
  })
  const pid = cluster.node(node).processOf(container)
  const inside = ['nsenter', `--target=${pid}`, '--net', '--']
  return {
    name,
    ips,
    does(...command) {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const [program = '', ...args] = [...inside, ...command]
      // A connection that is cut off while it ends would be waited for.
      const child = execFile(program, args, { timeout: 5_000 }, error => resolve(!error))
      child.stdin?.end()
      return promise
    },
    keepsTrying: (ip, seconds) => tryAgainAndAgain(inside, `nc -w ${seconds} ${ip} 80`),
  }
}

function tryAgainAndAgain(place: Place, command: string): Tries {
  const script = `while :; do busybox ${command} </dev/null >/dev/null 2>&1 && echo 1 || echo 0; sleep 0.05; done`
  const [program, ...args] = [...place, 'sh', '-c', script]
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const count = { 1: 0, 0: 0 }
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    for (const char of text) if (char === '1' || char === '0') count[char]++
  })
  return {
    get accepted() {
      return count[1]
    },
    get failed() {
      return count[0]
    },
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  }
}

/** Whether a TCP connection is accepted within three seconds. */
export const reaches = (from: Pod, ip: string, port = 80): Promise<boolean> =>
  from.does('busybox', 'nc', '-w', '3', ip, `${port}`)
