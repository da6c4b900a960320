import type { Clock, NodeName } from '@sekisho/core'
import type { Store } from '@sekisho/store'
import type { NodeStates } from '../agents/node-states.ts'
import type { Login } from '../auth/login.ts'
import type { Duty } from '../duty.ts'
import type { Insight } from '../insight/insight.ts'
import type { Lifecycle } from '../lifecycle/changes.ts'
import type { LiveState } from '../lifecycle/state.ts'
import type { Hub } from '../live/hub.ts'
import type { Log } from '../log.ts'
import type { Counters } from '../metrics.ts'
import type { Authority } from '../pki/authority.ts'
import type { Responder } from '../response/responder.ts'
import type { Files } from './files.ts'
import type { Reach } from './guard.ts'

/** Everything the handlers of the API use; made and joined in `createControl`. */
export interface Dependencies {
  readonly store: Store
  readonly state: LiveState
  readonly states: Pick<NodeStates, 'position'>
  readonly lifecycle: Lifecycle
  readonly responder: Pick<Responder, 'active'>
  readonly insight: Insight
  readonly login: Login
  readonly authority: Authority
  readonly hub: Hub
  readonly connected: ReadonlySet<NodeName>
  readonly counters: Counters
  readonly clock: Clock
  readonly log: Log
  readonly files: Files
  readonly duty: Duty
  /** Tells the other servers of the cluster that an agent was removed; absent where there are none. */
  readonly revoke?: ((node: NodeName) => Promise<void>) | undefined
  readonly reach: Reach
  /** Only this machine can reach it. */
  readonly loopback: boolean
  /** The workloads are samples. */
  readonly lab: boolean
}
