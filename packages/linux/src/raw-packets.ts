import { closeSync } from 'node:fs'
import { check, libcSendto, libcSetsockopt, libcSocket } from './libc.ts'
import { u32le } from './netlink/message.ts'
import { inNetns } from './netns.ts'

const AF_INET = 2
const AF_INET6 = 10
const SOCK_RAW_CLOEXEC = 3 | 0o2000000
/** raw(7): the IP header is the sender's own, for both families. */
const IPPROTO_RAW = 255
const SOL_SOCKET = 1
const SO_MARK = 36
const MSG_DONTWAIT = 0x40

/** Sends whole IP packets, whosever addresses they bear, by the routes of a network namespace. */
export interface RawPackets extends Disposable {
  /** @param packet IPv4 or IPv6 from its header on; checksums filled in. */
  send(packet: Uint8Array): void
  /** Packets that the kernel did not take, for want of a route or of room. */
  readonly refused: number
}

/**
 * @param options.mark of every packet that is sent, for the rules on its way.
 * @throws SystemError EPERM without CAP_NET_RAW and CAP_NET_ADMIN.
 */
export function openRawPackets(options: {
  readonly netns?: string | undefined
  readonly mark: number
}): RawPackets {
  const open = (family: number): number => {
    const fd = check('socket', libcSocket(family, SOCK_RAW_CLOEXEC, IPPROTO_RAW))
    check('setsockopt', libcSetsockopt(fd, SOL_SOCKET, SO_MARK, u32le(options.mark), 4))
    return fd
  }
  const [ip4, ip6] = inNetns(options.netns, () => [open(AF_INET), open(AF_INET6)] as const)
  let refused = 0
  return {
    send(packet) {
      const isIp6 = (packet[0] ?? 0) >> 4 === 6
      const address = isIp6 ? address6(packet) : address4(packet)
      const fd = isIp6 ? ip6 : ip4
      if (libcSendto(fd, packet, packet.length, MSG_DONTWAIT, address, address.length) < 0) refused++
    },
    get refused() {
      return refused
    },
    [Symbol.dispose]() {
      closeSync(ip4)
      closeSync(ip6)
    },
  }
}

/** struct sockaddr_in: family:u16 port:be16 address:4 zero:8. */
function address4(packet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16)
  bytes[0] = AF_INET
  bytes.set(packet.subarray(16, 20), 4)
  return bytes
}

/** struct sockaddr_in6: family:u16 port:be16 flow:u32 address:16 scope:u32. */
function address6(packet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(28)
  bytes[0] = AF_INET6
  bytes.set(packet.subarray(24, 40), 8)
  return bytes
}
