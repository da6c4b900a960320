import type { NodeName } from '@sekisho/core'
import type { Store } from '@sekisho/store'
import type { LiveState } from '../lifecycle/state.ts'
import type { Hub } from '../live/hub.ts'

export interface RemovalParts {
  readonly store: Pick<Store, 'agents' | 'audit' | 'transaction'>
  readonly state: Pick<LiveState, 'sync'>
  readonly hub: Pick<Hub, 'changed'>
}

/** @param from address of who asks, empty for the server itself. */
export interface RemovedBy {
  readonly actor: string
  readonly from: string
  readonly details?: string
}

/** Forgets an agent and what it told of its node. @returns false where there is none. */
export function removeAgent({ store, state, hub }: RemovalParts, node: NodeName, by: RemovedBy): boolean {
  const isRemoved = store.transaction(() => {
    if (!store.agents.remove(node)) return false
    store.audit.append({ action: 'agent.remove', target: node, result: 'ok', details: '', ...by })
    return true
  })
  if (!isRemoved) return false
  state.sync()
  hub.changed('agents')
  return true
}
