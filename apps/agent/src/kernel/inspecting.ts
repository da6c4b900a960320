import { availableParallelism } from 'node:os'
import { Backoff, type BypassLedger, type InspectionStatus, type Timers } from '@sekisho/core'
import {
  type AnsweredAddress,
  type ConversationEnds,
  type CountedRequests,
  type Inspection,
  type InspectionOptions,
  type NotInspected,
  openInspection,
  type QueueRange,
  queueNumbers,
  type ServiceEnd,
  type TermsData,
  type Told,
} from '@sekisho/dataplane'
import { packetQueues, type QueueCounts } from '@sekisho/linux'
import type { FlowQuery, Model, RuleTable } from '@sekisho/policy'
import { definitionsIn, dnsProfiles, isResolver, residual } from '@sekisho/policy/enforcement'
import { type Log, reasonOf } from '../log.ts'
import { dnsEvents } from '../report/dns-event.ts'
import type { Notes } from '../report/notes.ts'

export interface InspectingOptions {
  readonly netns: string | undefined
  readonly queues: QueueRange
  /** Whether conversations are read until it is known what is spoken, although no policy asks. */
  readonly identify: boolean
  /** See `InspectionOptions.domainLists`. */
  readonly domainLists: string | undefined
  readonly model: Model
  readonly table: RuleTable
  /** The names that led to an address. */
  namesOf(ip: string): readonly string[]
  /** What these speak is known, or that it is not known. */
  onIdentified(services: readonly ServiceEnd[]): void
  /** See `InspectionOptions.onAnswer`. */
  onAnswer(names: readonly AnsweredAddress[]): Promise<void>
  readonly timers: Timers
  readonly log: Log
  readonly notes: Notes
  onTold(told: readonly Told[]): void
  onRequests(requests: readonly CountedRequests[]): void
  /** What opens the threads, and what the kernel counts of queues; default: the real ones. */
  readonly ports?: InspectingPorts
}

export interface InspectingPorts {
  open(options: InspectionOptions): Promise<Inspection>
  queues(): readonly QueueCounts[]
}

/** More threads than this only wait for each other: the kernel hands packets over one by one for each queue. */
const MOST_THREADS = 4
/** Between the numbers that people write by hand and those that other products use. */
const FIRST_QUEUE = 21_300
export const INSPECTION_QUEUES: QueueRange = {
  first: FIRST_QUEUE,
  workers: Math.min(availableParallelism(), MOST_THREADS),
}

/** Threads that lived this long were not ended by what they met first. */
const STEADY_MS = 60_000

/** Counts that begin anew with each start of what counts them, as sums since the agent's. */
class Sums<K> {
  readonly #ended = new Map<K, number>()
  #current: ReadonlyMap<K, number> = new Map()

  /** What is counted now; less than before where the counter began anew. */
  update(current: ReadonlyMap<K, number>): void {
    for (const [key, before] of this.#current) {
      if ((current.get(key) ?? 0) < before) this.#ended.set(key, (this.#ended.get(key) ?? 0) + before)
    }
    this.#current = current
  }

  of(key: K): number {
    return (this.#ended.get(key) ?? 0) + (this.#current.get(key) ?? 0)
  }
}

const QUEUE_COUNTS = ['full', 'undelivered', 'queued'] as const satisfies readonly (keyof QueueCounts)[]
type QueueCount = (typeof QUEUE_COUNTS)[number]

/**
 * The threads that read conversations, kept alive: one that dies is started again, and what that cost is counted. Until
 * then its packets have the fate of their queues.
 */
export class Inspecting implements AsyncDisposable {
  readonly #options: InspectingOptions
  readonly #numbers: ReadonlySet<number>
  readonly #ports: InspectingPorts
  readonly #queues = new Sums<`${QueueCount} ${number}`>()
  readonly #backoff = new Backoff({ firstMs: 200, mostMs: 10_000, random: Math.random })
  #inspection: Inspection | undefined
  #restart: Disposable | undefined
  #restarting: Promise<void> = Promise.resolve()
  #restarts = 0
  #startedAt = 0
  #isClosed = false

  private constructor(options: InspectingOptions) {
    this.#options = options
    const { netns } = options
    this.#ports = options.ports ?? { open: openInspection, queues: () => packetQueues({ netns }) }
    const numbers = queueNumbers(options.queues).flatMap(one => Object.values(one))
    this.#numbers = new Set(numbers.flatMap(({ original, reply }) => [original, reply]))
  }

  /** Returns when the queues are listened to: only then may rules send packets there. */
  static async open(options: InspectingOptions): Promise<Inspecting> {
    const inspecting = new Inspecting(options)
    await inspecting.#start()
    return inspecting
  }

