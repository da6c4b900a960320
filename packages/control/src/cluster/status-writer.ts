import { isDeepStrictEqual } from 'node:util'
import { type EpochMs, hasNoAgent, type NodeName, type PolicyId } from '@sekisho/core'
import { isNotFound, KubeObjects, RESPONSE_RULES, type ResourceType } from '@sekisho/kube'
import type { Store } from '@sekisho/store'
import type { LiveState } from '../lifecycle/state.ts'
import type { ResponseCounts } from '../response/responder.ts'
import type { ClusterPolicy, PolicyMirror } from './policy-mirror.ts'
import { runRounds } from './rounds.ts'
import { conditionsOf, type PolicyFacts, type PolicyStatus, policyStatus, responseStatus } from './status.ts'
import { type ClusterWatch, FIELD_MANAGER } from './watch.ts'

export interface StatusWriterOptions {
  readonly watch: ClusterWatch
  /** Kinds whose status is ours to write. */
  readonly types: readonly ResourceType[]
  readonly mirror: Pick<PolicyMirror, 'current'>
  readonly state: Pick<LiveState, 'model' | 'revision'>
  readonly store: Pick<Store, 'agents' | 'policies' | 'records'>
  /** Which revisions of agents are this server's. */
  readonly history: string
  /** What rules of responses did. */
  readonly responses: (rule: string) => ResponseCounts
  /** Only one of several servers writes. */
  readonly leads: () => boolean
}

/** Between two rounds. A policy of which nothing is new costs nothing, one whose status is what it was no request. */
const ROUND_MS = 5_000
/** A count that moves is told once a minute: it would be a request a round for each policy that denies. */
const COUNT_MS = 60_000
const HOUR_MS = 3_600_000

/** What statuses are made of, beside the policies themselves. */
interface Scene {
  readonly revision: number
  /** How far each node is. */
  readonly agents: ReadonlyMap<NodeName, number>
  readonly inForce: ReadonlyMap<PolicyId, number>
}

/** What one was made of, and what of it the cluster knows. */
interface Told {
  readonly policy: ClusterPolicy
  readonly denied: number
  readonly status: PolicyStatus
}

const isSame = (a: Scene | undefined, b: Scene): boolean =>
  a?.revision === b.revision &&
  a.agents.size === b.agents.size &&
  b.agents.entries().every(([node, revision]) => a.agents.get(node) === revision)

/** Tells the cluster of each policy whether it was read, where it is in force, and what it denies. */
export class StatusWriter {
  readonly #options: StatusWriterOptions
  readonly #objects: ReadonlyMap<string, KubeObjects>
  /** What was told last; a policy that is not here is compared with what the cluster has. */
  readonly #told = new Map<PolicyId, Told>()
  #scene: Scene | undefined
  #denied: { readonly at: EpochMs; readonly counts: ReadonlyMap<PolicyId, number> } | undefined

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
    const rest = () => this.#told.clear()
    return runRounds({ everyMs: ROUND_MS, trouble, leads, round, rest }, watch, signal)
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { mirror, leads, watch } = this.#options
    const now = watch.timers.now()
    const denied = this.#deniedAt(now)
    const scene = this.#sceneNow()
    const isOther = !isSame(this.#scene, scene)
    // Of a round that ends early it is not known who was seen to.
    this.#scene = undefined
    for (const id of this.#told.keys()) if (!mirror.current.has(id)) this.#told.delete(id)
    for (const policy of mirror.current.values()) {
      if (signal.aborted || !leads()) return
      const count = denied.get(policy.id) ?? 0
      if (isOther || this.#isNew(policy, count)) await this.#see(policy, { denied: count, scene, now })
    }
    this.#scene = scene
  }

  /** What rules of responses did is forgotten with time. */
  #isNew(policy: ClusterPolicy, denied: number): boolean {
    const told = this.#told.get(policy.id)
    return told?.policy !== policy || told.denied !== denied || policy.type === RESPONSE_RULES
  }

  #sceneNow(): Scene {
    const { state, store, history } = this.#options
    const { revision } = state
    const agents = store.agents.revisions(history)
    const before = this.#scene
    return {
      revision,
      agents,
      inForce: before?.revision === revision ? before.inForce : store.policies.revisions(),
    }
  }

  #deniedAt(now: EpochMs): ReadonlyMap<PolicyId, number> {
    if (!this.#denied || now - this.#denied.at >= COUNT_MS) {
      const window = { since: (now - HOUR_MS) as EpochMs, until: now }
      const counts = [...this.#options.store.records.byPolicy(window)]
      this.#denied = { at: now, counts: new Map(counts.map(([id, sum]) => [id, sum.denied + sum.audited])) }
    }
    return this.#denied.counts
  }

  async #see(
    policy: ClusterPolicy,
    { denied, scene, now }: { readonly denied: number; readonly scene: Scene; readonly now: EpochMs },
  ): Promise<void> {
    const objects = this.#objects.get(policy.type.kind)
    if (!objects) return
    const known = this.#told.get(policy.id)?.status ?? policy.object.status
    const status = {
      ...policyStatus(this.#facts(policy, denied, scene), conditionsOf(known), now),
      ...(policy.type === RESPONSE_RULES && responseStatus(this.#options.responses(policy.object.name))),
    }
    const isTold = isDeepStrictEqual(known, status) || (await this.#tell(policy, objects, status))
    if (isTold) this.#told.set(policy.id, { policy, denied, status })
    else this.#told.delete(policy.id)
  }

  #facts(policy: ClusterPolicy, deniedLastHour: number, { agents, inForce }: Scene): PolicyFacts {
    const revision = inForce.get(policy.id)
    const workloads = this.#options.state.model.selected(policy.id)
    const desired = new Set<NodeName>(workloads.flatMap(each => (hasNoAgent(each) ? [] : each.node)))
    return {
      generation: policy.object.generation,
      problems: policy.problems,
      keepsOlder: policy.problems.length > 0 && revision !== undefined,
      workloads: workloads.length,
      rules: rulesOf(policy),
      deniedLastHour,
      desired,
      programmed: new Set(
        [...desired].filter(node => revision !== undefined && (agents.get(node) ?? 0) >= revision),
      ),
    }
  }

  /** @returns whether the cluster knows it now. */
  async #tell(
    { id, object: { name, namespace } }: ClusterPolicy,
    objects: KubeObjects,
    status: PolicyStatus,
  ): Promise<boolean> {
    const { onTrouble } = this.#options.watch
    const what = `the status of ${id} could not be written`
    try {
      const place = { namespace, name, subresource: 'status' } as const
      await objects.apply(place, { status }, { fieldManager: FIELD_MANAGER, force: true })
      onTrouble(what, undefined)
      return true
    } catch (error) {
      // Deleted in the meantime: the watch will say so.
      onTrouble(what, isNotFound(error) ? undefined : error)
      return false
    }
  }
}

const rulesOf = ({ document }: ClusterPolicy): number =>
  Object.values(document?.sections ?? {}).reduce((sum, { rules }) => sum + rules.length, 0)
