import {
  type AgentStatus,
  type Batch,
  type BypassLedger,
  type Flow,
  LIMITS,
  type NodeName,
  type Timers,
} from '@sekisho/core'
import type { Inventory } from '../server/message.ts'
import type { Notes } from './notes.ts'
import type { Spool } from './spool.ts'

export interface ReporterOptions {
  readonly node: NodeName
  readonly timers: Timers
  readonly spool: Pick<Spool, 'append'>
  readonly notes: Notes
  takeFlows(): { readonly flows: readonly Flow[]; readonly ledger: BypassLedger }
  /** Undefined while it is not known: an empty one would tell the server that all workloads are gone. */
  inventory(): Inventory | undefined
  status(ledger: BypassLedger): AgentStatus
  /** Transactions of the kernel so far. */
  programs(): number
  /** A batch is in the spool. */
  onSpooled(): void
}

/** One batch in so long, if there is something to say or the kernel has something new, and a status at least this often. */
export const WINDOW_MS = 1_000
const STATUS_MS = 10_000

/** Makes batches of what was seen in each window and gives them to the spool. */
export class Reporter {
  readonly #options: ReporterOptions
  #inventoryDue = true
  #statusAt = Number.NEGATIVE_INFINITY
  #programs = 0
  #ledger: BypassLedger = {}

  constructor(options: ReporterOptions) {
    this.#options = options
  }

  /** The node's workloads go with the next batch: they changed, or a batch with them may not have arrived. */
  inventoryChanged(): void {
    this.#inventoryDue = true
  }

  /** Counts since the start of everything that was not seen or not kept. */
  get ledger(): BypassLedger {
    return { ...this.#ledger, ...this.#options.notes.ledger }
  }

  /** Ends a window. Never raises: what cannot be kept is counted. */
  async report(): Promise<void> {
    const { notes, takeFlows } = this.#options
    const { flows, ledger } = takeFlows()
    this.#ledger = ledger
    const events = notes.take()
    if (!this.#due(flows.length + events.length)) return
    for (let at = 0; at === 0 || at < flows.length; at += LIMITS.flowsPerBatch.value) {
      const part = flows.slice(at, at + LIMITS.flowsPerBatch.value)
      await this.#append({ flows: part, events: at === 0 ? events : [] })
    }
  }

  #due(records: number): boolean {
    const { timers, programs } = this.#options
    // Whoever made a policy or a pod waits for the word that it is in the kernel.
    if (records > 0 || programs() !== this.#programs || this.#whole() !== undefined) return true
    return timers.monotonic() - this.#statusAt >= STATUS_MS
  }

  /** The inventory when it is to be sent. */
  #whole(): Inventory | undefined {
    return this.#inventoryDue ? this.#options.inventory() : undefined
  }

  async #append(records: Pick<Batch, 'flows' | 'events'>): Promise<void> {
    const { node, spool, notes, status, timers, onSpooled } = this.#options
    const whole = this.#whole()
    if (whole) this.#inventoryDue = false
    this.#statusAt = timers.monotonic()
    this.#programs = this.#options.programs()
    try {
      await spool.append({ node, ...records, ...whole, status: status(this.ledger) })
      onSpooled()
    } catch (error) {
      // A full or broken disk must not stop enforcement; it is told once there is room again.
      this.#inventoryDue ||= whole !== undefined
      notes.count('spool-failed', records.flows.length + records.events.length)
      const reason = error instanceof Error ? error.message : String(error)
      notes.event({ code: 'spool-failed', severity: 'warning', details: { reason } })
    }
  }
}
