import { type PacketHeader, TCP } from '../packet/header.ts'
import type { Side } from '../protocol.ts'
import { ahead, Half } from './half.ts'
import type { StreamMemory } from './memory.ts'

/** Why a segment does not pass. Closed: it is counted by these. */
export const STREAM_DROPS = [
  'midstream', // the connection's beginning was not seen, and it was not taken over
  'handshake', // not a step of SYN, SYN with ACK, ACK: split and simultaneous handshakes, data on SYN
  'flags', // a combination that no sender makes
  'cut', // not all of its bytes are at hand
  'ahead', // bytes before it are missing: the sender will repeat it
  'differs', // a repetition with other bytes, or another end, than what passed
  'after-end', // beyond FIN
  'acknowledges-unseen', // acknowledges what never passed
  'urgent', // a byte that the receiver may take out of the stream
  'reset', // RST outside of what the receiver may expect next, or with data
  'old-timestamp', // the receiver drops it, too (PAWS, RFC 7323 section 5)
  'unacknowledged', // more would be held than may be, until the receiver acknowledges
] as const
export type StreamDrop = (typeof STREAM_DROPS)[number]

/** `fresh`: what this side says now, in order and each byte once; a view into the packet, absent when nothing is new. */
export type Passage =
  | { readonly verdict: 'accept'; readonly fresh?: Uint8Array }
  | { readonly verdict: 'drop'; readonly reason: StreamDrop }

export interface StreamPolicy {
  /**
   * A stream whose beginning was not seen: refused, or taken over where it is, as after a restart. Of one that is taken
   * over, what lies before its first segment passes unread: it fails open.
   */
  readonly midstream: 'refuse' | 'adopt'
  /**
   * Linux takes the urgent byte out of the stream unless the program asks for it in line (SO_OOBINLINE): what was read
   * here would not be what is read there. `inline` is for networks that need it, such as Telnet.
   */
  readonly urgent: 'refuse' | 'inline'
}

export const STRICT: StreamPolicy = Object.freeze({ midstream: 'refuse', urgent: 'refuse' })

const ACCEPT: Passage = Object.freeze({ verdict: 'accept' })
const DROPS = Object.fromEntries(
  STREAM_DROPS.map(reason => [reason, Object.freeze({ verdict: 'drop', reason })]),
) as Readonly<Record<StreamDrop, Passage>> // every reason is a key

/** PAWS tolerates one tick (`TCP_PAWS_WINDOW` in Linux's tcp_input.c). */
const PAWS_TICKS = 1

/**
 * One TCP connection, kept in order by the verdict: what passes was inspected, byte for byte, so whatever a receiver
 * puts together, whichever segments it loses, refuses or prefers, is a beginning of what was inspected.
 *
 * Nothing is held back. A segment ahead of order is dropped, and its sender repeats it; a repetition passes when its
 * bytes are those that passed, which are kept until the receiver acknowledges them. What the receiver has acknowledged
 * it will not take again. A reset or an end that the receiver may not have accepted ends nothing here.
 *
 * A connection begins with the server's SYN and ACK, which says of all SYNs which one it took: those may be seen or not.
 */
export class TcpStream {
  readonly #policy: StreamPolicy
  readonly #client: Half
  readonly #server: Half
  #isReset = false
  #isAdopted = false
  #isOneSided = false

  constructor(memory: StreamMemory, policy: StreamPolicy = STRICT) {
    this.#policy = policy
    this.#client = new Half(memory)
    this.#server = new Half(memory)
  }

  /** A reset or the ends of both sides have passed, or of the only one that is followed: another may begin. */
  get isOver(): boolean {
    return this.#isReset || (this.#client.isEnded && (this.#server.isEnded || this.#isOneSided))
  }

  /** It has begun, and may go on after any silence. */
  get isOpen(): boolean {
    return this.#server.isBegun && !this.isOver
  }