  async #start(): Promise<void> {
    const { netns, queues, timers, notes, onIdentified, onTold, onRequests } = this.#options
    this.#startedAt = timers.monotonic()
    this.#inspection = await this.#ports.open({
      netns,
      queues,
      identify: this.#options.identify,
      domainLists: this.#options.domainLists,
      definitions: () => definitionsIn(this.#options.model.policies.values()),
      terms: ends => this.#terms(ends),
      onAnswer: names => this.#options.onAnswer(names),
      onTold: told => {
        const services = told.flatMap(serviceOf)
        if (services.length > 0) onIdentified(services)
        for (const event of dnsEvents(told, this.#options.model)) notes.event(event)
        onTold(told)
      },
      onRequests: requests => onRequests(requests),
      onLost: count => notes.count('inspection-notices-lost', count),
      onFailed: error => this.#failed(error),
    })
  }

  #terms({ client, server, protocol, port }: ConversationEnds): TermsData {
    const { model, table, namesOf } = this.#options
    const query: FlowQuery = { source: { ip: client }, destination: { ip: server }, protocol, port }
    const facts = { names: namesOf(server) }
    const { outcome, decision } = model.judge({ ...query, facts })
    // Where only policies in Audit ask, nobody is stopped for what cannot be found out.
    const onFailure = outcome === 'audited' ? 'open' : (decision.inspect?.onFailure ?? 'open')
    const ends = { source: client, destination: server, protocol, port }
    const dns = dnsProfiles(model, client)
    return {
      residual: residual(model, query),
      facts,
      onFailure,
      isResolver: isResolver(table, ends),
      ...(dns.length > 0 && { dns }),
    }
  }

  #failed(error: unknown): void {
    const { log, notes, timers } = this.#options
    if (this.#isClosed) return
    log.error('a thread that inspects has died; it is started again', error)
    const reason = reasonOf(error).slice(0, 500)
    notes.event({ code: 'inspection-failed', severity: 'critical', details: { reason } })
    if (timers.monotonic() - this.#startedAt > STEADY_MS) this.#backoff.succeeded()
    // Two may die of one packet before the first is replaced.
    this.#restart ??= timers.after(this.#backoff.next(), () => {
      this.#restart = undefined
      this.#restarting = this.#restarting.then(() => this.#again())
    })
  }

  async #again(): Promise<void> {
    try {
      this.#sample()
      if (this.#isClosed) return
      this.#restarts++
      this.#startedAt = this.#options.timers.monotonic()
      await this.#inspection?.reopen()
    } catch (error) {
      this.#failed(error)
    }
  }

  /** See `Inspection.redefine`. */
  async redefine(): Promise<void> {
    await this.#inspection?.redefine()
  }

  /** See `Inspection.revise`. Threads that are started meanwhile know nothing of before. */
  async revise(): Promise<void> {
    await this.#inspection?.revise()
  }

  /** See `Inspection.renamed`. */
  async renamed(addresses: readonly string[]): Promise<void> {
    await this.#inspection?.renamed(addresses)
  }

  #sample(): void {
    const own = this.#ports.queues().filter(({ number }) => this.#numbers.has(number))
    const counts = own.flatMap(queue => QUEUE_COUNTS.map(of => [`${of} ${queue.number}`, queue[of]] as const))
    this.#queues.update(new Map(counts))
  }

  /** A queue's counts begin anew with its thread. */
  #queuesOf(count: QueueCount): number {
    return [...this.#numbers].reduce((sum, number) => sum + this.#queues.of(`${count} ${number}`), 0)
  }

  /** What was not inspected, by reason, since the agent's start. */
  get ledger(): BypassLedger {
    this.#sample()
    const counts = this.#inspection?.notInspected()
    const notInspected = LEDGER.map(reason => [`not-inspected-${reason}`, counts?.get(reason) ?? 0] as const)
    const full = this.#queuesOf('full') + this.#queuesOf('undelivered')
    const counted = [...notInspected, ['inspection-queue-full', full] as const]
    return Object.fromEntries(counted.filter(([, count]) => count > 0))
  }

  get status(): InspectionStatus {
    return {
      isListening: this.#inspection?.isWhole === true,
      threads: this.#options.queues.workers,
      restarts: this.#restarts,
      flows: this.#inspection?.flows ?? 0,
      queued: this.#queuesOf('queued'),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    this.#restart?.[Symbol.dispose]()
    await this.#restarting
    await this.#inspection?.[Symbol.asyncDispose]()
  }
}

/** Of who was recognised or was not; what else is told of a conversation names no service. */
function serviceOf({ ends: { server: address, protocol, port }, notice }: Told): ServiceEnd[] {
  const isOver = notice.kind === 'identified' || notice.kind === 'unknown'
  return isOver && (protocol === 'TCP' || protocol === 'UDP') ? [{ address, protocol, port }] : []
}

/** What nobody could read. What a stream does not let pass is no loss: its sender repeats it, or was refused. */
const LEDGER = [
  'not-ip',
  'malformed-header',
  'fragment',
  'extension-chain',
  'ip-in-ip',
  'gre',
  'esp',
  'other-transport',
  'checksum',
  'midstream',
  'no-room',
] as const satisfies readonly NotInspected[]
