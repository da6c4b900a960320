import type { RequestListener } from 'node:http'
import {
  type Mode,
  type NodeName,
  type PolicyId,
  type ProtectionWord,
  SekishoError,
  type Timers,
  type Workload,
} from '@sekisho/core'
import {
  APPLICATIONS,
  CLUSTER_NETWORK_POLICIES,
  CLUSTER_SECURITY_POLICIES,
  Election,
  type KubeClient,
  NETWORK_POLICIES,
  OPEN_REPORTS,
  POLICY_REPORTS,
  RESPONSE_RULES,
  reviewAccess,
  SECURITY_POLICIES,
  SECURITY_PROFILES,
} from '@sekisho/kube'
import type { Store } from '@sekisho/store'
import { degradedNodes } from '../agents/degraded.ts'
import { enforcing } from '../agents/enforcing.ts'
import type { Roster } from '../agents/join.ts'
import type { Duty } from '../duty.ts'
import type { FindingsView } from '../insight/findings.ts'
import type { Insight } from '../insight/insight.ts'
import type { Lifecycle } from '../lifecycle/changes.ts'
import type { LiveState } from '../lifecycle/state.ts'
import type { Log } from '../log.ts'
import { isOwn, isResponder, responseOf } from '../response/policy.ts'
import type { Responder } from '../response/responder.ts'
import { Departed } from './departed.ts'
import { EnforcedWriter } from './enforced-writer.ts'
import { EventWriter } from './event-writer.ts'
import { ExternalMirror } from './external-mirror.ts'
import { ExternalStatusWriter } from './external-status-writer.ts'
import { InventoryMirror } from './inventory-mirror.ts'
import { keepApplied, publishedAuthority } from './keep.ts'
import { PodEvents } from './pod-events.ts'
import { CLUSTER_ACTOR, PolicyMirror } from './policy-mirror.ts'
import { ReportWriter } from './report-writer.ts'
import { Revocations } from './revocations.ts'
import { RoleLabels } from './role-labels.ts'
import { SharedResponses } from './shared-responses.ts'
import { dutyOf } from './standing.ts'
import { StatusWriter } from './status-writer.ts'
import { createWatch } from './watch.ts'
import { admissionListener, type Guarding, registeredWebhook, type WebhookPlace } from './webhook.ts'

/** The cluster a server runs for, and who it is there. */
export interface ClusterAccount {
  readonly client: KubeClient
  /** The same as the client's. */
  readonly timers: Timers
  /** Where its lease is. */
  readonly namespace: string
  /** Unique among all servers of the cluster, also after a restart. */
  readonly identity: string
  /** One of several servers: it answers agents and people only while it leads. */
  readonly elected?: boolean | undefined
  /** Its own, to which a Service is to lead while it leads; absent: none does. */
  readonly pod?: string | undefined
  /** Mode of Kubernetes' own policies that say none; absent: Enforce. */
  readonly networkPolicies?: Mode | undefined
  /** Whether policies are enforced for pods that, like their namespaces, say nothing of it; absent: they are. */
  readonly firewall?: ProtectionWord | undefined
  /** Where its API server is to ask before it stores a policy; absent: it does not ask. */
  readonly webhook?: WebhookPlace
  /** Who may take back protection is asked too. */
  readonly guarding?: Guarding | undefined
  /** Pods are told when their rules are in the kernel: a call or two for each pod that is made. */
  readonly podConditions?: boolean | undefined
}

export interface ClusterOptions extends ClusterAccount {
  /** PEM of whoever signs the certificates of the webhook and of the agents' port. */
  readonly authority: string
  readonly store: Store
  readonly state: LiveState
  readonly lifecycle: Lifecycle
  /** Of what agents are told. */
  readonly history: string
  readonly insight: Insight
  readonly onEnforced: (seconds: number) => void
  readonly responder: Pick<Responder, 'counts'>
  readonly log: Log
  /** It leads from now on, or does no longer. */
  readonly onLeads: (leads: boolean) => void
  /** The cluster has the node of an agent no more. */
  readonly onDeparted: (node: NodeName) => void
  /** Another was found to lead while this one thought that it did. */
  readonly onOverlap: () => void
}

export interface Cluster extends AsyncDisposable {
  /**
   * Whether a policy is the cluster's, to be changed there only. Of several servers all are, but what they share of
   * responses: rules make those, and anybody may lift them.
   */
  owns(id: PolicyId, change: { readonly actor: string; readonly removes: boolean }): boolean
  /** Answers the API server's questions about policies. */
  readonly admission: RequestListener
  /** Who leads tells the cluster the status of its policies. */
  readonly duty: Duty
  /** Of agents that joined at any server of the cluster. */
  readonly roster: Roster
  /** Removes an agent at all of them. @throws SekishoError unavailable */
  revoke(node: NodeName): Promise<void>
  /** Says beside a pod what was done about it. */
  tell(workload: Workload, reason: string, message: string): void
}

const OURS = [SECURITY_POLICIES, CLUSTER_SECURITY_POLICIES, SECURITY_PROFILES, APPLICATIONS, RESPONSE_RULES]

/** Of a database into which nothing was written. */
const UNWRITTEN_REVISION = 1
/** A webhook is not waited for longer. */
const REVIEW_MS = 5_000

/** Others would not have them: they would be in force or not by who leads. Responses end by themselves. @throws with the way out. */
function refuseOwnPolicies(store: Pick<Store, 'policies'>): void {
  const own = store.policies
    .list()
    .filter(policy => policy.updatedBy !== CLUSTER_ACTOR && responseOf(policy) === undefined)
  if (own.length === 0) return
  throw new Error(
    `${own.length} policies (${own[0]?.id}, …) are kept by this server and not by the cluster, so that other servers would not enforce them. Run it alone, move them with "sekisho policy list --output yaml" and kubectl, delete them here, then run several.`,
  )
}

