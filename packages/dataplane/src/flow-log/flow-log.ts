import {
  type BypassLedger,
  type Clock,
  type Flow,
  type FlowEnd,
  LIMITS,
  protocolName,
  type RuleId,
  type WorkloadId,
} from '@sekisho/core'
import { type ConntrackEntry, type LoggedPacket, type PacketTuple, parsePacket } from '@sekisho/linux'
import type { FlowQuery, Judgement } from '@sekisho/policy'
import type { Told as Inspected } from '../inspection/inspection.protocol.ts'
import type { ConversationEnds } from '../inspection/inspector.ts'
import type { CountedRequests } from '../inspection/request-tally.ts'
import { type LogReason, parsePrefix, type Role } from '../names.ts'
import { createAttributions } from './attributions.ts'
import { Conversations } from './conversations.ts'
import { type Amounts, type EdgeEnds, edgeOf } from './edge.ts'
import { createRoutes, portOf, type Route } from './routes.ts'
import { createSeenConnections } from './seen.ts'
import { readDenial, readForgery, type Told } from './told.ts'
import { createUntold } from './untold.ts'
import { createWindow } from './window.ts'

export interface FlowLogOptions {
  readonly clock: Clock
  /** The running owner of an address, on any node. */
  workloadAt(ip: string): WorkloadId | undefined
  /** Whether a workload is of this node. A connection between two nodes is reported by its source's. */
  isLocal(workload: WorkloadId): boolean
  /** No agent runs where it is: its connections are reported by their other end's. */
  hasNoAgent(workload: WorkloadId): boolean
  /** What the policies say; called once per edge and model, see `modelChanged`. */
  judge(query: FlowQuery): Judgement
  /** The workload whose host-side interface has this index; asked for forged packets only. */
  ownerOf(interfaceIndex: number): WorkloadId | undefined
  /** The rule behind the key of a logged prefix. */
  ruleOf(role: Role, key: string): RuleId | undefined
  /** Visits the kernel's connections, as of now; one may come twice. */
  visit(visit: (entry: ConntrackEntry) => void): Promise<void>
  /** Edges of one window. */
  readonly edges?: number
  /** Connections remembered between dumps. */
  readonly connections?: number
}

export type LossKind = 'connection-events' | 'logged-packets'

/** Packets that deny rules counted, to know how many of them the log's rate limit kept from us. */
export interface DeniedCounts {
  readonly denied: number
  readonly audited: number
}

export interface FlowLog {
  /** The kernel told the end of a connection. */
  ended(entry: ConntrackEntry): void
  packets(packets: readonly LoggedPacket[]): void
  /** What inspection learned of conversations, and what it stopped. */
  inspected(told: readonly Inspected[]): void
  /** Requests that inspection judged. */
  requested(requests: readonly CountedRequests[]): void
  /**
   * Reads all connections: those that began, and what they have transferred since the last time.
   * @returns how many there were; see `pauseAfter`.
   */
  refresh(): Promise<number>
  /** Judgements are asked for again. */
  modelChanged(): void
  lost(what: LossKind, count: number): void
  counted(counts: DeniedCounts): void
  /** The edges since the last call, and what was not seen since the start. */
  take(): { readonly flows: Flow[]; readonly ledger: BypassLedger }
}

/** Four times the edges: a window holds what changed, the connections of several windows live at once. */
const CONNECTIONS_PER_EDGE = 4
/**
 * The model is ahead of the kernel by the time a change takes to be programmed: a packet of that time was judged by
 * the rules before. Afterwards both must agree.
 */
const SETTLING_MS = 2_000

class NodeFlowLog implements FlowLog {
  readonly #options: FlowLogOptions
  readonly #window
  readonly #seen
  readonly #attributions
  readonly #routes
  readonly #conversations
  readonly #untold = createUntold()
  readonly #losses = { 'connection-events': 0, 'logged-packets': 0 }
  #disagreements = 0
  #settledFrom = 0
  #unfollowed = 0
  /** Connections that ended while all are being read. */
  #readingEnded: Set<number> | undefined

