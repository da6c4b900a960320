import {
  type ApplicationName,
  type Clock,
  type EpochMs,
  type Mode,
  type PolicyId,
  type Problem,
  SekishoError,
} from '@sekisho/core'
import {
  definedBy,
  type Model,
  type PolicyDocument,
  parsePolicies,
  policyToYaml,
  undefinedApplications,
  withMode,
} from '@sekisho/policy'
import type { AuditResult, Change, ChangeRequest, PolicyText, Store } from '@sekisho/store'
import type { Timer } from '../live/timer.ts'
import type { Log } from '../log.ts'
import { type LiveState, readStored } from './state.ts'

/** Who does something, and from which address. */
export interface Actor {
  readonly user: string
  readonly from: string
}

export interface Apply {
  readonly yaml: string
  readonly mode?: Mode | undefined
  readonly revertAfterSeconds?: number | undefined
  readonly dryRun?: boolean | undefined
}

/** What a set did; `stored` is undefined for a dry run and for a set that changes nothing. */
export type Applied = Omit<Change, 'id'> & { readonly id: number | undefined }

/** How policies come into force and out of it. Every call is one transaction: all of it, or nothing and an error. */
export interface Lifecycle extends Disposable {
  /** @throws SekishoError policy-refused with problems, conflict */
  apply(request: Apply, actor: Actor): Applied
  /** @throws SekishoError not-found, conflict */
  remove(ids: readonly string[], actor: Actor): Applied
  /** @throws SekishoError not-found, conflict */
  setMode(
    ids: readonly string[],
    change: { mode: Mode; revertAfterSeconds?: number | undefined },
    actor: Actor,
  ): Applied
  /**
   * Puts in force what a cluster's API has. @throws SekishoError conflict where a pending change holds one of them.
   * @param actor in whose name.
   */
  mirror(set: readonly PolicyDocument[], removed: readonly PolicyId[], actor: string): Applied
  /** @throws SekishoError not-found, conflict */
  keep(id: number, actor: Actor): Change
  /** @throws SekishoError not-found, conflict */
  revert(id: number, actor: Actor): Change
}

export interface LifecycleOptions {
  readonly store: Pick<Store, 'policies' | 'audit' | 'records' | 'transaction'>
  readonly state: LiveState
  readonly clock: Clock
  readonly timer: Timer
  readonly log: Log
  /** The history of changes is no longer what it was. */
  readonly onSettled: () => void
  /**
   * Whether a policy lives in a cluster's API, and is changed there only.
   * @param change in whose name, and whether it would be gone.
   */
  readonly livesElsewhere?: (
    id: PolicyId,
    change: { readonly actor: string; readonly removes: boolean },
  ) => boolean
}

/** In whose name a pending change takes itself back. */
const ITSELF: Actor = { user: 'sekisho', from: '' }
/** Before a failed revert is tried again. */
const RETRY_MS = 60_000

/**
 * @param model in which applications may be defined that the text names.
 * @throws SekishoError policy-refused
 */
export function parseOrRefuse(yaml: string, model: Model): readonly PolicyDocument[] {
  const read = parsePolicies(yaml, { applications: definedBy(model.policies.values()) })
  if (!read.ok) throw new SekishoError('policy-refused', undefined, read.error)
  if (read.value.length > 0) return read.value
  const empty: Problem = { document: 0, path: '', reason: 'there is no policy in it' }
  throw new SekishoError('policy-refused', undefined, [empty])
}

const textOf = (document: PolicyDocument): PolicyText => ({
  id: document.id,
  mode: document.mode,
  yaml: policyToYaml(document),
  document: document.source,
})

/** The first few by name: a set may hold a thousand. */
const NAMED = 5
const summaryOf = (ids: readonly PolicyId[]): string =>
  ids.length <= NAMED ? ids.join(', ') : `${ids.slice(0, NAMED).join(', ')} and ${ids.length - NAMED} more`

