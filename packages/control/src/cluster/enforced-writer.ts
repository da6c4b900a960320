import { isDeepStrictEqual } from 'node:util'
import { type EpochMs, type NodeName, textAt, type WorkloadId } from '@sekisho/core'
import { isConflict, isNotFound, type KubeObject, KubeObjects, PODS, podWorkload } from '@sekisho/kube'
import type { Store } from '@sekisho/store'
import type { LiveState } from '../lifecycle/state.ts'
import { ENFORCED, type Enforced, enforcedOf, type PodFacts, toldTo, waitsForAgent } from './enforced.ts'
import { runRounds } from './rounds.ts'
import { revisionIn, rfc3339 } from './status.ts'
import { type ClusterWatch, FIELD_MANAGER } from './watch.ts'

export interface EnforcedWriterOptions {
  readonly watch: ClusterWatch
  readonly state: Pick<LiveState, 'model' | 'revision' | 'onChange'>
  readonly store: { readonly agents: Pick<Store['agents'], 'get'> }
  /** Which revisions of agents are this server's. */
  readonly history: string
  /** Only one of several servers writes. */
  readonly leads: () => boolean
  /** A pod that was made while this server ran is enforced: so long after it was seen with an address. */
  readonly onEnforced: (seconds: number) => void
}

const ROUND_MS = 1_000
/** Who waits longer is told why. An agent that has nothing to do says every ten seconds what it has. */
const LATE_MS = 15_000
/** A rollout of thousands of pods is told in turns. */
const MOST_EACH_ROUND = 100

interface Pod {
  readonly uid: string
  readonly name: string
  readonly namespace: string
  readonly addresses: readonly string[]
  /** When it was first seen with these addresses. */
  readonly since: EpochMs
  readonly isNew: boolean
  told: Pick<Enforced, 'status' | 'reason'> | undefined
  /** State in which it is in force with these addresses. */
  revision: number | undefined
}

/**
 * Tells each pod once that its rules are in the kernel, or why not. What was told stays when an agent goes or is behind with
 * later changes: rules outlive agents, and a pod that is ready must not be taken out of service for that.
 */
export class EnforcedWriter {
  readonly #options: EnforcedWriterOptions
  readonly #objects: KubeObjects
  readonly #begun: EpochMs
  readonly #pods = new Map<WorkloadId, Pod>()
  /** Of which there may be something to tell. */
  readonly #open = new Set<WorkloadId>()

  constructor(options: EnforcedWriterOptions) {
    this.#options = options
    this.#objects = new KubeObjects(options.watch.client, PODS)
    this.#begun = options.watch.timers.now()
    // Its namespace may switch its protection off or on.
    options.state.onChange(({ workloads }) => {
      for (const { id } of workloads?.set ?? []) if (this.#pods.has(id)) this.#open.add(id)
    })
  }

  run(signal: AbortSignal): Promise<void> {
    const { watch, leads } = this.#options
    const trouble = 'conditions of pods could not be made out'
    const round = () => this.#round(signal)
    // Pods say themselves what another has told them.
    const rest = () => undefined
    return runRounds({ everyMs: ROUND_MS, trouble, leads, round, rest }, watch, signal)
  }

  /** The cluster has this pod, or has it like this now. */
  seen(id: WorkloadId, object: KubeObject): void {
    const workload = podWorkload(object)
    if (!workload) return
    const known = this.#pods.get(id)
    const { addresses } = workload
    const isSame = known?.uid === object.uid && isDeepStrictEqual(known.addresses, addresses)
    const created = Date.parse(textAt(object.json, 'metadata', 'creationTimestamp') ?? '')
    const pod = isSame
      ? known
      : {
          uid: object.uid,
          name: object.name,
          namespace: object.namespace,
          addresses,
          since: this.#options.watch.timers.now(),
          isNew: created >= this.#begun,
          told: undefined,
          revision: undefined,
        }
    pod.told = toldTo(object)
    this.#pods.set(id, pod)
    if (workload.state === 'running' && pod.told?.status !== 'True') this.#open.add(id)
    else this.#open.delete(id)
  }

  gone(id: WorkloadId): void {
    this.#pods.delete(id)
    this.#open.delete(id)
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { leads, watch } = this.#options
    const now = watch.timers.now()
    const agentOf = this.#agents()
    let told = 0
    for (const id of this.#open) {
      if (signal.aborted || !leads() || told >= MOST_EACH_ROUND) return
      const pod = this.#pods.get(id)
      const says = pod && this.#saysOf(id, pod, { agentOf, now })
      if (!pod || !says) continue
      const isNews = says.reason !== pod.told?.reason
      if (isNews) told++
      const isSettled = !isNews || (await this.#tell(id, pod, { says, now }))
      if (isSettled && !waitsForAgent(says)) this.#open.delete(id)
    }
  }

  /** What agents said last, each looked up once. */
  #agents(): (node: NodeName) => PodFacts['agent'] {
    const { store, history } = this.#options
    const known = new Map<NodeName, PodFacts['agent']>()
    const look = (node: NodeName) => {
      const status = store.agents.get(node)?.status
      return status && { revision: revisionIn(history, status) }
    }
    return node => {
      if (!known.has(node)) known.set(node, look(node))
      return known.get(node)
    }
  }

  #saysOf(
    id: WorkloadId,
    pod: Pod,
    { agentOf, now }: { readonly agentOf: (node: NodeName) => PodFacts['agent']; readonly now: EpochMs },
  ): Enforced | undefined {
    const { model, revision } = this.#options.state
    const workload = model.workloads.get(id)
    // Not stored yet, or still the one that had the name before.
    if (!workload || !isDeepStrictEqual(workload.addresses, pod.addresses)) return undefined
    if (pod.addresses.length > 0) pod.revision ??= revision
    return enforcedOf({
      workload,
      revision: pod.revision,
      agent: agentOf(workload.node),
      wasEnforced: pod.told?.status === 'True',
      isLate: now - pod.since >= LATE_MS,
    })
  }

  /** @returns whether it was told, or is not there any more. */
  async #tell(
    id: WorkloadId,
    pod: Pod,
    { says, now }: { readonly says: Enforced; readonly now: EpochMs },
  ): Promise<boolean> {
    const { watch, onEnforced } = this.#options
    const what = `the condition of ${id} could not be written`
    const { name, namespace, uid } = pod
    const condition = { type: ENFORCED, ...says, lastTransitionTime: rfc3339(now) }
    try {
      await this.#objects.apply(
        { name, namespace, subresource: 'status' },
        // Not to another pod of that name.
        { metadata: { uid }, status: { conditions: [condition] } },
        { fieldManager: FIELD_MANAGER, force: true },
      )
      if (says.status === 'True' && pod.isNew) onEnforced((now - pod.since) / 1_000)
      pod.told = says
      watch.onTrouble(what, undefined)
      return true
    } catch (error) {
      const isGone = isNotFound(error) || isConflict(error)
      watch.onTrouble(what, isGone ? undefined : error)
      return isGone
    }
  }
}
