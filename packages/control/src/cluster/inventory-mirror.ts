import {
  isProtected,
  type Namespace,
  namespace,
  type ProtectionWord,
  protectionWord,
  type Workload,
  type WorkloadId,
  workloadId,
} from '@sekisho/core'
import { type KubeObject, NAMESPACES, PODS, podWorkload, type Reflected, Reflector } from '@sekisho/kube'
import type { Store } from '@sekisho/store'
import type { LiveState } from '../lifecycle/state.ts'
import { Gathering } from './gathering.ts'
import type { ClusterWatch } from './watch.ts'

export interface InventoryMirrorOptions {
  readonly watch: ClusterWatch
  readonly records: Pick<Store['records'], 'mirror'>
  readonly state: Pick<LiveState, 'sync' | 'model'>
  /** What is said of protection for the whole cluster. */
  readonly firewall?: ProtectionWord | undefined
  readonly follower?: PodFollower | undefined
  /** A namespace says something else of the protection of what is in it. */
  onWord(): void
}

/** Who else wants to know of each pod, as the cluster has it. */
export interface PodFollower {
  /** It came or changed. Must not throw. */
  seen(id: WorkloadId, pod: KubeObject): void
  gone(id: WorkloadId): void
}

/** What an object is here, and what it says of its protection. */
interface Seen<T> {
  readonly value: T
  readonly word: ProtectionWord | undefined
}

/** Pods in one transaction: some 50 ms of the main thread. */
const PORTION = 500

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
  readonly #pods: Reflector<Seen<Workload>>
  readonly #namespaces: Reflector<Seen<Namespace>>
  readonly #known = new Map<string, Seen<Namespace>>()
  /** Of pods that say something: few do. */
  readonly #words = new Map<WorkloadId, ProtectionWord>()
  /** To be written. */
  readonly #set = new Map<WorkloadId, Workload>()
  readonly #removed = new Set<WorkloadId>()
  #namespacesChanged = false
  readonly #gathering: Gathering
  #isListed = false
  #isWhole = false

  constructor(options: InventoryMirrorOptions) {
    this.#options = options
    const trouble = 'the inventory of the cluster could not be written'
    this.#gathering = new Gathering({ watch: options.watch, trouble, write: () => this.#write() })
    const { watch } = options
    this.#pods = new Reflector({
      ...watch.options(PODS),
      type: PODS,
      read(pod) {
        const value = podWorkload(pod)
        // Nothing of it is kept for a follower that may not be there.
        if (value) options.follower?.seen(value.id, pod)
        return value && { value, word: protectionWord(pod) }
      },
      onChange: change => this.#podsChanged(change),
    })
    this.#namespaces = new Reflector({
      ...watch.options(NAMESPACES),
      type: NAMESPACES,
      read: object => ({ value: namespace(object.name, object.labels), word: protectionWord(object) }),
      onChange: change => this.#spacesChanged(change),
    })
  }

  /** What a namespace says of the protection of what is in it. */
  wordOf(namespace: string): ProtectionWord | undefined {
    return this.#known.get(namespace)?.word
  }

  /** All that the cluster has was written once. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#pods.run(signal), this.#namespaces.run(signal)])
    this.#gathering[Symbol.dispose]()
  }

  #podsChanged({ set, removed }: Reflected<Seen<Workload>>): void {
    for (const { value: workload, word } of set.values()) {
      if (word === undefined) this.#words.delete(workload.id)
      else this.#words.set(workload.id, word)
      this.#set.set(workload.id, workload)
      this.#removed.delete(workload.id)
    }
    for (const id of removed.map(podId)) {
      this.#options.follower?.gone(id)
      this.#words.delete(id)
      this.#set.delete(id)
      this.#removed.add(id)
    }
    this.#gather()
  }

  #spacesChanged({ set, removed }: Reflected<Seen<Namespace>>): void {
    for (const name of removed) this.#known.delete(name)
    for (const [name, space] of set) {
      const isOther = this.#known.get(name)?.word !== space.word
      this.#known.set(name, space)
      if (!isOther) continue
      this.#askAgain(name)
      this.#options.onWord()
    }
    this.#namespacesChanged = true
    this.#gather()
  }

  /** Pods of a namespace that says something else of them now. */
  #askAgain(space: string): void {
    // The first list has all of them; what is stored may be gone.
    if (!this.#isListed) return
    for (const workload of this.#options.state.model.workloads.values()) {
      const { id, kind, namespace: name } = workload
      if (kind === 'pod' && name === space && !this.#removed.has(id) && !this.#set.has(id))
        this.#set.set(id, workload)
    }
  }

  #protected(seen: Workload): Workload {
    const { protection: _, ...workload } = seen
    const words = [this.#options.firewall, this.wordOf(workload.namespace), this.#words.get(workload.id)]
    return isProtected(words) ? workload : { ...workload, protection: 'off' }
  }

  #gather(): void {
    if (!this.#pods.isListed || !this.#namespaces.isListed) return
    if (!this.#isListed) this.#forgetOthers()
    this.#gathering.ask()
  }

  /** Pods that went while nobody watched. */
  #forgetOthers(): void {
    this.#isListed = true
    for (const { id, kind } of this.#options.state.model.workloads.values())
      if (kind === 'pod' && !this.#set.has(id)) this.#removed.add(id)
  }

  /** Who is gone first: another may have the address by now. */
  #write(): boolean {
    const removed = [...this.#removed.values().take(PORTION)]
    const set = [...this.#set.values().take(PORTION - removed.length)]
    const { records, state } = this.#options
    records.mirror({
      set: set.map(workload => this.#protected(workload)),
      removed,
      ...(this.#namespacesChanged && { namespaces: [...this.#known.values()].map(({ value }) => value) }),
    })
    this.#namespacesChanged = false
    for (const { id } of set) this.#set.delete(id)
    for (const id of removed) this.#removed.delete(id)
    state.sync()
    const isMore = this.#set.size + this.#removed.size > 0
    this.#isWhole ||= !isMore
    return isMore
  }
}
