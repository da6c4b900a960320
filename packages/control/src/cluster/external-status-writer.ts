import { isDeepStrictEqual } from 'node:util'
import type { EpochMs, NodeName, WorkloadId } from '@sekisho/core'
import { EXTERNAL_WORKLOADS, isNotFound, KubeObjects } from '@sekisho/kube'
import type { Store } from '@sekisho/store'
import type { LiveState } from '../lifecycle/state.ts'
import type { ClusterExternal, ExternalMirror } from './external-mirror.ts'
import { type ExternalFacts, type ExternalStatus, externalStatus } from './external-status.ts'
import { runRounds } from './rounds.ts'
import { conditionsOf, revisionIn } from './status.ts'
import { type ClusterWatch, FIELD_MANAGER } from './watch.ts'

export interface ExternalStatusWriterOptions {
  readonly watch: ClusterWatch
  readonly mirror: Pick<ExternalMirror, 'current' | 'settled'>
  readonly state: Pick<LiveState, 'model'>
  readonly store: Pick<Store, 'agents' | 'policies'>
  /** Which revisions of agents are this server's. */
  readonly history: string
  /** Only one of several servers writes. */
  readonly leads: () => boolean
}

const ROUND_MS = 5_000
/** An agent that listens is noted every half minute. */
const SILENT_MS = 120_000

type Agents = ReadonlyMap<NodeName, NonNullable<ExternalFacts['agent']>>

/** Tells the cluster of each ExternalWorkload whether it counts, and whether its agent speaks. */
export class ExternalStatusWriter {
  readonly #options: ExternalStatusWriterOptions
  readonly #objects: KubeObjects
  /** What was written last; what is not here is compared with what the cluster has. */
  readonly #written = new Map<WorkloadId, ExternalStatus>()

  constructor(options: ExternalStatusWriterOptions) {
    this.#options = options
    this.#objects = new KubeObjects(options.watch.client, EXTERNAL_WORKLOADS)
  }

  run(signal: AbortSignal): Promise<void> {
    const { watch, leads } = this.#options
    const trouble = 'the status of external workloads cannot be made out'
    const round = () => this.#round(signal)
    // Who did not lead may find what another wrote.
    const rest = () => this.#written.clear()
    return runRounds({ everyMs: ROUND_MS, trouble, leads, round, rest }, watch, signal)
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { mirror, watch, leads } = this.#options
    const now = watch.timers.now()
    const agents = this.#agents(now)
    for (const id of this.#written.keys()) if (!mirror.current.has(id)) this.#written.delete(id)
    for (const external of mirror.current.values()) {
      if (signal.aborted || !leads()) return
      const known = this.#written.get(external.id) ?? external.object.status
      const status = externalStatus(this.#facts(external, agents), conditionsOf(known), now)
      if (!isDeepStrictEqual(known, status)) await this.#tell(external, status)
    }
  }

  #agents(now: EpochMs): Agents {
    const { store, history } = this.#options
    return new Map(
      store.agents.list().map(({ node, lastSeen, status }) => [
        node,
        {
          isHeard: now - (lastSeen ?? 0) < SILENT_MS,
          revision: revisionIn(history, status),
        },
      ]),
    )
  }

  #facts({ id, object, problems }: ClusterExternal, agents: Agents): ExternalFacts {
    const { mirror, state, store } = this.#options
    const { workload, conflicts = [] } = mirror.settled(id) ?? {}
    return {
      generation: object.generation,
      problems,
      workload,
      conflicts,
      agent: workload && agents.get(workload.node),
      policies: state.model
        .selecting(id)
        .flatMap(({ policy }) => store.policies.get(policy.id)?.revision ?? []),
    }
  }

  async #tell({ id, object: { name, namespace } }: ClusterExternal, status: ExternalStatus): Promise<void> {
    const { onTrouble } = this.#options.watch
    const what = `the status of ${id} could not be written`
    try {
      const place = { namespace, name, subresource: 'status' } as const
      await this.#objects.apply(place, { status }, { fieldManager: FIELD_MANAGER, force: true })
      this.#written.set(id, status)
      onTrouble(what, undefined)
    } catch (error) {
      // Deleted in the meantime: the watch will say so.
      onTrouble(what, isNotFound(error) ? undefined : error)
    }
  }
}