/** For the audit log; the first problem says where it began. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const [problem] = error instanceof SekishoError ? error.problems : []
  return problem ? `${error.message} ${problem.path}: ${problem.reason}` : error.message
}

interface Note {
  readonly actor: Actor
  readonly action: string
  /** What a refusal is about, where that is known. */
  readonly target?: string
}

/** `prepare` reads what was asked and may refuse it; `commit` runs in the transaction. */
interface Work<P, T> {
  readonly prepare: () => P
  readonly commit: (prepared: P) => { readonly value: T; readonly target: string; readonly details: string }
}

/** Names of applications that policies use and none defines, each with one of those policies. */
const undefinedIn = (policies: readonly PolicyText[]): ReadonlyMap<ApplicationName, PolicyId> =>
  undefinedApplications(
    policies
      .filter(({ yaml, document }) => document.kind === 'Application' || yaml.includes('applications'))
      .map(({ document }) => readStored(document)),
  )

/**
 * Runs a change, which may not take the definition of an application from a policy that names it: the policy would say
 * nothing, and nobody would see it. What was undefined before, a cluster may do that, is not this change's doing.
 * @throws SekishoError conflict
 */
function keepingDefinitions<T>(store: Pick<Store, 'policies'>, change: () => T): T {
  const before = undefinedIn(store.policies.list())
  const value = change()
  for (const [name, policy] of undefinedIn(store.policies.list()))
    if (!before.has(name))
      throw new SekishoError(
        'conflict',
        `${policy} names the application ${name}, which nothing would define.`,
      )
  return value
}

