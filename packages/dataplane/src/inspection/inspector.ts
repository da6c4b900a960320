import { isConversed, LIMITS, type Protocol } from '@sekisho/core'
import {
  checksumsHold,
  flowKey,
  fromLower,
  hasEnds,
  type Identifier,
  IP_PROTOCOL,
  type NameAddress,
  type Overrides,
  PacketHeader,
  parsePacket,
  type Side,
  STRICT,
  type StreamDrop,
  StreamMemory,
  type StreamPolicy,
  TCP,
  TcpStream,
  type Unread,
} from '@sekisho/inspect'
import type { AppliedDnsProfile, FlowFacts, OnFailure } from '@sekisho/policy'
import { type DnsGuards, GuardedDns } from './dns-guards.ts'
import { Ending } from './ending.ts'
import { endsOf } from './ends.ts'
import { Flows, type Followed } from './flows.ts'
import { Recollection } from './recollection.ts'
import { answerTo } from './refusal.ts'
import { type AskPolicy, type Notice, type Step, Watch } from './watch.ts'

/** Who speaks with whom; the client is who opened the connection. */
export interface ConversationEnds {
  readonly client: string
  readonly server: string
  readonly protocol: Protocol
  /** The server's; of ICMP the type of the question, of what has no ports 0. */
  readonly port: number
  /** Of ICMP the identifier. */
  readonly clientPort: number
}

/** What policies say of a conversation before anything is said. */
export interface Terms {
  readonly ask: AskPolicy
  readonly facts: FlowFacts
  /** What happens to packets of a conversation whose beginning was not seen, and where there is no room for more. */
  readonly onFailure: OnFailure
  /** The names that its server tells are believed, and wanted: as long as it speaks DNS it is read. */
  readonly isResolver?: boolean
  /** What its messages go through, if it is DNS. */
  readonly dns?: readonly AppliedDnsProfile[]
}

/**
 * `release`: passes, and the kernel may have the rest; `requests-only`, `everything`: passes, and of the rest so much is to
 * be queued. `wait`: offer it again when the terms are known.
 */
export type Treatment = 'pass' | 'release' | Seen | 'drop' | 'wait'
/** What the kernel queues of a connection; at first, all that says something. */
type Seen = 'requests-only' | 'everything'

/** Why packets passed, or did not, without having been read. Closed: what was not inspected is counted by these. */
export type NotInspected = Unread | StreamDrop | 'checksum' | 'no-room'

export interface InspectorOptions {
  readonly identifier: Identifier
  /** What users say is spoken at a server; default: nothing. */
  readonly overrides?: Overrides
  /** Undefined while they are not known; they are asked for again with every packet that waits. */
  readonly terms: (ends: ConversationEnds) => Terms | undefined
  /** Whether conversations are read until their application is known, although no policy asks for it. */
  readonly identify: boolean
  readonly notice: (ends: ConversationEnds, notice: Notice) => void
  readonly dns?: Pick<DnsGuards, 'judge'>
  /** Sends a packet of our own to an end of a connection that is denied, or an answer in a resolver's place. */
  readonly send?: (packet: Uint8Array) => void
  /** What connections of TCP were found to be that the kernel has; default: none but those that are let go here. */
  readonly released?: Recollection<FlowFacts>
  /** A believed answer in the packet at hand. */
  readonly answered?: (names: readonly NameAddress[]) => void
}

export interface OfferedPacket {
  /** From the IP header on. */
  readonly bytes: Uint8Array
  /** Its sender opened the connection. */
  readonly fromClient: boolean
  /** What became of it if nobody decided. */
  readonly onFailure: OnFailure
  /** Whether its checksums are filled in yet. */
  readonly checksummed: boolean
}

/** Where failures pass, a stream whose beginning was not seen is taken over where it is. */
const STREAMS = {
  closed: STRICT,
  open: { ...STRICT, midstream: 'adopt' },
} as const satisfies Record<Terms['onFailure'], StreamPolicy>

/** Of no revision. */
const STALE = -1

class InspectedFlow implements Followed {
  readonly ends: ConversationEnds
  readonly watch: Watch
  readonly stream: TcpStream | undefined
  readonly ending = new Ending()
  isDenied = false
  /** Where profiles check its messages, if it is DNS. */
  dns: GuardedDns | undefined
  /** As it was last told to the kernel. */
  seen: Seen | undefined
  /** Of the policies it was last judged by. */
  revision: number

  constructor(of: {
    readonly ends: ConversationEnds
    readonly watch: Watch
    readonly stream: TcpStream | undefined
    readonly revision: number
  }) {
    this.ends = of.ends
    this.watch = of.watch
    this.stream = of.stream
    this.revision = of.revision
  }

  get mayPause(): boolean {
    return !this.isDenied && this.stream?.isOpen === true
  }

  [Symbol.dispose](): void {
    this.stream?.[Symbol.dispose]()
  }
}

/**
 * Decides packets that wait, by what is said in their conversation. What passes was inspected: TCP is kept in order by
 * the verdict, a packet with a denied request does not pass, and nor does anything behind it.
 */