  /** Bytes that are held until their receiver acknowledges them. */
  get unacknowledged(): number {
    return Math.max(this.#client.retained.length, this.#server.retained.length)
  }

  get isOneSided(): boolean {
    return this.#isOneSided
  }

  /**
   * From here on only the client is followed, exactly as before; what the server says need not be offered. What of it
   * is offered passes, and its acknowledgements count: without them, all that the client has said is held.
   */
  followClientOnly(): void {
    this.#isOneSided = true
    this.#server.retained.clear()
  }

  /** Whether the server answers a SYN of another connection than this one. */
  isAnotherAnswer(header: PacketHeader): boolean {
    return !this.#server.isBegun || this.#server.initial !== header.sequence
  }

  /** Gives its memory back. */
  [Symbol.dispose](): void {
    this.#client.retained.clear()
    this.#server.retained.clear()
  }

  offer(side: Side, header: PacketHeader, payload: Uint8Array): Passage {
    if (header.missing > 0) return DROPS.cut
    const flags = header.flags & (TCP.SYN | TCP.FIN | TCP.RST)
    if (flags === TCP.SYN) return this.#synchronise(side, header, payload)
    if (flags === TCP.RST) return this.#reset(side, header, payload)
    if ((flags & (TCP.SYN | TCP.RST)) !== 0 || (header.flags & TCP.ACK) === 0) return DROPS.flags
    if (this.#isOneSided) return side === 'client' ? this.#clientSays(header, payload) : this.#heard(header)
    return this.#proceed(side, header, payload)
  }

  #half(side: Side): Half {
    return side === 'client' ? this.#client : this.#server
  }
  #other(side: Side): Half {
    return side === 'client' ? this.#server : this.#client
  }

  /** SYN of the client, or SYN with ACK of the server. */
  #synchronise(side: Side, header: PacketHeader, payload: Uint8Array): Passage {
    const isAnswer = (header.flags & TCP.ACK) !== 0
    if (isAnswer !== (side === 'server')) return DROPS.handshake
    if (isAnswer) return this.#answerSyn(header, payload)
    // Of several SYNs nobody knows which one the server takes, so none may carry data. The client repeats it without
    // (RFC 7413 section 4.2.2). Within a connection the receiver answers what it expects (RFC 5961 section 4).
    return payload.length > 0 ? DROPS.handshake : ACCEPT
  }

  #answerSyn(header: PacketHeader, payload: Uint8Array): Passage {
    const { sequence, acknowledgement } = header
    const first = (sequence + 1) >>> 0
    if (!this.#server.isBegun) {
      if (this.#client.isBegun) return DROPS.handshake
      this.#client.begin((acknowledgement - 1) >>> 0, acknowledgement)
      this.#server.begin(sequence, first)
    } else if (this.#server.initial !== sequence || acknowledgement !== (this.#client.initial + 1) >>> 0) {
      return DROPS.handshake
    }
    return this.#isOneSided ? ACCEPT : this.#data(this.#server, { first, header, payload })
  }

  /** Exactly what the receiver may expect next: what it has acknowledged at least, what has passed at most (RFC 5961). */
  #reset(side: Side, header: PacketHeader, payload: Uint8Array): Passage {
    if (payload.length > 0) return DROPS.reset
    const half = this.#half(side)
    if (side === 'client' || !this.#isOneSided) {
      const isExpected = half.isBegun
        ? ahead(header.sequence, half.acknowledged) >= 0 && ahead(header.sequence, half.next) <= 0
        : this.#policy.midstream === 'adopt' || side === 'server'
      if (!isExpected) return DROPS.reset
    }
    this.#isReset = true
    return ACCEPT
  }

  #proceed(side: Side, header: PacketHeader, payload: Uint8Array): Passage {
    const half = this.#half(side)
    const other = this.#other(side)
    if (!half.isBegun) {
      if (this.#policy.midstream === 'refuse') return DROPS.midstream
      this.#isAdopted = true
      half.begin(header.sequence, header.sequence)
    }
    if (this.#isUrgent(header)) return DROPS.urgent
    if (other.isBegun && !this.#mayAcknowledge(other, header.acknowledgement))
      return DROPS['acknowledges-unseen']
    const passage = this.#data(half, { first: header.sequence, header, payload })
    if (passage.verdict === 'accept' && other.isBegun) other.acknowledge(header.acknowledgement)
    return passage
  }

  #isUrgent({ flags }: PacketHeader): boolean {
    return (flags & TCP.URG) !== 0 && this.#policy.urgent === 'refuse'
  }

  /** What it acknowledges is not known here: the server drops what acknowledges too much, or takes it as it is. */
  #clientSays(header: PacketHeader, payload: Uint8Array): Passage {
    if (this.#isUrgent(header)) return DROPS.urgent
    return this.#data(this.#client, { first: header.sequence, header, payload })
  }

  /** Of a server that is not followed only the acknowledgement is of interest, and that it has ended. */
  #heard(header: PacketHeader): Passage {
    if (!this.#mayAcknowledge(this.#client, header.acknowledgement)) return DROPS['acknowledges-unseen']
    this.#client.acknowledge(header.acknowledgement)
    return ACCEPT
  }

  /** Of a stream that was taken over, what is acknowledged beyond what passed here had passed before. */
  #mayAcknowledge(other: Half, acknowledgement: number): boolean {
    if (ahead(acknowledgement, other.next) <= 0) return true
    if (!this.#isAdopted) return false
    other.retained.clear()
    other.begin(acknowledgement, acknowledgement)
    return true
  }

  #data(half: Half, segment: Segment): Passage {
    const { first, header, payload } = segment
    const isEnd = (header.flags & TCP.FIN) !== 0
    if (payload.length === 0 && !isEnd) return ACCEPT
    if (isOld(half, header)) return DROPS['old-timestamp']
    const lead = ahead(first, half.end)
    if (lead > 0) return half.isEnded ? DROPS['after-end'] : DROPS.ahead
    const repeated = Math.min(-lead, payload.length)
    if (!repeats(half, segment, repeated)) return DROPS.differs
    if (isEnd && !mayEnd(half, first + payload.length)) return DROPS.differs
    return pass(half, segment, repeated)
  }
}

