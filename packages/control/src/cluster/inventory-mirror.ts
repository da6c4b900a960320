import { type Namespace, namespace, type Workload, type WorkloadId, workloadId } from '@sekisho/core'
import { NAMESPACES, PODS, podWorkload, type Reflected, Reflector } from '@sekisho/kube'
import type { Store } from '@sekisho/store'
import type { LiveState } from '../lifecycle/state.ts'
import type { ClusterWatch } from './watch.ts'

export interface InventoryMirrorOptions {
  readonly watch: ClusterWatch
  readonly records: Pick<Store['records'], 'mirror' | 'inventory'>
  readonly state: Pick<LiveState, 'sync'>
}

/** What came within so long is one transaction: a rollout changes hundreds of pods at once. */
const GATHER_MS = 50
const UNWRITTEN = 'the inventory of the cluster could not be written'

/** `namespace/name`, as the collection is keyed. */
const podId = (key: string): WorkloadId => {
  const slash = key.indexOf('/')
  return workloadId('pod', key.slice(0, slash), key.slice(slash + 1))
}

/**
 * Pods and namespaces of the cluster as workloads and namespaces of the store. Nothing is written before both were
 * listed: half of them would look as if the other half were gone.
 */
export class InventoryMirror {
  readonly #options: InventoryMirrorOptions
  readonly #pods: Reflector<Workload>
  readonly #namespaces: Reflector<Namespace>
  readonly #known = new Map<string, Namespace>()
  #set = new Map<WorkloadId, Workload>()
  #removed = new Set<WorkloadId>()
  #namespacesChanged = false
  #waiting: Disposable | undefined
  #isWhole = false

  constructor(options: InventoryMirrorOptions) {
    this.#options = options
    const { watch } = options
    this.#pods = new Reflector({
      ...watch.options(PODS),
      type: PODS,
      read: podWorkload,
      onChange: change => this.#podsChanged(change),
    })
    this.#namespaces = new Reflector({
      ...watch.options(NAMESPACES),
      type: NAMESPACES,
      read: ({ name, labels }) => namespace(name, labels),
      onChange: change => this.#spacesChanged(change),
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#pods.run(signal), this.#namespaces.run(signal)])
    this.#waiting?.[Symbol.dispose]()
  }

  #podsChanged({ set, removed }: Reflected<Workload>): void {
    for (const workload of set.values()) {
      this.#set.set(workload.id, workload)
      this.#removed.delete(workload.id)
    }
    for (const id of removed.map(podId)) {
      this.#set.delete(id)
      this.#removed.add(id)
    }
    this.#gather()
  }

  #spacesChanged({ set, removed }: Reflected<Namespace>): void {
    for (const name of removed) this.#known.delete(name)
    for (const [name, space] of set) this.#known.set(name, space)
    this.#namespacesChanged = true
    this.#gather()
  }

  #gather(): void {
    if (!this.#pods.isListed || !this.#namespaces.isListed) return
    this.#waiting ??= this.#options.watch.timers.after(GATHER_MS, () => this.#write())
  }

  #write(): void {
    const { records, state, watch } = this.#options
    this.#waiting = undefined
    if (!this.#isWhole) this.#forgetOthers()
    try {
      records.mirror({
        set: [...this.#set.values()],
        removed: [...this.#removed],
        ...(this.#namespacesChanged && { namespaces: [...this.#known.values()] }),
      })
      this.#isWhole = true
      this.#set = new Map()
      this.#removed = new Set()
      this.#namespacesChanged = false
      state.sync()
      watch.onTrouble(UNWRITTEN, undefined)
    } catch (error) {
      // Kept, and written with what comes next.
      watch.onTrouble(UNWRITTEN, error)
      this.#waiting = watch.timers.after(GATHER_MS * 20, () => this.#write())
    }
  }

  /** Pods that went while nobody watched. */
  #forgetOthers(): void {
    for (const { id, kind } of this.#options.records.inventory().workloads) {
      if (kind === 'pod' && !this.#set.has(id)) this.#removed.add(id)
    }
  }
}
