import { CONFIG_MAPS, KubeObjects, OWN_LABELS, Reflector } from '@sekisho/kube'
import type { ClusterWatch } from './watch.ts'

export interface SharedMapOptions<T> {
  readonly watch: ClusterWatch
  readonly namespace: string
  readonly name: string
  /** Must not throw. */
  readonly read: (data: unknown) => T
  /** Undefined where there is no map, which is also told first. */
  readonly onChange: (read: T | undefined) => void
}

/** A ConfigMap by which the servers of a cluster, of which one writes, tell each other something. */
export class SharedMap<T> {
  readonly #place: { readonly namespace: string; readonly name: string }
  readonly #objects: KubeObjects
  readonly #reflector: Reflector<T>

  constructor({ watch, namespace, name, read, onChange }: SharedMapOptions<T>) {
    this.#place = { namespace, name }
    this.#objects = new KubeObjects(watch.client, CONFIG_MAPS)
    this.#reflector = new Reflector({
      ...watch.options(CONFIG_MAPS),
      type: CONFIG_MAPS,
      selection: { namespace, fieldSelector: `metadata.name=${name}` },
      read: ({ json }) => read(json.data),
      onChange: ({ set }) => onChange([...set.values()][0]),
    })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#reflector.run(signal)
  }

  /** What the cluster has was read once. */
  get isListed(): boolean {
    return this.#reflector.isListed
  }

  /**
   * @param dataOf what it is to say, made of what it said.
   * @throws as `KubeClient.call` does; a conflict where another server wrote at the same time. Then nothing is written.
   */
  async write(dataOf: (before: unknown) => Readonly<Record<string, string>>): Promise<void> {
    const before = await this.#objects.find(this.#place)
    const data = dataOf(before?.json.data)
    const { namespace, name } = this.#place
    if (before) await this.#objects.replace(this.#place, { ...before.json, data })
    else await this.#objects.create({ namespace }, { metadata: { name, labels: OWN_LABELS }, data })
  }
}
