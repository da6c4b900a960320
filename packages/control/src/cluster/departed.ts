import type { NodeName } from '@sekisho/core'
import { KubeObjects, NODES } from '@sekisho/kube'
import type { Store } from '@sekisho/store'
import { runRounds } from './rounds.ts'
import type { ClusterWatch } from './watch.ts'

export interface DepartedOptions {
  readonly watch: ClusterWatch
  readonly agents: Pick<Store['agents'], 'list'>
  readonly leads: () => boolean
  readonly onDeparted: (node: NodeName) => void
}

const ROUND_MS = 60_000
/** A node that is replaced, or an API server that is restored from yesterday, may have it back by then. */
const AWAY_MS = 60 * 60_000
/** One question each: thousands that are away at once are asked about in some rounds. */
const MOST_EACH_ROUND = 100

/**
 * Clusters that grow and shrink leave agents behind that never come back. One that was not heard of for an hour, and whose
 * node the cluster does not have any more, is forgotten. Machines outside of the cluster are left to people.
 */
export class Departed {
  readonly #options: DepartedOptions
  readonly #nodes: KubeObjects
  /** Asked last: so that nodes that are only down keep nobody from being asked about. */
  #last = ''

  constructor(options: DepartedOptions) {
    this.#options = options
    this.#nodes = new KubeObjects(options.watch.client, NODES)
  }

  run(signal: AbortSignal): Promise<void> {
    const { watch, leads } = this.#options
    const trouble = 'agents of nodes that are gone could not be told from others'
    const round = () => this.#round()
    return runRounds({ everyMs: ROUND_MS, trouble, leads, round, rest: () => undefined }, watch, signal)
  }

  async #round(): Promise<void> {
    const { leads, onDeparted } = this.#options
    for (const node of this.#next()) {
      if ((await this.#nodes.find({ name: node })) !== undefined) continue
      // It may have spoken while the cluster was asked.
      if (leads() && this.#away().includes(node)) onDeparted(node)
    }
  }

  /** In turns. */
  #next(): readonly NodeName[] {
    const away = this.#away()
    const from = away.findIndex(node => node > this.#last)
    const turn = from < 0 ? away : [...away.slice(from), ...away.slice(0, from)]
    const asked = turn.slice(0, MOST_EACH_ROUND)
    this.#last = asked.at(-1) ?? ''
    return asked
  }

  /** By name. */
  #away(): readonly NodeName[] {
    const { watch, agents } = this.#options
    const before = watch.timers.now() - AWAY_MS
    return agents
      .list()
      .filter(
        ({ lastSeen, joinedAt, status }) => status?.inCluster === true && (lastSeen ?? joinedAt) < before,
      )
      .map(({ node }) => node)
      .toSorted()
  }
}
