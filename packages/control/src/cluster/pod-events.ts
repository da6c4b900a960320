import { createHash } from 'node:crypto'
import type { Workload } from '@sekisho/core'
import { EVENTS, KubeObjects, PODS } from '@sekisho/kube'
import { rfc3339 } from './status.ts'
import { type ClusterWatch, FIELD_MANAGER } from './watch.ts'

/** A flood of findings is no reason to flood the API server; all of them are on record anyway. */
const MOST_WAITING = 100
/** The API's own limits: validation of v1 Event, and of object names. */
const MESSAGE_CHARACTERS = 1_024
const NAME_CHARACTERS = 200
const TROUBLE = 'what was done about a pod could not be said beside it'

export interface PodEventsOptions {
  readonly watch: Pick<ClusterWatch, 'client' | 'timers' | 'onTrouble'>
  /** Which of several servers says it. */
  readonly identity: string
}

/** Says beside a pod, where `kubectl describe` prints it, what was done about it; one after the other. */
export class PodEvents implements AsyncDisposable {
  readonly #options: PodEventsOptions
  readonly #pods: KubeObjects
  readonly #events: KubeObjects
  #last: Promise<void> = Promise.resolve()
  #waiting = 0

  constructor(options: PodEventsOptions) {
    this.#options = options
    this.#pods = new KubeObjects(options.watch.client, PODS)
    this.#events = new KubeObjects(options.watch.client, EVENTS)
  }

  tell(workload: Workload, reason: string, message: string): void {
    if (workload.kind !== 'pod' || this.#waiting >= MOST_WAITING) return
    const { onTrouble } = this.#options.watch
    this.#waiting++
    this.#last = this.#last
      .then(() => this.#write(workload, reason, message))
      .then(
        () => onTrouble(TROUBLE, undefined),
        (error: unknown) => onTrouble(TROUBLE, error),
      )
      .finally(() => this.#waiting--)
  }

  async #write({ namespace, name }: Workload, reason: string, message: string): Promise<void> {
    const { watch, identity } = this.#options
    const named = { namespace, fieldSelector: `metadata.name=${name}` }
    const [pod] = (await this.#pods.page(named, { limit: 1 })).objects
    // Gone in the meantime: there is nothing to stand beside.
    if (!pod) return
    const at = rfc3339(watch.timers.now())
    const digest = createHash('sha256').update(`${pod.uid} ${reason} ${message}`).digest('hex').slice(0, 16)
    const place = {
      namespace,
      name: `${name.slice(0, NAME_CHARACTERS).replace(/[^a-z0-9]+$/, '')}.${digest}`,
    }
    const event = {
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid: pod.uid },
      type: 'Warning',
      reason,
      message: message.slice(0, MESSAGE_CHARACTERS),
      source: { component: FIELD_MANAGER },
      reportingComponent: FIELD_MANAGER,
      reportingInstance: identity,
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    }
    await this.#events.apply(place, event, { fieldManager: FIELD_MANAGER, force: true })
  }

  /** Waits for what was to be said. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last
  }
}