export class Inspector {
  readonly #options: InspectorOptions
  readonly #header = new PacketHeader()
  /** The packet that is being decided. */
  readonly #current: { bytes: Uint8Array; readonly header: PacketHeader; repeated: number } = {
    bytes: new Uint8Array(),
    header: this.#header,
    repeated: 0,
  }
  readonly #memory = new StreamMemory()
  readonly #flows = new Flows<InspectedFlow>(LIMITS.inspectedFlows.value)
  readonly #released: Recollection<FlowFacts>
  readonly #notInspected = new Map<NotInspected, number>()
  #known: Pick<InspectorOptions, 'identifier' | 'overrides'>
  #revision = 0

  constructor(options: InspectorOptions) {
    this.#options = options
    this.#known = options
    this.#released = options.released ?? new Recollection(LIMITS.releasedFlows.value)
  }

  get flows(): number {
    return this.#flows.size
  }
  /** Packets that were not read, by reason: those of a stream were dropped, of the others see `Terms.onFailure`. */
  get notInspected(): ReadonlyMap<NotInspected, number> {
    return this.#notInspected
  }

  /** Policies have changed: every conversation is judged anew with its next packet. */
  revise(): void {
    this.#revision++
  }

  /** Other names lead to these servers now: their conversations are judged anew. */
  renamed(servers: ReadonlySet<string>): void {
    for (const flow of this.#flows.values()) if (servers.has(flow.ends.server)) flow.revision = STALE
  }

  /** What users say of applications has changed; it counts for conversations that begin from here on. */
  define(known: Pick<InspectorOptions, 'identifier' | 'overrides'>): void {
    this.#known = known
  }

  /** To be called once a minute or so: conversations that were silent for that long, twice, are forgotten. */
  age(): void {
    this.#flows.age()
  }

  packet(packet: OfferedPacket): Treatment {
    const header = this.#header
    this.#current.bytes = packet.bytes
    this.#current.repeated = 0
    const unread = parsePacket(packet.bytes, header)
    if (unread) {
      this.#count(unread)
      // Nothing is known of it but why it was queued: what a policy asks about and nobody can read does not pass.
      if (!hasEnds(unread)) return packet.onFailure === 'open' ? 'pass' : 'drop'
    }
    if (packet.checksummed && !checksumsHold(packet.bytes, header)) return this.#count('checksum')
    const isLower = fromLower(packet.bytes, header)
    const key = flowKey(packet.bytes, header, isLower)
    const flow = this.#flows.get(key)
    if (!flow) return this.#open(key, packet)
    if (this.#beginsAnew(flow, packet.fromClient)) return this.#open(key, packet, flow)
    if (flow.revision === this.#revision) return this.#offer(key, flow, packet)
    return this.#review(key, flow, packet)
  }

  #review(key: string, flow: InspectedFlow, packet: OfferedPacket): Treatment {
    const terms = this.#options.terms(flow.ends)
    if (!terms) return 'wait'
    flow.revision = this.#revision
    flow.isDenied = false
    if (flow.dns) flow.dns.profiles = terms.dns ?? []
    const step = flow.watch.review(terms.ask, terms.facts)
    const isSettled = step === 'deny' || step === 'release'
    return isSettled ? this.#treat(key, { flow, packet, step }) : this.#offer(key, flow, packet)
  }

  #count(reason: NotInspected): Treatment {
    this.#notInspected.set(reason, (this.#notInspected.get(reason) ?? 0) + 1)
    return 'drop'
  }

  /**
   * The ports of a connection that is over, or was denied, may be used again. A server that is not followed may have ended
   * it unseen; that it answers another SYN says so.
   */
  #beginsAnew({ stream, isDenied }: InspectedFlow, fromClient: boolean): boolean {
    if ((this.#header.flags & TCP.SYN) === 0 || !stream) return false
    const isOver = isDenied || stream.isOver
    if (fromClient) return isOver && (this.#header.flags & TCP.ACK) === 0
    return (isOver || stream.isOneSided) && stream.isAnotherAnswer(this.#header)
  }

  #open(key: string, packet: OfferedPacket, before?: InspectedFlow): Treatment {
    const ends = endsOf(packet.bytes, this.#header, packet.fromClient)
    const terms = this.#options.terms(ends)
    if (!terms) return 'wait'
    if (before) this.#flows.delete(key)
    const transport = isConversed(ends.protocol) ? ends.protocol : undefined
    const conversation = this.#known.identifier.open(transport ?? 'UDP')
    const released = this.#recall(key)
    // Over other protocols nothing is said that could be read: their first packet settles it.
    if (released || !transport) conversation.finish()
    const watch = new Watch({
      conversation,
      ask: terms.ask,
      facts: released ? { ...released, ...terms.facts } : terms.facts,
      identify: this.#options.identify,
      isResolver: terms.isResolver,
      checksDns: (terms.dns ?? []).length > 0,
      notice: notice => {
        flow.ending.note(notice, this.#header)
        this.#options.notice(ends, notice)
      },
      answered: names => this.#options.answered?.(names),
    })
    const flow = new InspectedFlow({ ends, watch, stream: this.#stream(terms), revision: this.#revision })
    flow.dns = this.#guarded(ends, terms)
    if (!this.#flows.add(key, flow)) {
      this.#count('no-room')
      return terms.onFailure === 'open' ? 'release' : 'drop'
    }
    const given =
      released || !transport ? undefined : this.#known.overrides?.(transport, ends.server, ends.port)
    const step = given === undefined ? watch.review() : watch.configure(given)
    const isSettled = step === 'deny' || step === 'release'
    return isSettled ? this.#treat(key, { flow, packet, step }) : this.#offer(key, flow, packet)
  }

  /**
   * What was known of a connection when it was let go: its packets are queued again when policies have changed, or were
   * on their way. With SYN another one begins. The kernel keeps the rest of TCP to that; of datagrams nobody could tell.
   */
  #recall(key: string): FlowFacts | undefined {
    if ((this.#header.flags & TCP.SYN) === 0) return this.#released.get(key)
    this.#released.delete(key)
    return undefined
  }

  #stream({ onFailure }: Terms): TcpStream | undefined {
    return this.#header.protocol === IP_PROTOCOL.TCP
      ? new TcpStream(this.#memory, STREAMS[onFailure])
      : undefined
  }

  #offer(key: string, flow: InspectedFlow, packet: OfferedPacket): Treatment {
    if (flow.isDenied) return this.#refuse(flow, packet)
    const { payloadAt, payloadEnd } = this.#header
    const payload = packet.bytes.subarray(payloadAt, payloadEnd)
    const side = packet.fromClient ? 'client' : 'server'
    if (!flow.stream) {
      if (this.#isStopped(flow, side, payload)) return 'drop'
      return this.#treat(key, { flow, packet, step: flow.watch.read(side, payload) })
    }
    const passage = flow.stream.offer(side, this.#header, payload)
    if (passage.verdict === 'drop') return this.#lose(flow, packet, passage.reason)
    if (!passage.fresh) return this.#passing(flow, packet.fromClient)
    this.#current.repeated = payload.length - passage.fresh.length
    if (this.#isStopped(flow, side, passage.fresh)) {
      // Its stream has taken them for passed: nothing behind them may.
      flow.isDenied = true
      return 'drop'
    }
    return this.#treat(key, { flow, packet, step: flow.watch.read(side, passage.fresh) })
  }

  #guarded(ends: ConversationEnds, { dns = [] }: Terms): GuardedDns | undefined {
    const guards = this.#options.dns
    if (!guards || dns.length === 0) return undefined
    return new GuardedDns({
      guards,
      ends,
      profiles: dns,
      tell: notice => this.#options.notice(ends, notice),
    })
  }

  /** Before anybody believes what it says: whether a profile stops it, answered in the resolver's place or not. */
  #isStopped(flow: InspectedFlow, side: Side, said: Uint8Array): boolean {
    const verdict = flow.dns?.read(side, said) ?? 'pass'
    if (verdict === 'pass') return false
    if (verdict !== 'drop') this.#options.send?.(answerTo(this.#current, verdict.answer))
    return true
  }

  /** A connection whose beginning was not seen will never be read: where policy says so, its ends need not wait. */
  #lose(flow: InspectedFlow, packet: OfferedPacket, reason: StreamDrop): Treatment {
    if (reason === 'midstream') this.#refuse(flow, packet)
    return this.#count(reason)
  }

  #refuse(flow: InspectedFlow, { fromClient }: OfferedPacket): Treatment {
    const { send } = this.#options
    if (!flow.stream || !send) return 'drop'
    for (const packet of flow.ending.refuse(this.#current, flow.watch.answer.enforced, fromClient))
      send(packet)
    return 'drop'
  }

  #treat(
    key: string,
    { flow, packet, step }: { flow: InspectedFlow; packet: OfferedPacket; step: Step },
  ): Treatment {
    switch (step) {
      case 'requests-only':
        flow.stream?.followClientOnly()
        return this.#passing(flow, packet.fromClient)
      case 'pass':
        return this.#passing(flow, packet.fromClient)
      case 'release':
        if (flow.stream) this.#released.set(key, flow.watch.facts)
        this.#flows.delete(key)
        return 'release'
      case 'deny':
        return this.#deny(flow, packet)
    }
  }

  /**
   * What the kernel is to queue of the connection from here on. It is told again as long as packets show that it has not
   * heard, or has forgotten: of a new generation, everything is queued.
   */
  #passing(flow: InspectedFlow, fromClient: boolean): Treatment {
    const { stream } = flow
    if (!stream) return 'pass'
    const unheard = this.#memory.isShort ? 0 : LIMITS.streamUnheardBytes.value
    if (stream.unacknowledged > unheard) flow.seen = 'everything'
    else if (!stream.isOneSided || (fromClient && flow.seen === 'requests-only')) return 'pass'
    else flow.seen = 'requests-only'
    return flow.seen
  }

  #deny(flow: InspectedFlow, packet: OfferedPacket): Treatment {
    flow.isDenied = true
    this.#options.notice(flow.ends, { kind: 'denied', answer: flow.watch.answer })
    return this.#refuse(flow, packet)
  }
}
