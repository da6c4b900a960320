import { constants } from 'node:os'
import { check, libcSend, libcSetsockopt, retrying, SystemError } from '../../libc.ts'
import { eachMessage, NLMSG, parseAcknowledgement, u32le } from '../../netlink/message.ts'
import { ReceiveRing } from '../../netlink/ring.ts'
import { NETLINK, NetlinkSocket } from '../../netlink/socket.ts'
import { encodeTransaction } from './encode.ts'
import type { NftOperation } from './operation.ts'

const SOL_SOCKET = 1
const SO_SNDBUFFORCE = 32
const SOL_NETLINK = 270
const NETLINK_CAP_ACK = 10
const MSG_DONTWAIT = 0x40
/** A transaction is one datagram; the buffer must hold it whole. */
const SEND_BUFFER_MIN = 4_194_304
const OVERHEAD = 65_536

export interface TransactionOptions {
  /** Name or path of the network namespace; default: the caller's. */
  readonly netns?: string | undefined
}

/** Changes of nftables by netlink, on the calling thread: 0.1 ms for a few elements, whatever else is in the kernel. */
export interface Transactions extends Disposable {
  /**
   * Commits changes of one table of family `inet`, all or nothing.
   * @throws SystemError with the errno of the first operation that the kernel refused.
   */
  commit(table: string, operations: readonly NftOperation[]): void
}

/** @throws SystemError without CAP_NET_ADMIN in the namespace. */
export function openTransactions({ netns }: TransactionOptions = {}): Transactions {
  const socket = new NetlinkSocket(NETLINK.netfilter, { netns, receiveBuffer: SEND_BUFFER_MIN })
  const ring = new ReceiveRing(8, 65_536)
  let sendBuffer = 0
  let sequence = 1
  const set = (level: number, name: number, value: number) =>
    check('setsockopt', libcSetsockopt(socket.fd, level, name, u32le(value), 4))
  // Without the cap an error repeats its request, up to 64 KiB of elements.
  set(SOL_NETLINK, NETLINK_CAP_ACK, 1)
  return {
    commit(table, operations) {
      if (operations.length === 0) return
      const { bytes, last } = encodeTransaction(table, operations, sequence)
      sequence = (last + 2) % 0x7fff_ffff
      if (bytes.length + OVERHEAD > sendBuffer) {
        sendBuffer = Math.max(SEND_BUFFER_MIN, bytes.length + OVERHEAD)
        set(SOL_SOCKET, SO_SNDBUFFORCE, sendBuffer)
      }
      retrying('send', () => libcSend(socket.fd, bytes, bytes.length, 0))
      readOutcome(socket.fd, ring, last)
    },
    [Symbol.dispose]: () => socket.close(),
  }
}

/** The kernel has answered before `send` returned: an error for each refused operation, then the last's own answer. */
function readOutcome(fd: number, ring: ReceiveRing, last: number): void {
  let first: SystemError | undefined
  let answered = false
  const read = (slots: Uint8Array, start: number, length: number) =>
    eachMessage(slots.subarray(start, start + length), (header, body) => {
      if (header.type !== NLMSG.error) return
      const { errno, detail } = parseAcknowledgement(header, body)
      if (errno !== 0) first ??= new SystemError('nftables', errno, detail)
      if (header.sequence === last) answered = true
    })
  while (ring.visit(fd, MSG_DONTWAIT, read) > 0);
  if (first) throw first
  if (!answered)
    throw new SystemError('nftables', constants.errno.EPROTO, 'the transaction was not acknowledged')
}
