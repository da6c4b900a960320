import { type AgentEvent, LIMITS, type Timers } from '@sekisho/core'

export type NewEvent = Omit<AgentEvent, 'at'>

/** Events that wait for the next batch, and the counts of what this agent itself had to give up. */
export class Notes {
  readonly #timers: Timers
  readonly #ledger: Record<string, number> = {}
  #events: AgentEvent[] = []

  constructor(timers: Timers) {
    this.#timers = timers
  }

  event(event: NewEvent): void {
    if (this.#events.length >= LIMITS.eventsPerBatch.value) this.count('events-dropped')
    else this.#events.push({ ...event, at: this.#timers.now() })
  }

  count(reason: string, amount = 1): void {
    this.#ledger[reason] = (this.#ledger[reason] ?? 0) + amount
  }

  get ledger(): Readonly<Record<string, number>> {
    return this.#ledger
  }

  take(): readonly AgentEvent[] {
    const events = this.#events
    this.#events = []
    return events
  }
}
