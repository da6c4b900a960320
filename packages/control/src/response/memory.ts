import type { AgentEvent, EpochMs } from '@sekisho/core'
import { RESPONSES, type ResponseKind } from '@sekisho/policy'
import type { Records, Window } from '@sekisho/store'
import { deedKey } from './plan.ts'

/** What rules did, each an event on record. */
export const RESPONSE_EVENTS = [
  'response-started',
  'response-audited',
  'response-limited',
  'response-notified',
  'response-ended',
] as const
export type ResponseEvent = (typeof RESPONSE_EVENTS)[number]

/** Of one kind that are read when a server begins to lead. */
const REMEMBERED = 1_000
const DAY_MS = 86_400_000

const isAction = (text: unknown): text is ResponseKind => RESPONSES.some(kind => kind === text)

export interface Fired {
  readonly firedLastDay: number
  readonly lastFired: EpochMs | undefined
}

/**
 * What was dealt with and until when. Kept in memory, and read from the events themselves when a server begins, so that a
 * restart does nothing twice: what is older than the events that are read was found before them too.
 */
export class ResponseMemory {
  readonly #settled = new Map<string, EpochMs>()
  /** Started and not known to be over, as it was told. */
  readonly #running = new Map<string, AgentEvent>()
  /** Those that there was no room for, as long as that is not told again. */
  readonly #limited = new Map<string, EpochMs>()
  readonly #fired = new Map<string, EpochMs[]>()

  constructor(records: Pick<Records, 'events'>, now: EpochMs) {
    const window: Window = { since: (now - DAY_MS) as EpochMs, until: (now + 1) as EpochMs }
    const told = RESPONSE_EVENTS.flatMap(code => records.events({ window, code, limit: REMEMBERED }).items)
    for (const event of told.toSorted((a, b) => a.at - b.at || a.id - b.id)) this.note(event)
  }

  /** Takes in an event that was written, in the order in which they were. */
  note(event: AgentEvent): void {
    const { rule, action, target, peer, until } = event.details
    if (!isAction(action)) return
    const key = deedKey(String(rule), action, String(target), peer === undefined ? '' : String(peer))
    if (event.code === 'response-ended') {
      this.#running.delete(key)
      this.#settled.set(key, event.at)
      return
    }
    const end = Date.parse(String(until)) as EpochMs // written by this program
    // Nothing was done: it is, as soon as there is room.
    if (event.code === 'response-limited') this.#limited.set(key, end)
    else {
      this.#settled.set(key, end)
      this.#fire(String(rule), event.at)
    }
    if (event.code === 'response-started') this.#running.set(key, event)
  }

  settled(key: string): EpochMs | undefined {
    return this.#settled.get(key)
  }
  /** Whether it was told already that there is no room. */
  isLimited(key: string, now: EpochMs): boolean {
    return (this.#limited.get(key) ?? 0) > now
  }
  get running(): ReadonlyMap<string, AgentEvent> {
    return this.#running
  }

  fired(rule: string, now: EpochMs): Fired {
    const times = (this.#fired.get(rule) ?? []).filter(at => at > now - DAY_MS)
    return { firedLastDay: times.length, lastFired: times.at(-1) }
  }

  /** What is over for so long that no finding of its time can count any more. */
  forget(now: EpochMs): void {
    for (const [key, until] of this.#settled) if (until < now - DAY_MS) this.#settled.delete(key)
    for (const [key, until] of this.#limited) if (until < now) this.#limited.delete(key)
    for (const [rule, times] of this.#fired) {
      const recent = times.filter(at => at > now - DAY_MS).slice(-REMEMBERED)
      if (recent.length > 0) this.#fired.set(rule, recent)
      else this.#fired.delete(rule)
    }
  }

  #fire(rule: string, at: EpochMs): void {
    const times = this.#fired.get(rule)
    if (times) times.push(at)
    else this.#fired.set(rule, [at])
  }
}
