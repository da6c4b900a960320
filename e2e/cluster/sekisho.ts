import { join } from 'node:path'
import { type KubeObject, KubeObjects, PODS } from '@sekisho/kube'
import { expect } from 'vitest'
import type { Cluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { helmUpgrade, NAMESPACE } from './helm.ts'
import { OUTSIDE } from './network.ts'
import { containerOf, isReady, SERVICES } from './pods.ts'
import { HERE, Running, run } from './programs.ts'

const AGENT = join(import.meta.dirname, '../../bin/sekisho-agent')

/** Of `sekisho-agent status`, what is asked here. */
export interface AgentSays {
  readonly startedAt: number
  readonly enforcing: boolean
  readonly revision: number
  readonly degraded: readonly string[]
  readonly server: { readonly connected: boolean }
  readonly cni?: {
    readonly added: number
    readonly refused: number
    readonly passed: number
    readonly addMs: { readonly p50: number; readonly p99: number }
  }
}

/** Sekisho as the Helm chart installs it: the server a pod, the agents a DaemonSet. */
export class Sekisho implements AsyncDisposable {
  readonly #cluster: Cluster
  readonly #running: Running

  private constructor(cluster: Cluster, running: Running) {
    this.#cluster = cluster
    this.#running = running
  }

  /** Resolves when the agents of all nodes enforce. */
  static async install(cluster: Cluster): Promise<Sekisho> {
    await using stack = new AsyncDisposableStack()
    const running = stack.use(new Running(join(cluster.directory, 'sekisho')))
    helmUpgrade(cluster, {})
    const at = { namespace: NAMESPACE, name: 'sekisho-server' }
    const { json } = await new KubeObjects(cluster.client, SERVICES).get(at)
    startNameServer(running, (json.spec as { readonly clusterIP: string }).clusterIP)
    const sekisho = new Sekisho(cluster, running)
    await sekisho.works()
    stack.move()
    return sekisho
  }

  status(node: string): AgentSays {
    const { place } = this.#cluster.node(node)
    return JSON.parse(run(place, [AGENT, 'status', '--state=/var/lib/sekisho/agent'])) as AgentSays
  }

  /** Waits until all agents enforce, and are with a server. */
  works(): Promise<void> {
    return eventually(() => {
      this.#running.check()
      for (const { plan } of this.#cluster.nodes) {
        const says = this.status(plan.name)
        if (!says.enforcing || !says.server.connected || says.revision === 0)
          throw new Error(`the agent of ${plan.name} does not enforce yet: ${JSON.stringify(says)}`)
      }
    })
  }

  /** Removes the pod of a node's agent. Resolves when all works with another. */
  async replaceAgent(node: string): Promise<void> {
    const { startedAt } = this.status(node)
    await this.#remove('sekisho-agent', `spec.nodeName=${node}`)
    await eventually(() => expect(this.status(node).startedAt).not.toBe(startedAt))
    await this.works()
  }

  /** Removes the pod of the server. Resolves when all works with another. */
  async replaceServer(): Promise<void> {
    await this.#remove('sekisho-server')
    await this.#isMissed()
    await this.works()
  }

  /** As `helm upgrade --set server.replicas=…`. Resolves when all of them could lead, and agents are with the one that does. */
  async runServers(servers: number): Promise<void> {
    helmUpgrade(this.#cluster, { servers })
    await eventually(async () => {
      const pods = await this.#servers()
      expect(pods.filter(isReady)).toHaveLength(servers)
      expect(pods.filter(isLeader)).toHaveLength(1)
    })
    await this.works()
  }

  /** Name of the pod of the server to which the Service leads. */
  async leader(): Promise<string> {
    const leaders = (await this.#servers()).filter(isLeader)
    expect(leaders).toHaveLength(1)
    return leaders[0]?.name ?? ''
  }

  /** Ends its process as a machine that goes off does. @returns its pod's name. */
  async killLeader(): Promise<string> {
    const pod = (await this.#servers()).find(isLeader)
    if (!pod) throw new Error('no server leads')
    const { nodeName } = pod.json.spec as { readonly nodeName: string }
    process.kill(this.#cluster.node(nodeName).processOf(containerOf(pod)), 'SIGKILL')
    await this.#isMissed()
    return pod.name
  }

  /** As one does before the release is removed. */
  remove(): void {
    helmUpgrade(this.#cluster, { remove: true })
  }

  /** Waits until all agents know that they are alone. */
  #isMissed(): Promise<void> {
    return eventually(() => {
      for (const { plan } of this.#cluster.nodes) expect(this.status(plan.name).server.connected).toBe(false)
    })
  }

  async #servers(): Promise<readonly KubeObject[]> {
    const labelSelector = 'app.kubernetes.io/name=sekisho-server'
    const pods = new KubeObjects(this.#cluster.client, PODS)
    return (await pods.page({ namespace: NAMESPACE, labelSelector }, { limit: 10 })).objects
  }

  async #remove(name: string, fieldSelector?: string): Promise<void> {
    const pods = new KubeObjects(this.#cluster.client, PODS)
    const labelSelector = `app.kubernetes.io/name=${name}`
    const { objects } = await pods.page({ namespace: NAMESPACE, labelSelector, fieldSelector }, { limit: 10 })
    for (const pod of objects) await pods.remove({ namespace: NAMESPACE, name: pod.name })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]()
  }
}

const isLeader = ({ labels }: KubeObject): boolean => labels['sekisho.dev/role'] === 'leader'

/** All that is asked of the cluster's name server is where our server is. */
const startNameServer = (running: Running, serviceIp: string) =>
  running.start('dnsmasq', HERE, [
    'dnsmasq',
    '--no-daemon',
    '--no-hosts',
    '--no-resolv',
    '--user=root',
    '--bind-interfaces',
    `--listen-address=${OUTSIDE[0]}`,
    `--address=/sekisho-server.${NAMESPACE}.svc/${serviceIp}`,
  ])
