import type { AgentEvent, Clock, EpochMs, PolicyId, Workload } from '@sekisho/core'
import type { ResponseKind, ResponseRuleDocument } from '@sekisho/policy'
import type { Store } from '@sekisho/store'
import type { Lifecycle } from '../lifecycle/changes.ts'
import type { LiveState } from '../lifecycle/state.ts'
import type { Timer } from '../live/timer.ts'
import type { Log } from '../log.ts'
import { collect, type Finding } from './finding.ts'
import { responsesIn } from './handover.ts'
import { ResponseMemory } from './memory.ts'
import { type Deed, deedKey, keyOf, plan, type Scene } from './plan.ts'
import {
  type ActiveResponse,
  actorOf,
  type Containing,
  idOf,
  policyOf,
  responseOf,
  targetKey,
} from './policy.ts'

export interface ResponderOptions {
  readonly store: Pick<Store, 'records' | 'policies' | 'agents'>
  readonly state: Pick<LiveState, 'model'>
  readonly lifecycle: Pick<Lifecycle, 'apply' | 'remove'>
  readonly clock: Clock
  readonly timer: Timer
  readonly log: Log
  /** Only one of several servers responds. */
  readonly leads: () => boolean
  /** Namespaces that no rule touches. */
  readonly exempt: readonly string[]
  /** Events were written. */
  readonly onEvents: (ids: readonly number[]) => void
  /** Says it beside the pod, where there is a cluster. */
  readonly tell: (workload: Workload, reason: string, message: string) => void
}

/** What became of a rule, for its status. */
export interface ResponseCounts {
  readonly firedLastDay: number
  readonly active: number
  readonly lastFired: EpochMs | undefined
}

export interface Responder extends Disposable {
  /** In force now. */
  active(): readonly ActiveResponse[]
  counts(rule: string): ResponseCounts
}

/** Between two looks. */
const ROUND_MS = 5_000

/** Reasons of events beside a pod. */
const REASONS = { quarantine: 'Quarantined', block: 'Blocked', notify: 'FindingReported' } as const

/** What events of a deed have in common. */
type About = {
  readonly rule: string
  readonly action: ResponseKind
  readonly target: string
  readonly peer?: string
  readonly until: string
  readonly why: string
}

type Ending = 'expired' | 'lifted' | 'rule'

class Rounds implements Responder {
  readonly #options: ResponderOptions
  #memory: ResponseMemory | undefined
  #waiting: Disposable | undefined

  constructor(options: ResponderOptions) {
    this.#options = options
    this.#wait()
  }

  active(): readonly ActiveResponse[] {
    const { state, store } = this.#options
    return responsesIn(state.model, store.policies).flatMap(policy => responseOf(policy) ?? [])
  }

  counts(rule: string): ResponseCounts {
    const { clock } = this.#options
    const fired = this.#memory?.fired(rule, clock.now()) ?? { firedLastDay: 0, lastFired: undefined }
    return { ...fired, active: this.active().filter(each => each.rule === rule).length }
  }

  [Symbol.dispose](): void {
    this.#waiting?.[Symbol.dispose]()
  }