interface Segment {
  /** Sequence number of the payload's first byte. */
  readonly first: number
  readonly header: PacketHeader
  readonly payload: Uint8Array
}

/** Lets the rest of the payload pass, and its end. */
function pass(half: Half, { first, header, payload }: Segment, repeated: number): Passage {
  const fresh = repeated === 0 ? payload : payload.subarray(repeated)
  if (fresh.length > 0) {
    if (half.isEnded) return DROPS['after-end']
    if (!half.retained.append(fresh)) return DROPS.unacknowledged
    half.advance(fresh.length)
  }
  if ((header.flags & TCP.FIN) !== 0 && ahead(first + payload.length, half.end) === 0) half.isEnded = true
  if (header.hasTimestamp) half.stamp(header.timestamp)
  return fresh.length > 0 ? { verdict: 'accept', fresh } : ACCEPT
}

/** Whether the first `count` bytes are those that passed. What the receiver has acknowledged it will not take again. */
function repeats(half: Half, { first, payload }: Segment, count: number): boolean {
  const from = Math.max(0, ahead(half.acknowledged, first))
  return from >= count || half.retained.equals(ahead(first + from, half.acknowledged), payload, from, count)
}

/** Whether FIN may stand before `at`: where it stood, where nothing has passed yet, or where the receiver is past it. */
function mayEnd(half: Half, at: number): boolean {
  const position = ahead(at, half.end)
  return position === 0 || (position > 0 && !half.isEnded) || ahead(half.acknowledged, at) > 0
}

/** A receiver drops it, so that what it says must not be taken for said. */
const isOld = (half: Half, { hasTimestamp, timestamp }: PacketHeader): boolean =>
  hasTimestamp && half.hasTimestamp && ahead(timestamp, half.timestamp) < -PAWS_TICKS
