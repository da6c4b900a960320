import { LIMITS, type Mode, type PolicyId, type Problem, policyId } from '@sekisho/core'
import {
  apiVersionOf,
  CLUSTER_NETWORK_POLICIES,
  type JsonRecord,
  type KubeObject,
  NETWORK_POLICIES,
  type Reflected,
  Reflector,
  type ResourceType,
} from '@sekisho/kube'
import { MODE_ANNOTATION, type PolicyDocument, validatePolicy } from '@sekisho/policy'
import type { Store } from '@sekisho/store'
import type { Lifecycle } from '../lifecycle/changes.ts'
import { Gathering } from './gathering.ts'
import type { ClusterWatch } from './watch.ts'

/** What is remembered of an object beside what it says. */
export type ClusterObject = Pick<KubeObject, 'name' | 'namespace' | 'uid' | 'generation'> & {
  readonly status: unknown
}

/** A policy as the cluster has it. */
export interface ClusterPolicy {
  readonly id: PolicyId
  readonly type: ResourceType
  readonly object: ClusterObject
  /** What it says, or every mistake in it. */
  readonly document: PolicyDocument | undefined
  readonly problems: readonly Problem[]
}

export interface PolicyMirrorOptions {
  readonly watch: ClusterWatch
  readonly types: readonly ResourceType[]
  readonly policies: Pick<Store['policies'], 'list'>
  readonly lifecycle: Pick<Lifecycle, 'mirror'>
  /** Mode of NetworkPolicies that say none; absent: Enforce, as Kubernetes means them. */
  readonly networkPolicies?: Mode | undefined
}

/** In whose name the cluster's policies are written. */
export const CLUSTER_ACTOR = 'kubernetes'

/** Policies in one change: some 100 ms of the main thread. */
const PORTION = 100

/** What kubectl keeps of the last apply: the whole document again. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** Kinds that are not ours: their mode is an annotation, and they are there before Sekisho is. */
const isKubernetes = (type: ResourceType): boolean =>
  type === NETWORK_POLICIES || type === CLUSTER_NETWORK_POLICIES

/** The document without what the API server adds for itself. Items of lists lack even their kind. */
export function written(object: KubeObject, type: ResourceType, networkPolicies?: Mode): JsonRecord {
  const { name, namespace, labels, json } = object
  const { [LAST_APPLIED]: _, ...own } = object.annotations
  const mode = isKubernetes(type) && networkPolicies && { [MODE_ANNOTATION]: networkPolicies }
  const annotations = { ...mode, ...own }
  const metadata = {
    name,
    ...(namespace !== '' && { namespace }),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  }
  return { apiVersion: apiVersionOf(type), kind: type.kind, metadata, spec: json.spec }
}

function read(object: KubeObject, type: ResourceType, networkPolicies: Mode | undefined): ClusterPolicy {
  // What an application is may be said later, and by another document.
  const document = validatePolicy(written(object, type, networkPolicies), { applications: 'any' })
  const { name, namespace, uid, generation, json } = object
  return {
    id: policyId(type.kind, namespace, name),
    type,
    object: { name, namespace, uid, generation, status: json.status },
    document: document.ok ? document.value : undefined,
    problems: document.ok ? [] : document.error.slice(0, LIMITS.problemsPerFile.value),
  }
}

/**
 * Policies of the cluster, kept in force as the cluster has them. One that cannot be read leaves what was in force for it
 * as it was: nothing opens because somebody wrote nonsense, or because a newer version wrote what this one does not know.
 */
export class PolicyMirror {
  readonly #options: PolicyMirrorOptions
  readonly #reflectors: readonly Reflector<ClusterPolicy>[]
  readonly #current = new Map<PolicyId, ClusterPolicy>()
  readonly #owned: Set<PolicyId>
  readonly #whole = new Set<string>()
  #isWhole = false
  /** To be written. */
  readonly #touched = new Set<PolicyId>()
  readonly #gathering: Gathering

  constructor(options: PolicyMirrorOptions) {
    this.#options = options
    const trouble = 'policies of the cluster could not be put in force'
    this.#gathering = new Gathering({ watch: options.watch, trouble, write: () => this.#write() })
    const stored = options.policies.list().filter(({ updatedBy }) => updatedBy === CLUSTER_ACTOR)
    this.#owned = new Set(stored.map(({ id }) => id))
    this.#reflectors = options.types.map(
      type =>
        new Reflector<ClusterPolicy>({
          ...options.watch.options(type),
          type,
          read: object => read(object, type, options.networkPolicies),
          onChange: change => this.#changed(type, change),
        }),
    )
  }

  /** What the cluster has now, by id. */
  get current(): ReadonlyMap<PolicyId, ClusterPolicy> {
    return this.#current
  }

  /** All that the cluster has was put in force once. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  /** Whether a policy is the cluster's: it is changed there, and only there. */
  owns(id: PolicyId): boolean {
    return this.#owned.has(id)
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map(reflector => reflector.run(signal)))
    this.#gathering[Symbol.dispose]()
  }

  #changed(type: ResourceType, { set, removed }: Reflected<ClusterPolicy>): void {
    for (const [, policy] of set) {
      this.#current.set(policy.id, policy)
      this.#touched.add(policy.id)
    }
    for (const key of removed) {
      const id = idOf(type, key)
      this.#current.delete(id)
      this.#touched.add(id)
    }
    if (!this.#whole.has(type.kind)) this.#forgetOthers(type)
    this.#gathering.ask()
  }

  /** Policies that went while nobody watched. */
  #forgetOthers({ kind }: ResourceType): void {
    this.#whole.add(kind)
    for (const id of this.#owned)
      if (id.startsWith(`${kind}/`) && !this.#current.has(id)) this.#touched.add(id)
  }

  #write(): boolean {
    const touched = [...this.#touched.values().take(PORTION)]
    const set = touched.flatMap(id => this.#current.get(id)?.document ?? [])
    const removed = touched.filter(id => !this.#current.has(id) && this.#owned.has(id))
    this.#options.lifecycle.mirror(set, removed, CLUSTER_ACTOR)
    for (const { id } of set) this.#owned.add(id)
    for (const id of removed) this.#owned.delete(id)
    for (const id of touched) this.#touched.delete(id)
    const isMore = this.#touched.size > 0
    this.#isWhole ||= !isMore && this.#whole.size === this.#reflectors.length
    return isMore
  }
}

function idOf({ kind, namespaced }: ResourceType, key: string): PolicyId {
  const [first = '', second = ''] = key.split('/')
  return namespaced ? policyId(kind, first, second) : policyId(kind, '', first)
}
