import { createHash } from 'node:crypto'
import type { EpochMs, NodeName } from '@sekisho/core'
import { apiVersionOf, EVENTS, type KubeObject, KubeObjects, NODES, type ResourceType } from '@sekisho/kube'
import { type Enforcing, notEnforcedHere } from '@sekisho/policy'
import { notEnforcedText } from '@sekisho/policy/not-enforced'
import type { Store } from '@sekisho/store'
import type { ClusterExternal, ExternalMirror } from './external-mirror.ts'
import { conflictText } from './external-status.ts'
import type { ClusterPolicy, PolicyMirror } from './policy-mirror.ts'
import { runRounds } from './rounds.ts'
import { refusal, rfc3339 } from './status.ts'
import { type ClusterWatch, FIELD_MANAGER } from './watch.ts'

export interface EventWriterOptions {
  readonly watch: ClusterWatch
  readonly mirror: Pick<PolicyMirror, 'current'>
  /** ExternalWorkloads, and what of them is another's. */
  readonly externals: Pick<ExternalMirror, 'current' | 'settled'>
  readonly policies: Pick<Store['policies'], 'get'>
  /** What all agents do. */
  readonly enforcing: () => Enforcing
  /** Nodes of the cluster, and what they cannot do. */
  readonly degraded: () => ReadonlyMap<NodeName, readonly string[]>
  /** Which of several servers says it. */
  readonly identity: string
  readonly leads: () => boolean
}

/** What a warning is about. */
interface Subject {
  readonly type: ResourceType
  readonly object: Pick<KubeObject, 'name' | 'namespace' | 'uid'>
}

interface Warning {
  readonly reason: 'Invalid' | 'NotEnforced' | 'Conflicted' | 'Degraded'
  readonly message: string
}

interface Told {
  readonly message: string
  readonly first: EpochMs
  readonly last: EpochMs
  readonly count: number
}

const ROUND_MS = 5_000
/** An API server forgets events after an hour. */
const AGAIN_MS = 30 * 60_000
/** A thousand policies that became wrong at once are no reason to flood the API server. */
const MOST_EACH_ROUND = 50
/** The API's own limits: validation of v1 Event, and of object names. */
const MESSAGE_CHARACTERS = 1_024
const NAME_CHARACTERS = 200

/**
 * Says beside each policy and ExternalWorkload, where `kubectl describe` prints it, why it is not in force as it is written,
 * and beside each node what its agent cannot do there.
 */
export class EventWriter {
  readonly #options: EventWriterOptions
  readonly #events: KubeObjects
  readonly #told = new Map<string, Told>()

  constructor(options: EventWriterOptions) {
    this.#options = options
    this.#events = new KubeObjects(options.watch.client, EVENTS)
  }

  run(signal: AbortSignal): Promise<void> {
    const { watch, leads } = this.#options
    const trouble = 'events about policies could not be written'
    const round = () => this.#round(signal)
    const rest = () => this.#told.clear()
    return runRounds({ everyMs: ROUND_MS, trouble, leads, round, rest }, watch, signal)
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { watch, leads } = this.#options
    const now = watch.timers.now()
    const standing = new Set<string>()
    let said = 0
    for (const [subject, warning] of this.#all()) {
      const name = eventName(subject, warning)
      standing.add(name)
      if (signal.aborted || !leads() || said >= MOST_EACH_ROUND || !this.#isNews(name, warning, now)) continue
      said++
      await this.#tell(subject, warning, now)
    }
    for (const name of this.#told.keys()) if (!standing.has(name)) this.#told.delete(name)
  }

  *#all(): Iterable<readonly [Subject, Warning]> {
    const { mirror, externals, enforcing, degraded } = this.#options
    const agents = enforcing()
    for (const policy of mirror.current.values())
      for (const warning of this.#warnings(policy, agents)) yield [policy, warning]
    for (const external of externals.current.values())
      for (const warning of this.#warningsOf(external)) yield [external, warning]
    for (const [node, cannot] of degraded())
      yield [nodeNamed(node), { reason: 'Degraded', message: cannot.join(' ') }]
  }

  #warningsOf({ id, problems }: ClusterExternal): readonly Warning[] {
    const settled = this.#options.externals.settled(id)
    const { conflicts = [] } = settled ?? {}
    return [
      ...(problems.length > 0
        ? [{ reason: 'Invalid', message: refusal(problems, settled !== undefined) } as const]
        : []),
      ...(conflicts.length > 0 ? [{ reason: 'Conflicted', message: conflictText(conflicts) } as const] : []),
    ]
  }

  #warnings({ id, document, problems }: ClusterPolicy, agents: Enforcing): readonly Warning[] {
    const { policies } = this.#options
    if (problems.length > 0)
      return [{ reason: 'Invalid', message: refusal(problems, policies.get(id) !== undefined) }]
    const parts = document ? notEnforcedHere(document, agents) : []
    const message = parts.map(part => `${part.rule ?? 'The policy'} ${notEnforcedText(part, 'en')}`).join(' ')
    return message === '' ? [] : [{ reason: 'NotEnforced', message }]
  }

  #isNews(name: string, { message }: Warning, now: EpochMs): boolean {
    const told = this.#told.get(name)
    return told?.message !== message || now - told.last >= AGAIN_MS
  }

  async #tell(subject: Subject, { reason, message }: Warning, now: EpochMs): Promise<void> {
    const { name, namespace, uid } = subject.object
    const place = { name: eventName(subject, { reason }), namespace: namespace || 'default' }
    const before = this.#told.get(place.name)
    const told = { message, first: before?.first ?? now, last: now, count: (before?.count ?? 0) + 1 }
    const event = {
      involvedObject: {
        apiVersion: apiVersionOf(subject.type),
        kind: subject.type.kind,
        name,
        uid,
        ...(namespace !== '' && { namespace }),
      },
      type: 'Warning',
      reason,
      message: message.slice(0, MESSAGE_CHARACTERS),
      source: { component: FIELD_MANAGER },
      reportingComponent: FIELD_MANAGER,
      reportingInstance: this.#options.identity,
      firstTimestamp: rfc3339(told.first),
      lastTimestamp: rfc3339(told.last),
      count: told.count,
    }
    await this.#events.apply(place, event, { fieldManager: FIELD_MANAGER, force: true })
    this.#told.set(place.name, told)
  }
}

/** By its name in place of its uid, as kubelets say what happens on theirs: `kubectl describe node` looks for both. */
const nodeNamed = (name: NodeName): Subject => ({ type: NODES, object: { name, namespace: '', uid: name } })

/** One event for each policy and reason, whoever writes it: what is said again is counted, not said twice. */
function eventName({ object: { name, uid } }: Subject, { reason }: Pick<Warning, 'reason'>): string {
  const digest = createHash('sha256').update(`${uid} ${reason}`).digest('hex').slice(0, 16)
  return `${name.slice(0, NAME_CHARACTERS).replace(/[^a-z0-9]+$/, '')}.${digest}`
}
