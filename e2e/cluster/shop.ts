import { isNotFound, type JsonRecord, KubeObjects, PODS, type ResourceType } from '@sekisho/kube'
import { expect } from 'vitest'
import { type Cluster, openCluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { defineKinds } from './kinds.ts'
import type { Both } from './network.ts'
import { finishedPod, makeNamespace, type Pod, type PodPlan, reaches, SERVICES, startPod } from './pods.ts'
import { Sekisho } from './sekisho.ts'

const NAMESPACE = 'shop'
/** All answer on port 80. Each is labelled `app` and `pod` with its name. */
const PLACES = [
  ['web', 'node-1'],
  ['near', 'node-1'],
  ['far', 'node-2'],
] as const
type Name = (typeof PLACES)[number][0]

function opened<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('it is not open yet')
  return part
}

/**
 * A namespace of a cluster with three pods, and a Service of both families before `web`. Each test leaves labels and
 * policies as it found them, so that each can be run alone.
 */
export class Shop implements AsyncDisposable {
  readonly #resources = new AsyncDisposableStack()
  readonly #pods = new Map<Name, Pod>()
  #cluster: Cluster | undefined
  #sekisho: Sekisho | undefined
  #serviceIps: Both | undefined

  get cluster(): Cluster {
    return opened(this.#cluster)
  }
  get sekisho(): Sekisho {
    return opened(this.#sekisho)
  }

  async open(): Promise<void> {
    const cluster = this.#resources.use(await openCluster())
    this.#cluster = cluster
    await defineKinds(cluster.client)
    await makeNamespace(cluster.client, NAMESPACE)
    for (const [name, node] of PLACES)
      this.#pods.set(
        name,
        await startPod(cluster, this.#plan({ name, node, labels: { app: name, pod: name } })),
      )
    const spec = {
      selector: { pod: 'web' },
      ports: [{ port: 8080, targetPort: 80 }],
      ipFamilyPolicy: 'RequireDualStack',
    }
    const service = await this.objects(SERVICES).create(this.at('web'), { metadata: { name: 'web' }, spec })
    this.#serviceIps = (service.json.spec as { readonly clusterIPs: Both }).clusterIPs
  }

  async install(): Promise<void> {
    this.#sekisho = this.#resources.use(await Sekisho.install(this.cluster))
  }

  at(name: string): { readonly namespace: string; readonly name: string } {
    return { namespace: NAMESPACE, name }
  }
  objects(type: ResourceType): KubeObjects {
    return new KubeObjects(this.cluster.client, type)
  }
  pod(name: Name): Pod {
    return opened(this.#pods.get(name))
  }

  /** Makes a pod and waits until its program has ended. @returns its exit code. */
  finished(plan: Omit<PodPlan, 'namespace'>): Promise<number> {
    return finishedPod(this.cluster, this.#plan(plan))
  }

  /** Puts it there, or writes it anew. It goes when the result is disposed. */
  async has(type: ResourceType, name: string, spec: JsonRecord): Promise<AsyncDisposable> {
    const at = type.namespaced ? this.at(name) : { name }
    await this.objects(type).apply(at, { spec }, { fieldManager: 'test' })
    const gone = async () => {
      await this.objects(type)
        .remove(at)
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error
        })
    }
    return { [Symbol.asyncDispose]: gone }
  }

  /** Gives a pod another `app`, until the result is disposed. */
  async renamed(name: Name, app: string): Promise<AsyncDisposable> {
    await this.rename(name, app)
    return { [Symbol.asyncDispose]: () => this.rename(name, name) }
  }
  async rename(name: Name, app: string): Promise<void> {
    const labels = { metadata: { labels: { app } } }
    await this.objects(PODS).apply(this.at(name), labels, { fieldManager: 'test', force: true })
  }

  /** Waits until exactly these reach `web`, by both of its addresses and by both of its Service. */
  everyoneReaches(near: boolean, far: boolean): Promise<void> {
    return eventually(async () => {
      const all = (['near', 'far'] as const).flatMap(name => [
        ...this.pod('web').ips.map(ip => reaches(this.pod(name), ip)),
        ...opened(this.#serviceIps).map(ip => reaches(this.pod(name), ip, 8080)),
      ])
      expect(await Promise.all(all)).toEqual([near, near, near, near, far, far, far, far])
    })
  }

  #plan(plan: Omit<PodPlan, 'namespace'>): PodPlan {
    return { namespace: NAMESPACE, ...plan }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync()
  }
}

/** Of a NetworkPolicy: who reaches `web`, by their `app`. */
export const webFrom = (...apps: readonly string[]): JsonRecord => ({
  podSelector: { matchLabels: { pod: 'web' } },
  ingress: [{ from: apps.map(app => ({ podSelector: { matchLabels: { app } } })) }],
})

/** Of a NetworkPolicy: pods with these labels reach nobody. */
export const locked = (matchLabels: Readonly<Record<string, string>>): JsonRecord => ({
  podSelector: { matchLabels },
  policyTypes: ['Egress'],
})
