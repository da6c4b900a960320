import { type EpochMs, Malformed, type Reader } from '@sekisho/core'
import { attribute, concat, eachMessage, type MessageHeader, u8, u32be } from '../netlink/message.ts'
import { receiveOn, rethrow } from '../netlink/receiver.ts'
import { NETLINK, NetlinkSocket } from '../netlink/socket.ts'
import { type LoggedPacket, parseLoggedPacket } from './nflog-message.ts'
import { FAMILY, genericHeader, messageType, SUBSYSTEM } from './subsystem.ts'

const MESSAGE = { packet: 0, config: 1 } as const
/** enum nfulnl_attr_config. */
const CONFIG = { command: 1, mode: 2, timeout: 4, threshold: 5 } as const
const BIND = 1
const COPY_PACKET = 2

/** Enough for an IPv6 header with options and the ports behind it. */
const COPY_BYTES = 128
/** Packets the kernel gathers before it wakes us, and how long it waits for them, in hundredths of a second. */
const THRESHOLD = 32
const TIMEOUT_CENTISECONDS = 5
const RECEIVE_BUFFER = 8_388_608

export interface NflogOptions {
  /** Name or path of the network namespace; default: the caller's. */
  readonly netns?: string | undefined
  /** As in `log group N`. */
  readonly group: number
  onPackets(packets: readonly LoggedPacket[]): void
  /** So many packets were not seen: dropped by the kernel because we were slow, or unreadable. */
  onLost(count: number): void
  /** Nothing more will come; default: thrown where nobody catches it. */
  onFailed?(error: Error): void
}

export type Nflog = Disposable

export interface ParsedPackets {
  readonly packets: readonly LoggedPacket[]
  readonly malformed: number
}

/** Packets in datagrams of the kernel; one unreadable message does not hide the others. */
export function parseLoggedPackets(bytes: Uint8Array, now: EpochMs): ParsedPackets {
  const packets: LoggedPacket[] = []
  let malformed = 0
  const guarded = (parse: () => void) => {
    try {
      parse()
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      malformed++
    }
  }
  const visit = (header: MessageHeader, body: Reader) => {
    if (header.type === messageType(SUBSYSTEM.log, MESSAGE.packet)) {
      guarded(() => packets.push(parseLoggedPacket(body, now)))
    }
  }
  guarded(() => eachMessage(bytes, visit))
  return { packets, malformed }
}

/** Receives what rules log to a group. @throws SystemError EPERM when another program has the group. */
export function openNflog(options: NflogOptions): Nflog {
  const { netns, group, onPackets, onLost, onFailed = rethrow } = options
  const socket = new NetlinkSocket(NETLINK.netfilter, { netns, receiveBuffer: RECEIVE_BUFFER })
  try {
    bind(socket, group)
  } catch (error) {
    socket.close()
    throw error
  }
  const close = receiveOn(socket, {
    onDatagrams(bytes) {
      const { packets, malformed } = parseLoggedPackets(bytes, Date.now() as EpochMs)
      if (packets.length > 0) onPackets(packets)
      if (malformed > 0) onLost(malformed)
    },
    onLost,
    onFailed,
  })
  return { [Symbol.dispose]: close }
}

/** Bind first, then the rest: the kernel refuses both in one message. */
function bind(socket: NetlinkSocket, group: number): void {
  const configure = (...attributes: readonly Uint8Array[]) =>
    socket.request({
      type: messageType(SUBSYSTEM.log, MESSAGE.config),
      body: concat(genericHeader(FAMILY.unspec, group), ...attributes),
    })
  configure(attribute(CONFIG.command, u8(BIND)))
  configure(
    attribute(CONFIG.mode, concat(u32be(COPY_BYTES), u8(COPY_PACKET), u8(0))),
    attribute(CONFIG.timeout, u32be(TIMEOUT_CENTISECONDS)),
    attribute(CONFIG.threshold, u32be(THRESHOLD)),
  )
}
