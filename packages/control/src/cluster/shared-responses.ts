import { isDeepStrictEqual } from 'node:util'
import type { Store } from '@sekisho/store'
import type { Lifecycle } from '../lifecycle/changes.ts'
import type { LiveState } from '../lifecycle/state.ts'
import { readShared, responsesIn, type SharedText, writeShared } from '../response/handover.ts'
import { actorOf, ruleOf } from '../response/policy.ts'
import { runRounds } from './rounds.ts'
import { SharedMap } from './shared-map.ts'
import type { ClusterWatch } from './watch.ts'

export interface SharedResponsesOptions {
  readonly watch: ClusterWatch
  readonly namespace: string
  readonly state: Pick<LiveState, 'model'>
  readonly policies: Pick<Store['policies'], 'get'>
  readonly lifecycle: Pick<Lifecycle, 'mirror'>
  readonly leads: () => boolean
}

const NAME = 'sekisho-responses'
/** No word of the cluster's. */
const NOTHING = Symbol('nothing')
const ROUND_MS = 1_000
const UNREAD = 'what other servers responded cannot be put in force'

/**
 * What responses put in force, as all servers of a cluster have it: who leads writes it to a ConfigMap, the others put in
 * force what it says, so that the next one to lead has what the last one did, and ends it when it is over.
 */
export class SharedResponses {
  readonly #options: SharedResponsesOptions
  readonly #map: SharedMap<unknown>
  /** As the cluster has it. */
  #shared: unknown
  /** What of that is in force here; none while this server leads, or where it failed. */
  #followed: unknown = NOTHING
  /** As it was written last, while this server leads. */
  #written: SharedText | undefined
  #isKnown = false

  constructor(options: SharedResponsesOptions) {
    const { watch, namespace } = options
    this.#options = options
    this.#map = new SharedMap({
      watch,
      namespace,
      name: NAME,
      read: data => data,
      onChange: shared => {
        this.#shared = shared
        this.#follow()
        this.#isKnown = true
      },
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    const { watch, leads } = this.#options
    const trouble = 'other servers cannot be told what was responded'
    const rest = () => {
      this.#written = undefined
      if (this.#isKnown && this.#followed !== this.#shared) this.#follow()
    }
    const round = () => this.#round()
    await Promise.all([
      this.#map.run(signal),
      runRounds({ everyMs: ROUND_MS, trouble, leads, round, rest }, watch, signal),
    ])
  }

  /** What the cluster has is in force here. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  async #round(): Promise<void> {
    // What was shared before is not to be written over before it was read.
    if (!this.#isKnown) return
    this.#followed = NOTHING
    const { state, policies } = this.#options
    const now = writeShared(responsesIn(state.model, policies))
    if (isDeepStrictEqual(now, this.#written)) return
    // A conflict is another server that writes: who leads is asked again before the next round.
    await this.#map.write(() => now)
    this.#written = now
  }

  /** Who leads says what is in force, and takes in what was only when it begins. */
  #follow(): void {
    const { state, policies, lifecycle, leads, watch } = this.#options
    if (leads() && this.#isKnown) return
    try {
      const { documents, refused } = readShared(this.#shared)
      const shared = new Set(documents.map(({ id }) => id))
      const over = leads() ? [] : responsesIn(state.model, policies).filter(({ id }) => !shared.has(id))
      for (const document of documents) lifecycle.mirror([document], [], actorOf(ruleOf(document.source)))
      for (const { id, updatedBy } of over) lifecycle.mirror([], [id], updatedBy)
      this.#followed = this.#shared
      watch.onTrouble(UNREAD, refused.length === 0 ? undefined : new Error(refused.join('; ')))
    } catch (error) {
      watch.onTrouble(UNREAD, error)
    }
  }
}
