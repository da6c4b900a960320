import { isNotFound, KubeObjects, PODS } from '@sekisho/kube'
import { runRounds } from './rounds.ts'
import { type ClusterWatch, FIELD_MANAGER } from './watch.ts'

/** By it the Service knows where to send agents and people. */
export const ROLE_LABEL = 'sekisho.dev/role'

export interface RoleLabelsOptions {
  readonly watch: ClusterWatch
  readonly namespace: string
  /** This server's own. */
  readonly pod: string
  readonly leads: () => boolean
}

const SERVERS = 'app.kubernetes.io/name=sekisho-server'
const ROUND_MS = 2_000

/**
 * Who leads says of every server's pod which one it is, also of the one before it, whose node may be gone and cannot
 * say so itself. All pods stay ready: readiness is whether a server could take over, and what a rollout waits for.
 */
export class RoleLabels {
  readonly #options: RoleLabelsOptions
  readonly #pods: KubeObjects

  constructor(options: RoleLabelsOptions) {
    this.#options = options
    this.#pods = new KubeObjects(options.watch.client, PODS)
  }

  run(signal: AbortSignal): Promise<void> {
    const { watch, leads } = this.#options
    const trouble = 'pods of servers could not be told apart'
    const round = () => this.#round()
    return runRounds({ everyMs: ROUND_MS, trouble, leads, round, rest: () => undefined }, watch, signal)
  }

  async #round(): Promise<void> {
    const { namespace, pod, leads } = this.#options
    const { objects } = await this.#pods.page({ namespace, labelSelector: SERVERS }, { limit: 100 })
    for (const { name, labels } of objects) {
      const role = name === pod ? 'leader' : 'standby'
      if (labels[ROLE_LABEL] === role || !leads()) continue
      const content = { metadata: { labels: { [ROLE_LABEL]: role } } }
      try {
        await this.#pods.apply({ namespace, name }, content, { fieldManager: FIELD_MANAGER, force: true })
      } catch (error) {
        // Gone since it was listed.
        if (!isNotFound(error)) throw error
      }
    }
  }
}
