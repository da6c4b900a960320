import { isDeepStrictEqual } from 'node:util'
import {
  isProtected,
  LIMITS,
  type Problem,
  type ProtectionWord,
  textAt,
  type Workload,
  type WorkloadId,
  workloadId,
} from '@sekisho/core'
import { EXTERNAL_WORKLOADS, type KubeObject, type Reflected, Reflector } from '@sekisho/kube'
import { type ExternalWorkload, validateExternalWorkload } from '@sekisho/policy'
import type { Store } from '@sekisho/store'
import type { LiveState } from '../lifecycle/state.ts'
import { othersIn, type Settled, settleClaims } from './external-claims.ts'
import { Gathering } from './gathering.ts'
import { type ClusterObject, written } from './policy-mirror.ts'
import type { ClusterWatch } from './watch.ts'

/** An ExternalWorkload as the cluster has it. */
export interface ClusterExternal {
  readonly id: WorkloadId
  readonly type: typeof EXTERNAL_WORKLOADS
  readonly object: ClusterObject
  readonly created: string
  /** What it says, or every mistake in it. */
  readonly read: ExternalWorkload | undefined
  readonly problems: readonly Problem[]
}

export interface ExternalMirrorOptions {
  readonly watch: ClusterWatch
  readonly records: Pick<Store['records'], 'mirror'>
  readonly state: Pick<LiveState, 'sync' | 'model' | 'onChange'>
  /** What is said of protection around a namespace's workloads, from the outermost in. */
  readonly wordsAround: (namespace: string) => readonly (ProtectionWord | undefined)[]
}

function read(object: KubeObject): ClusterExternal {
  const { name, namespace, uid, generation, json } = object
  const result = validateExternalWorkload(written(object, EXTERNAL_WORKLOADS))
  return {
    id: workloadId('external', namespace, name),
    type: EXTERNAL_WORKLOADS,
    object: { name, namespace, uid, generation, status: json.status },
    created: textAt(json, 'metadata', 'creationTimestamp') ?? '',
    read: result.ok ? result.value : undefined,
    problems: result.ok ? [] : result.error.slice(0, LIMITS.problemsPerFile.value),
  }
}

/**
 * ExternalWorkloads of the cluster as workloads of the store, less what is another's. One that cannot be read leaves what
 * it said before as it was.
 */
export class ExternalMirror {
  readonly #options: ExternalMirrorOptions
  readonly #reflector: Reflector<ClusterExternal>
  readonly #current = new Map<WorkloadId, ClusterExternal>()
  /** What each said when it could be read last. */
  readonly #said = new Map<WorkloadId, ClusterExternal & { readonly read: ExternalWorkload }>()
  #settled: ReadonlyMap<WorkloadId, Settled> = new Map()
  #written = new Map<WorkloadId, Workload>()
  #removed = new Set<WorkloadId>()
  #isWhole = false
  readonly #gathering: Gathering

  constructor(options: ExternalMirrorOptions) {
    this.#options = options
    const trouble = 'external workloads could not be written'
    this.#gathering = new Gathering({ watch: options.watch, trouble, write: () => this.#write() })
    this.#reflector = new Reflector({
      ...options.watch.options(EXTERNAL_WORKLOADS),
      type: EXTERNAL_WORKLOADS,
      read,
      onChange: change => this.#changed(change),
    })
  }

  /** All that the cluster has was listed, and nothing of it waits to be written. */
  get isSettled(): boolean {
    return this.#isWhole && !this.#gathering.isWaiting
  }

  /** What the cluster has now, by id. */
  get current(): ReadonlyMap<WorkloadId, ClusterExternal> {
    return this.#current
  }

  /** What of it counts; undefined of one that never could be read. */
  settled(id: WorkloadId): Settled | undefined {
    return this.#settled.get(id)
  }

  async run(signal: AbortSignal): Promise<void> {
    // A pod may take an address, and give it back.
    this.#options.state.onChange(() => {
      if (!signal.aborted) this.settleAgain()
    })
    await this.#reflector.run(signal)
    this.#gathering[Symbol.dispose]()
  }

  /** What is around them is another. */
  settleAgain(): void {
    if (this.#said.size > 0) this.#gathering.ask()
  }

  #changed({ set, removed }: Reflected<ClusterExternal>): void {
    for (const external of set.values()) {
      this.#current.set(external.id, external)
      this.#removed.delete(external.id)
      if (external.read) this.#said.set(external.id, { ...external, read: external.read })
    }
    for (const key of removed) {
      const [namespace = '', name = ''] = key.split('/')
      const id = workloadId('external', namespace, name)
      this.#current.delete(id)
      this.#said.delete(id)
      this.#removed.add(id)
    }
    if (!this.#isWhole) this.#forgetOthers()
    this.#gathering.ask()
  }

  /** Those that went while nobody watched. */
  #forgetOthers(): void {
    this.#isWhole = true
    for (const { id, kind } of this.#options.state.model.workloads.values())
      if (kind === 'external' && !this.#current.has(id)) this.#removed.add(id)
  }

  #settle(): ReadonlyMap<WorkloadId, Settled> {
    const claims = [...this.#said.values()].map(({ read: { workload, word }, created }) => {
      const words = [...this.#options.wordsAround(workload.namespace), word]
      return {
        workload: isProtected(words) ? workload : { ...workload, protection: 'off' as const },
        created,
      }
    })
    const nodes = new Set(claims.flatMap(({ workload: { node } }) => (node === '' ? [] : node)))
    return settleClaims(claims, othersIn(this.#options.state.model, nodes))
  }

  #write(): boolean {
    const { records, state } = this.#options
    this.#settled = this.#settle()
    const set = [...this.#settled.values()].flatMap(({ workload }) =>
      isDeepStrictEqual(this.#written.get(workload.id), workload) ? [] : [workload],
    )
    const removed = [...this.#removed]
    if (set.length + removed.length === 0) return false
    records.mirror({ set, removed })
    for (const workload of set) this.#written.set(workload.id, workload)
    for (const id of removed) this.#written.delete(id)
    this.#removed = new Set()
    state.sync()
    return false
  }
}