/** Ends a dry run: the transaction is rolled back, its result is kept. */
class DryRun extends Error {}

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { store, state, clock, timer, log } = options
  let waiting: Disposable | undefined

  const revertsAt = (seconds: number | undefined): EpochMs | undefined =>
    seconds === undefined ? undefined : ((clock.now() + seconds * 1000) as EpochMs)

  /** Here it would be undone by the next look at the cluster, or would undo what somebody wrote there. */
  const refuseElsewhere = (ids: readonly PolicyId[], actor: string, removes = false): void => {
    const id = ids.find(each => options.livesElsewhere?.(each, { actor, removes }))
    if (id) throw new SekishoError('conflict', `${id} lives in the Kubernetes API; change it there.`)
  }

  const known = (id: string): PolicyDocument => {
    const found = state.model.policies.get(id as PolicyId) // an unknown text finds nothing
    if (!found) throw new SekishoError('not-found', `There is no policy ${id}.`)
    return found
  }

  /** The change and its audit entry are one transaction; a refusal is noted too. */
  const audited = <P, T>({ actor, action, target = '' }: Note, { prepare, commit }: Work<P, T>): T => {
    const append = (result: AuditResult, what: { target: string; details: string }) =>
      store.audit.append({ actor: actor.user, from: actor.from, action, result, ...what })
    const attempt = (): T => {
      try {
        const prepared = prepare()
        return store.transaction(() => {
          const { value, ...what } = commit(prepared)
          append('ok', what)
          return value
        })
      } catch (error) {
        append(error instanceof SekishoError ? 'refused' : 'failed', { target, details: reasonOf(error) })
        throw error
      }
    }
    const value = attempt()
    state.sync()
    options.onSettled()
    schedule()
    return value
  }

  const unchanged = (request: ChangeRequest): Applied => ({
    id: undefined,
    at: clock.now(),
    actor: request.actor,
    summary: request.summary,
    state: 'kept',
    revertsAt: undefined,
    settledBy: undefined,
    settledAt: undefined,
    policies: [],
  })

  const applyRequest = ({ yaml, mode, revertAfterSeconds }: Apply, actor: Actor): ChangeRequest => {
    const set = parseOrRefuse(yaml, state.model).map(each => textOf(mode ? withMode(each, mode) : each))
    const summary = `apply ${summaryOf(set.map(({ id }) => id))}`
    return { actor: actor.user, summary, set, removed: [], revertsAt: revertsAt(revertAfterSeconds) }
  }

  const applied = (request: ChangeRequest): Change | undefined => {
    const { set, removed, actor } = request
    refuseElsewhere(
      set.map(({ id }) => id),
      actor,
    )
    refuseElsewhere(removed, actor, true)
    return keepingDefinitions(store, () => store.policies.apply(request))
  }

  /** Does everything the real run does, then takes it back: what it says is what would happen. */
  const dryRun = (request: ChangeRequest): Applied => {
    let change: Change | undefined
    try {
      store.transaction(() => {
        change = applied(request)
        throw new DryRun()
      })
    } catch (error) {
      if (!(error instanceof DryRun)) throw error
    }
    return change ? { ...change, id: undefined } : unchanged(request)
  }

  const run = (action: string, actor: Actor, prepare: () => ChangeRequest): Applied =>
    audited(
      { actor, action },
      {
        prepare,
        commit: request => {
          const change = applied(request)
          const details = change ? `change ${change.id}` : 'nothing to change'
          return { value: change ?? unchanged(request), target: request.summary, details }
        },
      },
    )

  const settle = (action: 'keep' | 'revert', id: number, actor: Actor): Change =>
    audited(
      { actor, action: `change.${action}`, target: String(id) },
      {
        prepare: () => id,
        commit: change => {
          if (action === 'revert')
            refuseElsewhere(store.policies.change(id)?.policies.map(each => each.id) ?? [], actor.user)
          const value = keepingDefinitions(store, () => store.policies[action](change, actor.user))
          return { value, target: String(change), details: value.summary }
        },
      },
    )

  const revertDue = () => {
    let failed = false
    for (const change of store.policies.due(clock.now())) {
      try {
        settle('revert', change.id, ITSELF)
        store.records.addEvent({
          code: 'change-reverted',
          severity: 'warning',
          at: clock.now(),
          details: { change: change.id, summary: change.summary, actor: change.actor },
        })
      } catch (error) {
        failed = true
        log.error('a pending change could not be taken back', error, { change: change.id })
      }
    }
    schedule(failed ? RETRY_MS : 0)
  }

  /** One timer for the next pending change. It is computed from the store, so a restart loses nothing. */
  const schedule = (least = 0) => {
    waiting?.[Symbol.dispose]()
    const times = store.policies.pending().flatMap(change => change.revertsAt ?? [])
    if (times.length === 0) waiting = undefined
    else waiting = timer.after(Math.max(least, Math.min(...times) - clock.now()), revertDue)
  }

  schedule()
  return {
    apply(wanted, actor) {
      const prepare = () => applyRequest(wanted, actor)
      return wanted.dryRun ? dryRun(prepare()) : run('policy.apply', actor, prepare)
    },
    remove: (ids, actor) =>
      run('policy.delete', actor, () => {
        const removed = ids.map(id => known(id).id)
        return { actor: actor.user, summary: `delete ${summaryOf(removed)}`, set: [], removed }
      }),
    setMode: (ids, { mode, revertAfterSeconds }, actor) =>
      run('policy.mode', actor, () => {
        const set = ids.map(id => textOf(withMode(known(id), mode)))
        const summary = `${mode}: ${summaryOf(set.map(({ id }) => id))}`
        return { actor: actor.user, summary, set, removed: [], revertsAt: revertsAt(revertAfterSeconds) }
      }),
    mirror(set, removed, actor) {
      const ids = [...set.map(({ id }) => id), ...removed]
      const summary = `from the cluster: ${summaryOf(ids)}`
      const request = { actor, summary, set: set.map(textOf), removed }
      const change = store.policies.apply(request)
      state.sync()
      if (change) options.onSettled()
      return change ?? unchanged(request)
    },
    keep: (id, actor) => settle('keep', id, actor),
    revert: (id, actor) => settle('revert', id, actor),
    [Symbol.dispose]: () => waiting?.[Symbol.dispose](),
  }
}