  #wait(): void {
    this.#waiting = this.#options.timer.after(ROUND_MS, () => {
      try {
        this.#round()
      } catch (error) {
        this.#options.log.error('findings could not be responded to; it is tried again', error)
      }
      this.#wait()
    })
  }

  #round(): void {
    const { leads, state, clock, store } = this.#options
    if (!leads()) {
      // Another acts, and what it did is read anew when this one does.
      this.#memory = undefined
      return
    }
    const now = clock.now()
    this.#memory ??= new ResponseMemory(store.records, now)
    const memory = this.#memory
    memory.forget(now)
    const rules = [...state.model.policies.values()].filter(each => each.kind === 'ResponseRule')
    const active = this.#ended(memory, rules, now)
    if (rules.every(({ mode }) => mode === 'Learn')) return
    for (const deed of plan(rules, this.#scene({ rules, active, memory, now }))) this.#do(deed, memory)
  }

  /** Ends what is over. @returns what is left. */
  #ended(
    memory: ResponseMemory,
    rules: readonly ResponseRuleDocument[],
    now: EpochMs,
  ): readonly ActiveResponse[] {
    const enforcing = new Set(rules.filter(({ mode }) => mode === 'Enforce').map(({ name }) => name))
    const active = this.active()
    const over = (each: ActiveResponse): Ending | undefined =>
      each.until <= now ? 'expired' : enforcing.has(each.rule) ? undefined : 'rule'
    for (const each of active) {
      const how = over(each)
      if (!how) continue
      this.#remove(each.policy, each.rule)
      const { rule, action, target, peer } = each
      this.#note(memory, 'response-ended', { rule, action, target, ...(peer !== undefined && { peer }), how })
    }
    const left = active.filter(each => !over(each))
    this.#lifted(memory, left, now)
    return left
  }

  /** What a person took away, or made a policy of their own. */
  #lifted(memory: ResponseMemory, active: readonly ActiveResponse[], now: EpochMs): void {
    const there = new Set(active.map(keyOf))
    for (const [key, { details }] of memory.running) {
      if (there.has(key)) continue
      const { until, why: _, policy: __, ...about } = details
      const how: Ending = Date.parse(String(until)) <= now ? 'expired' : 'lifted'
      this.#note(memory, 'response-ended', { ...about, how })
    }
  }

  #scene(of: {
    readonly rules: readonly ResponseRuleDocument[]
    readonly active: readonly ActiveResponse[]
    readonly memory: ResponseMemory
    readonly now: EpochMs
  }): Scene {
    const { store, state, exempt } = this.#options
    const { rules, active, memory, now } = of
    const kinds = new Set(rules.flatMap(({ match }) => match.findings))
    const found = new Map<number, readonly Finding[]>()
    const nodes = new Set(store.agents.list().flatMap(({ status }) => status?.addresses ?? []))
    for (const { kind, addresses } of state.model.workloads.values())
      if (kind === 'host') for (const ip of addresses) nodes.add(ip)
    return {
      now,
      model: state.model,
      active,
      exempt,
      isNode: ip => nodes.has(ip),
      settled: key => memory.settled(key),
      findings(seconds) {
        const window = { since: (now - seconds * 1_000) as EpochMs, until: (now + 1) as EpochMs }
        const known = found.get(seconds) ?? collect(store.records, kinds, window)
        found.set(seconds, known)
        return known
      },
    }
  }

  #do(deed: Deed, memory: ResponseMemory): void {
    const { kind, rule, action, target, peer, until, why } = deed
    if (kind === 'act' && action.kind !== 'notify' && this.#isTaken({ ...deed, action })) return
    const about: About = {
      rule,
      action: action.kind,
      target: targetKey(target),
      ...(peer !== undefined && { peer }),
      until: new Date(until).toISOString(),
      why,
    }
    if (kind === 'audit') this.#note(memory, 'response-audited', about)
    else if (kind === 'limited') this.#refuse(about, memory)
    else if (action.kind === 'notify') this.#note(memory, 'response-notified', about)
    else this.#contain({ ...deed, action }, about, memory)
    if (kind === 'act' && target.kind === 'workload')
      this.#options.tell(target.workload, REASONS[action.kind], sentence(deed))
  }

  #refuse(about: About, memory: ResponseMemory): void {
    const { rule, action, target, peer } = about
    if (!memory.isLimited(deedKey(rule, action, target, peer), this.#options.clock.now()))
      this.#note(memory, 'response-limited', about)
  }

  /** A person edited what was done before: it is theirs, and does what they want. */
  #isTaken(response: Containing): boolean {
    return this.#options.store.policies.get(idOf(response)) !== undefined
  }

  #contain(response: Containing, about: About, memory: ResponseMemory): void {
    const yaml = JSON.stringify(policyOf(response))
    this.#options.lifecycle.apply({ yaml }, { user: actorOf(response.rule), from: '' })
    this.#note(memory, 'response-started', { ...about, policy: idOf(response) })
  }

  #remove(policy: PolicyId, rule: string): void {
    this.#options.lifecycle.remove([policy], { user: actorOf(rule), from: '' })
  }

  #note(memory: ResponseMemory, code: keyof typeof SEVERITY, details: AgentEvent['details']): void {
    const { store, state, clock, onEvents } = this.#options
    const workload = state.model.workloads.get(String(details.target) as Workload['id'])?.id
    const event: AgentEvent = {
      code,
      severity: SEVERITY[code],
      at: clock.now(),
      ...(workload !== undefined && { workload }),
      details,
    }
    onEvents([store.records.addEvent(event)])
    memory.note(event)
  }
}

const SEVERITY = {
  'response-started': 'critical',
  'response-audited': 'warning',
  'response-limited': 'critical',
  'response-notified': 'warning',
  'response-ended': 'info',
} as const satisfies Record<string, AgentEvent['severity']>

/** For whoever looks at the pod. */
function sentence({ rule, action, peer, until, why }: Deed): string {
  const end = new Date(until).toISOString()
  if (action.kind === 'notify') return `ResponseRule ${rule}: ${why}.`
  const what = action.kind === 'quarantine' ? 'Cut off' : `Kept from ${peer ?? 'its peer'}`
  return `${what} until ${end} by ResponseRule ${rule}: ${why}. "sekisho response list" shows how to lift it.`
}

/** Looks at what was found, does what rules say about it, and ends what is over, until disposed. */
export const createResponder = (options: ResponderOptions): Responder => new Rounds(options)
