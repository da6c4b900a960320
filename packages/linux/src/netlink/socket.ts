import { closeSync } from 'node:fs'
import { constants } from 'node:os'
import type { Reader } from '@sekisho/core'
import {
  check,
  libcBind,
  libcGetsockopt,
  libcSend,
  libcSetsockopt,
  libcSocket,
  retrying,
  SystemError,
} from '../libc.ts'
import { inNetns } from '../netns.ts'
import {
  eachMessage,
  type MessageHeader,
  message,
  NLM,
  NLMSG,
  parseAcknowledgement,
  u32le,
} from './message.ts'
import { ReceiveRing } from './ring.ts'

const AF_NETLINK = 16
const SOCK_RAW_CLOEXEC = 3 | 0o2000000
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33
const SO_MEMINFO = 55
/** Position of `sk_drops` among the nine u32 of SO_MEMINFO (include/uapi/linux/sock_diag.h). */
const SK_MEMINFO_DROPS = 8
const SOL_NETLINK = 270
const NETLINK_ADD_MEMBERSHIP = 1
const NETLINK_EXT_ACK = 11
const MSG_WAITFORONE = 0x10000

export const NETLINK = { route: 0, netfilter: 12 } as const

export interface SocketOptions {
  /** Name or path of the network namespace; a socket stays in the one it was made in. */
  readonly netns?: string | undefined
  readonly groups?: readonly number[]
  /** Bytes the kernel may queue before it drops (ENOBUFS); beyond rmem_max, as root may. */
  readonly receiveBuffer?: number
}

export interface NetlinkRequest {
  readonly type: number
  /** Besides NLM_F_REQUEST and NLM_F_ACK. */
  readonly flags?: number
  readonly body: Uint8Array
}

/** Those that no request uses. Most sockets ask once, and making what the kernel writes to costs more than asking. */
const spareRings: ReceiveRing[] = []

export type MessageVisitor = (header: MessageHeader, body: Reader) => void

/**
 * One netlink socket. `request` is for small questions and answers at once on the calling thread;
 * events and large dumps are read by a `Receiver`, which then owns the descriptor.
 */
export class NetlinkSocket implements Disposable {
  readonly fd: number
  #sequence = 1

  constructor(protocol: number, options: SocketOptions = {}) {
    this.fd = inNetns(options.netns, () =>
      check('socket', libcSocket(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol)),
    )
    try {
      this.#prepare(options)
    } catch (error) {
      closeSync(this.fd)
      throw error
    }
  }

  #prepare({ groups = [], receiveBuffer }: SocketOptions): void {
    this.#set(SOL_NETLINK, NETLINK_EXT_ACK, 1)
    if (receiveBuffer !== undefined) this.#set(SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer)
    const address = new Uint8Array(12)
    address[0] = AF_NETLINK
    check('bind', libcBind(this.fd, address, address.length))
    for (const group of groups) this.#set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
  }

  #set(level: number, name: number, value: number): void {
    check('setsockopt', libcSetsockopt(this.fd, level, name, u32le(value), 4))
  }

  /** @returns the sequence number that the answers carry. */
  send({ type, flags = 0, body }: NetlinkRequest): number {
    const sequence = this.#sequence++
    const bytes = message({ type, flags: flags | NLM.request, sequence }, body)
    retrying('send', () => libcSend(this.fd, bytes, bytes.length, 0))
    return sequence
  }

  /**
   * Sends one request and visits its answers, up to the acknowledgement or the end of the dump.
   * @throws SystemError with the kernel's errno and sentence; EINTR when a dump was interrupted by a change.
   */
  request(request: NetlinkRequest, visit: MessageVisitor = () => undefined): void {
    const ring = spareRings.pop() ?? new ReceiveRing(4, 65_536)
    try {
      const sequence = this.send({ ...request, flags: (request.flags ?? 0) | NLM.ack })
      for (let done = false; !done; ) {
        const { bytes, refused } = ring.receive(this.fd, MSG_WAITFORONE)
        if (refused > 0) throw new SystemError('recvmmsg', constants.errno.EMSGSIZE)
        eachMessage(bytes, (header, body) => {
          if (header.sequence === sequence) done = answer(header, body, visit) || done
        })
      }
    } finally {
      spareRings.push(ring)
    }
  }

  close(): void {
    closeSync(this.fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** Handles one answer; true when it was the last. */
export function answer(header: MessageHeader, body: Reader, visit: MessageVisitor): boolean {
  if (header.flags & NLM.dumpInterrupted) throw new SystemError('dump', constants.errno.EINTR)
  if (header.type !== NLMSG.error && header.type !== NLMSG.done) {
    visit(header, body)
    return false
  }
  const { errno, detail } = parseAcknowledgement(header, body)
  if (errno !== 0) throw new SystemError('netlink', errno, detail)
  return true
}

/** How many messages the kernel has dropped on a socket since it was opened. */
export function droppedMessages(fd: number): number {
  const values = new Uint8Array(new ArrayBuffer(36))
  check('getsockopt', libcGetsockopt(fd, SOL_SOCKET, SO_MEMINFO, values, u32le(values.length)))
  return new DataView(values.buffer).getUint32(4 * SK_MEMINFO_DROPS, true)
}

const DUMP_ATTEMPTS = 8

/** A dump on the calling thread, begun anew when the kernel's table changed under it. For small tables. */
export function dumpNow<T>(
  socket: NetlinkSocket,
  request: NetlinkRequest,
  parse: (header: MessageHeader, body: Reader) => T | undefined,
): T[] {
  for (let attempt = 1; ; attempt++) {
    const found: T[] = []
    try {
      socket.request({ ...request, flags: NLM.dump }, (header, body) => {
        const value = parse(header, body)
        if (value !== undefined) found.push(value)
      })
      return found
    } catch (error) {
      const interrupted = error instanceof SystemError && error.code === 'EINTR'
      if (!interrupted || attempt === DUMP_ATTEMPTS) throw error
    }
  }
}
