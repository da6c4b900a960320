import type { Clock, EpochMs, NodeName } from '@sekisho/core'
import type { Model } from '@sekisho/policy'
import type { Store } from '@sekisho/store'

/** What views are made from: records as they are stored, the model that is in force, the agents that are there. */
export interface InsightPorts {
  readonly store: Pick<Store, 'records' | 'policies' | 'agents'>
  readonly model: Model
  /** Agents whose stream is open. */
  readonly connected: ReadonlySet<NodeName>
  readonly clock: Clock
}

export const timestamp = (at: EpochMs): string => new Date(at).toISOString()
