import type { PolicyId, StateDelta, StateSnapshot } from '@sekisho/core'
import {
  createModel,
  type Model,
  type ModelChange,
  type PolicyDocument,
  validatePolicy,
} from '@sekisho/policy'
import type { StateLog } from '@sekisho/store'

/** The server's own view of what is in force: the same model the agents build, from the same log. */
export interface LiveState {
  readonly model: Model
  /** Revision the model is at. */
  readonly revision: number
  /** Brings the model to what is committed; call it after every commit. Tells the listeners what changed. */
  sync(): void
  /** The same. @returns false where what changed since is not known any more. */
  follow(): boolean
  onChange(listener: (delta: StateDelta) => void): void
}

/** What is stored was validated before; a document that no longer reads means a newer program wrote it. */
export function readStored(json: unknown): PolicyDocument {
  const read = validatePolicy(json, { applications: 'any' })
  if (read.ok) return read.value
  const [first] = read.error
  throw new Error(`a stored policy cannot be read: ${first?.path ?? ''} ${first?.reason ?? ''}`)
}

/** What an agent is sent, as a change of the model. */
export function modelChange({
  namespaces,
  workloads,
  policies,
}: Omit<StateDelta, 'kind' | 'revision'>): ModelChange {
  return {
    ...(namespaces ? { namespaces } : {}),
    ...(workloads ? { workloads } : {}),
    ...(policies
      ? {
          policies: {
            set: (policies.set ?? []).map(readStored),
            removed: (policies.removed ?? []) as readonly PolicyId[], // the store's own ids come back from it
          },
        }
      : {}),
  }
}

const everything = ({ namespaces, workloads, policies }: StateSnapshot): ModelChange =>
  modelChange({ namespaces: { set: namespaces }, workloads: { set: workloads }, policies: { set: policies } })

export function openState(log: StateLog): LiveState {
  const model = createModel()
  const listeners: ((delta: StateDelta) => void)[] = []
  const start = log.snapshot()
  model.update(everything(start))
  let revision = start.revision
  const follow = (): boolean => {
    if (log.revision() === revision) return true
    const delta = log.since(revision)
    if (!delta) return false
    model.update(modelChange(delta))
    revision = delta.revision
    for (const listener of listeners) listener(delta)
    return true
  }
  return {
    model,
    get revision() {
      return revision
    },
    sync() {
      if (!follow()) throw new Error(`the state log lost revision ${revision}`)
    },
    follow,
    onChange: listener => void listeners.push(listener),
  }
}