  constructor(options: FlowLogOptions) {
    const { edges = LIMITS.flowEdges.value, connections = edges * CONNECTIONS_PER_EDGE } = options
    this.#options = options
    this.#window = createWindow(edges)
    this.#seen = createSeenConnections(connections)
    this.#attributions = createAttributions({
      capacity: edges,
      judge: query => options.judge(query),
      isRemote: ({ destination: { workload } }) => workload !== undefined && !options.isLocal(workload),
    })
    this.#routes = createRoutes(edges, entry => this.#route(entry))
    this.#conversations = new Conversations({
      capacity: edges,
      window: this.#window,
      endsOf: ends => this.#conversationEnds(ends),
      judge: query => options.judge(query),
      passing: ends => this.#attributions.passing(ends),
      now: () => options.clock.now(),
    })
  }

  ended(entry: ConntrackEntry): void {
    this.#readingEnded?.add(entry.id)
    this.#passed(entry, this.#routes.of(entry), this.#seen.ended(entry))
  }

  packets(packets: readonly LoggedPacket[]): void {
    for (const packet of packets) {
      const reason = parsePrefix(packet.prefix)
      if (reason) this.#logged(packet, reason)
    }
  }

  inspected(told: readonly Inspected[]): void {
    this.#conversations.told(told)
  }

  requested(requests: readonly CountedRequests[]): void {
    this.#conversations.requested(requests)
  }

  async refresh(): Promise<number> {
    let count = 0
    const ended = new Set<number>()
    this.#readingEnded = ended
    this.#seen.dumpBegins()
    try {
      await this.#options.visit(entry => {
        count++
        if (!ended.has(entry.id)) this.#dumped(entry)
      })
      this.#seen.dumpEnds()
      return count
    } finally {
      this.#readingEnded = undefined
    }
  }

  modelChanged(): void {
    this.#attributions.modelChanged()
    this.#routes.forget()
    this.#conversations.modelChanged()
    this.#settledFrom = this.#options.clock.now() + SETTLING_MS
  }

  lost(what: LossKind, count: number): void {
    this.#losses[what] += count
  }

  counted({ denied, audited }: DeniedCounts): void {
    this.#untold.counted(denied + audited)
  }

  take(): { flows: Flow[]; ledger: BypassLedger } {
    const { gathered, overflowed } = this.#window.losses
    return {
      flows: this.#window.take(open => this.#conversations.settle(open)),
      ledger: {
        'connection-events-lost': this.#losses['connection-events'],
        'logged-packets-lost': this.#losses['logged-packets'],
        'denials-not-logged': this.#untold.count,
        'flows-gathered': gathered,
        'flows-overflowed': overflowed,
        'connections-not-followed': this.#unfollowed,
        'judgement-disagreements': this.#disagreements,
      },
    }
  }

  #dumped(entry: ConntrackEntry): void {
    const route = this.#routes.of(entry)
    if (route === 'foreign') return
    const amounts = this.#seen.dumped(entry)
    if (amounts) this.#passed(entry, route, amounts)
    else this.#unfollowed++
  }

  /** Traffic that connection tracking confirmed: it passed. */
  #passed({ timestampStart }: ConntrackEntry, route: Route, amounts: Amounts): void {
    if (route === 'foreign' || route === 'elsewhere') return
    if (amounts.connections === 0 && amounts.packets === 0) return
    const now = this.#options.clock.now()
    const first = amounts.connections > 0 ? (timestampStart ?? now) : now
    this.#window.record(route, amounts, { first, last: now })
  }

  #route(entry: ConntrackEntry): Route {
    const ends = this.#ends(entry)
    if (!ends) return 'foreign'
    const attribution = this.#attributions.passing(ends)
    return attribution ? edgeOf(ends, attribution) : 'elsewhere'
  }

  #end(ip: string): FlowEnd {
    const workload = this.#options.workloadAt(ip)
    return workload === undefined ? { ip } : { workload, ip }
  }

  #conversationEnds({ client, server, protocol, port }: ConversationEnds): EdgeEnds | undefined {
    const [source, destination] = [this.#end(client), this.#end(server)]
    const isOurs = source.workload !== undefined || destination.workload !== undefined
    return isOurs ? { source, destination, protocol, port } : undefined
  }

  /** Both ends after address translation, if this node reports the connection. */
  #ends(entry: ConntrackEntry): EdgeEnds | undefined {
    const source = this.#end(entry.original.source)
    const destination = this.#end(entry.reply.source)
    const { isLocal, hasNoAgent } = this.#options
    const isTold = source.workload !== undefined && !hasNoAgent(source.workload)
    const reporter = isTold ? source.workload : destination.workload
    if (reporter === undefined || !isLocal(reporter)) return undefined
    return { source, destination, protocol: protocolName(entry.protocolNumber), port: portOf(entry) }
  }

  #logged(packet: LoggedPacket, reason: LogReason): void {
    const parsed = parsePacket(packet.payload)
    if (!parsed.ok) {
      this.#losses['logged-packets']++
      return
    }
    this.#untold.told(1)
    const told = this.#read(packet, reason, parsed.value)
    if (!told.agreed && packet.at >= this.#settledFrom) this.#disagreements++
    if (told.attribution.outcome !== 'audited') this.#denied(told, packet)
    else if (this.#attributions.set(told.ends, told.attribution)) this.#routes.forget()
  }

  #read(packet: LoggedPacket, reason: LogReason, tuple: PacketTuple): Told {
    const endOf = (ip: string) => this.#end(ip)
    if (reason.kind === 'rule') {
      const rule = this.#options.ruleOf(reason.role, reason.key)
      return readDenial(tuple, { rule, role: reason.role }, { endOf, judge: this.#options.judge })
    }
    const sender = packet.inInterface === undefined ? undefined : this.#options.ownerOf(packet.inInterface)
    return readForgery(tuple, sender, endOf)
  }

  #denied({ ends, sourcePort, attribution }: Told, { at }: LoggedPacket): void {
    if (ends.source.workload === undefined && ends.destination.workload === undefined) return
    this.#window.attempt(edgeOf(ends, attribution), sourcePort, { first: at, last: at })
  }
}

/** Makes flows of what the kernel tells: connections as they come, end and are read out, and what rules logged. */
export const createFlowLog = (options: FlowLogOptions): FlowLog => new NodeFlowLog(options)
