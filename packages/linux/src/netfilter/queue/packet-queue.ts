import { check, libcSend, libcSetsockopt, retrying } from '../../libc.ts'
import { attribute, concat, u8, u16be, u32be, u32le } from '../../netlink/message.ts'
import { ReceiveRing } from '../../netlink/ring.ts'
import { NETLINK, NetlinkSocket } from '../../netlink/socket.ts'
import { FAMILY, genericHeader, messageType, SUBSYSTEM } from '../subsystem.ts'
import { MESSAGE, type QueuedPacket, readQueuedPacket } from './packet.ts'
import { type Verdict, VerdictWriter } from './verdict.ts'

/** enum nfqnl_attr_config. */
const CONFIG = { command: 1, parameters: 2, length: 3, mask: 4, flags: 5 } as const
const BIND = 1
const COPY_PACKET = 2
const FLAG = { failOpen: 1, gso: 4 } as const
const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
const SOL_NETLINK = 270
const MSG_DONTWAIT = 0x40
const MSG_WAITFORONE = 0x10000
const NETLINK_NO_ENOBUFS = 5
/** The largest packet a netlink attribute can carry, which GSO makes common, and what stands before it. */
const COPY_BYTES = 65_531
const SLOT_BYTES = 66_048
/**
 * Few: verdicts go with the batch, and a receiver on another processor begins with the first of them while the rest is
 * read. Of all that wait at once, everybody would wait for the last.
 */
const SLOTS = 8
const RECEIVE_BUFFER = 16_777_216

export interface QueueOptions {
  /** Name or path of the network namespace; default: the caller's. */
  readonly netns?: string | undefined
  readonly queues: readonly QueueDefinition[]
  /** How long a call of `receive` may wait for a packet. */
  readonly waitMs?: number
}

export interface QueueDefinition {
  readonly number: number
  /** Packets that may wait for a verdict. */
  readonly length: number
  /** What happens to those beyond: true lets them pass, false drops them. */
  readonly failOpen: boolean
}

/**
 * Packets that wait in the kernel for a verdict (NFQUEUE). Synchronous, for a thread that does nothing else: large
 * packets come unsegmented, and neither is a packet copied nor an object made for it.
 */
export interface PacketQueue extends Disposable {
  /** To be polled for input. */
  readonly fd: number
  /**
   * Visits packets that wait, at most `batch`. The object and the bytes it points to are valid during the visit only.
   * @param wait blocks the thread until there is a packet, or for `waitMs`.
   * @returns how many messages there were; 0 when nothing waits.
   */
  receive(visit: (packet: QueuedPacket) => void, wait?: boolean): number
  /** How many a call of `receive` visits at most; one that visits fewer has left nothing. */
  readonly batch: number
  /** Notes a verdict; `flush` sends it. Each packet gets one, in any order and at any later time. */
  decide(packet: number, verdict: Verdict): void
  /** Sends the verdicts that were noted, in one system call. */
  flush(): void
  /** Verdicts and settings that the kernel refused, such as those of packets whose queue has gone. */
  readonly refused: number
}

/** @throws SystemError EPERM without CAP_NET_ADMIN, or where another program has one of the queues. */
export function openPacketQueue({ netns, queues, waitMs = 50 }: QueueOptions): PacketQueue {
  const socket = new NetlinkSocket(NETLINK.netfilter, { netns, receiveBuffer: RECEIVE_BUFFER })
  try {
    check('setsockopt', libcSetsockopt(socket.fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, u32le(1), 4))
    for (const queue of queues) bind(socket, queue)
    check('setsockopt', libcSetsockopt(socket.fd, SOL_SOCKET, SO_RCVTIMEO, timeval(waitMs), 16))
  } catch (error) {
    socket.close()
    throw error
  }
  return new BoundQueue(socket)
}

/** struct timeval: seconds:i64 microseconds:i64. */
const timeval = (ms: number): Uint8Array =>
  new Uint8Array(BigInt64Array.of(BigInt(Math.floor(ms / 1_000)), BigInt((ms % 1_000) * 1_000)).buffer)

/** Bind first, then the rest: the kernel refuses settings of a queue that is not there yet. */
function bind(socket: NetlinkSocket, { number, length, failOpen }: QueueDefinition): void {
  const configure = (...attributes: readonly Uint8Array[]) =>
    socket.request({
      type: messageType(SUBSYSTEM.queue, MESSAGE.config),
      body: concat(genericHeader(FAMILY.unspec, number), ...attributes),
    })
  configure(attribute(CONFIG.command, concat(u8(BIND), u8(0), u16be(0))))
  configure(
    attribute(CONFIG.parameters, concat(u32be(COPY_BYTES), u8(COPY_PACKET))),
    attribute(CONFIG.length, u32be(length)),
    attribute(CONFIG.mask, u32be(FLAG.failOpen | FLAG.gso)),
    attribute(CONFIG.flags, u32be((failOpen ? FLAG.failOpen : 0) | FLAG.gso)),
  )
}

class BoundQueue implements PacketQueue {
  readonly #socket: NetlinkSocket
  readonly #ring = new ReceiveRing(SLOTS, SLOT_BYTES)
  readonly #verdicts = new VerdictWriter()
  readonly #packet: QueuedPacket = {
    id: 0,
    queue: 0,
    hook: 0,
    mark: 0,
    inInterface: 0,
    outInterface: 0,
    bytes: new Uint8Array(),
    length: 0,
    checksummed: true,
  }
  readonly batch = SLOTS
  refused = 0

  constructor(socket: NetlinkSocket) {
    this.#socket = socket
  }

  get fd(): number {
    return this.#socket.fd
  }

  receive(visit: (packet: QueuedPacket) => void, wait = false): number {
    return this.#ring.visit(this.fd, wait ? MSG_WAITFORONE : MSG_DONTWAIT, (slots, start, length) => {
      if (readQueuedPacket({ slots, start, length }, this.#packet)) visit(this.#packet)
      else this.refused++
    })
  }

  decide(packet: number, verdict: Verdict): void {
    if (this.#verdicts.isFull) this.flush()
    this.#verdicts.add(packet, verdict)
  }

  flush(): void {
    const bytes = this.#verdicts.take()
    if (bytes.length > 0) retrying('send', () => libcSend(this.fd, bytes, bytes.length, 0))
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }
}