/** Follows a cluster until disposed: its pods, namespaces and policies come into the store, their status goes back. */
export function openCluster(options: ClusterOptions): Cluster {
  const { client, timers, namespace, identity, store, state, lifecycle, networkPolicies, log } = options
  const { elected = false, pod } = options
  if (elected) refuseOwnPolicies(store)
  // What an empty database says is in force is nothing; agents may know better.
  const knewBefore = store.state.revision() > UNWRITTEN_REVISION
  const troubles = new Map<string, string>()
  const watch = createWatch({
    client,
    timers,
    random: Math.random,
    onTrouble(what, error) {
      const reason = error instanceof Error ? error.message : String(error)
      // Said once, not at each try.
      if (error === undefined ? troubles.delete(what) : troubles.get(what) !== reason) {
        if (error === undefined) log.info('over', { trouble: what })
        else {
          troubles.set(what, reason)
          log.warn(what, { reason })
        }
      }
    },
  })
  const { history, firewall, onEnforced } = options
  const leads = (): boolean => election.leads
  // Of half a cluster everything that could be told of it would be wrong, and soon told anew.
  const tells = (): boolean => leads() && duty.isRead
  const conditions = options.podConditions
    ? new EnforcedWriter({ watch, state, store, history, leads, onEnforced })
    : undefined
  const { records } = store
  const inventory = new InventoryMirror({
    watch,
    records,
    state,
    firewall,
    follower: conditions,
    onWord: () => externals.settleAgain(),
  })
  const externals = new ExternalMirror({
    watch,
    records: store.records,
    state,
    wordsAround: name => [options.firewall, inventory.wordOf(name)],
  })
  const types = [NETWORK_POLICIES, CLUSTER_NETWORK_POLICIES, ...OURS]
  const policies = new PolicyMirror({ watch, types, policies: store.policies, lifecycle, networkPolicies })
  const election = new Election({
    client,
    namespace,
    name: 'sekisho-server',
    identity,
    timers,
    random: Math.random,
    onChange(leads) {
      log.info(leads ? 'leads' : 'no longer leads', { identity })
      options.onLeads(leads)
    },
    onTaken(by, overlapped) {
      log.warn('another server leads', { by, overlapped })
      if (overlapped) options.onOverlap()
    },
    onTrouble: error => watch.onTrouble('the lease cannot be renewed', error),
  })
  const statuses = new StatusWriter({
    watch,
    types: OURS,
    mirror: policies,
    state,
    store,
    history,
    responses: rule => options.responder.counts(rule),
    leads: tells,
  })
  const ofExternals = new ExternalStatusWriter({
    watch,
    mirror: externals,
    state,
    store,
    history,
    leads: tells,
  })
  const events = new EventWriter({
    watch,
    mirror: policies,
    externals,
    policies: store.policies,
    enforcing: () => enforcing(store),
    degraded: () => degradedNodes(store, state),
    identity,
    leads: tells,
  })
  const reports = new ReportWriter({
    watch,
    types: [POLICY_REPORTS, OPEN_REPORTS],
    leads: tells,
    async find() {
      const asked = { now: timers.now(), connected: [], revision: state.revision }
      // Of a thread of this program.
      return JSON.parse(
        await options.insight.ask({ question: { kind: 'findings' }, ...asked }),
      ) as FindingsView
    },
  })
  const podEvents = new PodEvents({ watch, identity })
  const revocations = new Revocations(watch, namespace)
  const departed = new Departed({ watch, agents: store.agents, leads, onDeparted: options.onDeparted })
  const responses = elected
    ? new SharedResponses({ watch, namespace, state, policies: store.policies, lifecycle, leads })
    : undefined
  const labels = elected && pod !== undefined ? [new RoleLabels({ watch, namespace, pod, leads })] : []
  const stop = new AbortController()
  const parts = [
    inventory,
    externals,
    policies,
    election,
    statuses,
    ofExternals,
    events,
    reports,
    revocations,
    departed,
    ...labels,
    ...(responses ? [responses] : []),
    ...(conditions ? [conditions] : []),
  ]
  const running = parts.map(part => part.run(stop.signal))
  const duty = dutyOf({
    election,
    identity,
    elected,
    knewBefore,
    isRead: () =>
      inventory.isWhole &&
      policies.isWhole &&
      externals.isSettled &&
      revocations.isKnown &&
      responses?.isKnown !== false,
  })
  const { authority, webhook: place, guarding } = options
  const own = [
    publishedAuthority(namespace, authority),
    ...(place ? [registeredWebhook({ place, authority, guarding })] : []),
  ]
  running.push(...own.map(object => keepApplied(watch, object, stop.signal)))
  return {
    owns: (id, { actor, removes }) =>
      policies.owns(id) || (elected && !(isOwn(id) && (removes || isResponder(actor)))),
    admission: admissionListener({
      state,
      guard: {
        firewall: options.firewall,
        wordOf: name => inventory.wordOf(name),
        may: (who, deed) => reviewAccess(client, who, deed, AbortSignal.timeout(REVIEW_MS)),
      },
      onFailure: error => log.error('a review of the API server failed', error),
    }),
    duty,
    roster: revocations,
    async revoke(node) {
      try {
        await revocations.revoke(node)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        throw new SekishoError('unavailable', `The other servers cannot be told: ${reason}`)
      }
    },
    tell: (workload, reason, message) => podEvents.tell(workload, reason, message),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.all([...running, podEvents[Symbol.asyncDispose]()])
    },
  }
}
