import { isDeepStrictEqual } from 'node:util'
import { type EpochMs, hasNoAgent, type NodeName, type PolicyId } from '@sekisho/core'
import { isNotFound, KubeObjects, RESPONSE_RULES, type ResourceType } from '@sekisho/kube'
import type { Store } from '@sekisho/store'
import type { LiveState } from '../lifecycle/state.ts'
import type { ResponseCounts } from '../response/responder.ts'
import type { ClusterPolicy, PolicyMirror } from './policy-mirror.ts'
import { runRounds } from './rounds.ts'
import { conditionsOf, type PolicyStatus, policyStatus, responseStatus, revisionIn } from './status.ts'
import { type ClusterWatch, FIELD_MANAGER } from './watch.ts'

export interface StatusWriterOptions {
  readonly watch: ClusterWatch
  /** Kinds whose status is ours to write. */
  readonly types: readonly ResourceType[]
  readonly mirror: Pick<PolicyMirror, 'current'>
  readonly state: Pick<LiveState, 'model'>
  readonly store: Pick<Store, 'agents' | 'policies' | 'records'>
  /** Which revisions of agents are this server's. */
  readonly history: string
  /** What rules of responses did. */
  readonly responses: (rule: string) => ResponseCounts
  /** Only one of several servers writes. */
  readonly leads: () => boolean
}

/** Between two rounds. A policy whose status is what it was costs no request. */
const ROUND_MS = 5_000
const COUNT_MS = 60_000
const HOUR_MS = 3_600_000

/** Tells the cluster of each policy whether it was read, where it is in force, and what it denies. */
export class StatusWriter {
  readonly #options: StatusWriterOptions
  readonly #objects: ReadonlyMap<string, KubeObjects>
  /** What was written last, by policy; what is not here is compared with what the cluster has. */
  readonly #written = new Map<PolicyId, { readonly status: PolicyStatus; readonly at: EpochMs }>()

  constructor(options: StatusWriterOptions) {
    this.#options = options
    this.#objects = new Map(
      options.types.map(type => [type.kind, new KubeObjects(options.watch.client, type)]),
    )
  }

  run(signal: AbortSignal): Promise<void> {
    const { watch, leads } = this.#options
    const trouble = 'the status of policies cannot be made out'
    const round = () => this.#round(signal)
    // Who did not lead may find what another wrote.
    const rest = () => this.#written.clear()
    return runRounds({ everyMs: ROUND_MS, trouble, leads, round, rest }, watch, signal)
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { mirror, state, store, history, responses, leads, watch } = this.#options
    const now = watch.timers.now()
    const denied = store.records.byPolicy({ since: (now - HOUR_MS) as EpochMs, until: now })
    const agents = new Map(store.agents.list().map(({ node, status }) => [node, revisionIn(history, status)]))
    const inForce = new Map(store.policies.list().map(policy => [policy.id, policy.revision]))
    for (const id of this.#written.keys()) if (!mirror.current.has(id)) this.#written.delete(id)
    for (const policy of mirror.current.values()) {
      const objects = this.#objects.get(policy.type.kind)
      if (!objects || signal.aborted || !leads()) continue
      const revision = inForce.get(policy.id)
      const workloads = state.model.selected(policy.id)
      const desired = new Set<NodeName>(workloads.flatMap(each => (hasNoAgent(each) ? [] : each.node)))
      const { denied: stopped = 0, audited = 0 } = denied.get(policy.id) ?? {}
      const facts = {
        generation: policy.object.generation,
        problems: policy.problems,
        keepsOlder: policy.problems.length > 0 && revision !== undefined,
        workloads: workloads.length,
        rules: rulesOf(policy),
        deniedLastHour: stopped + audited,
        desired,
        programmed: new Set(
          [...desired].filter(node => revision !== undefined && (agents.get(node) ?? 0) >= revision),
        ),
      }
      const known = this.#written.get(policy.id)?.status ?? policy.object.status
      const status = {
        ...policyStatus(facts, conditionsOf(known), now),
        ...(policy.type === RESPONSE_RULES && responseStatus(responses(policy.object.name))),
      }
      if (!isDeepStrictEqual(known, status) && this.#isNews(policy, status, now))
        await this.#tell(policy, objects, { status, at: now })
    }
  }

  /** A count that moves is told once a minute: it would be a request a round for each policy that denies. */
  #isNews({ id }: ClusterPolicy, status: PolicyStatus, now: EpochMs): boolean {
    const written = this.#written.get(id)
    if (!written || now - written.at >= COUNT_MS) return true
    return !isDeepStrictEqual({ ...written.status, deniedLastHour: status.deniedLastHour }, status)
  }

  async #tell(
    { id, object: { name, namespace } }: ClusterPolicy,
    objects: KubeObjects,
    told: { readonly status: PolicyStatus; readonly at: EpochMs },
  ): Promise<void> {
    const { onTrouble } = this.#options.watch
    const what = `the status of ${id} could not be written`
    try {
      const place = { namespace, name, subresource: 'status' } as const
      await objects.apply(place, { status: told.status }, { fieldManager: FIELD_MANAGER, force: true })
      this.#written.set(id, told)
      onTrouble(what, undefined)
    } catch (error) {
      // Deleted in the meantime: the watch will say so.
      onTrouble(what, isNotFound(error) ? undefined : error)
    }
  }
}

const rulesOf = ({ document }: ClusterPolicy): number =>
  Object.values(document?.sections ?? {}).reduce((sum, { rules }) => sum + rules.length, 0)
