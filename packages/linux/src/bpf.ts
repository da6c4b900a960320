import { constants } from 'node:os'
import { check, libcSyscall, SystemError } from './libc.ts'
import { concat, eachAttribute, text, u32le } from './netlink/message.ts'
import { dumpNow, NETLINK, NetlinkSocket } from './netlink/socket.ts'
import { inNetns } from './netns.ts'
import type { NetnsOption } from './rtnetlink.ts'

/** include/uapi/linux/rtnetlink.h, pkt_sched.h. */
const [NEW_FILTER, GET_FILTER] = [44, 46]
const TCA_KIND = 1
const CLSACT = { ingress: 0xffff_fff2, egress: 0xffff_fff3 } as const

/** include/uapi/linux/bpf.h; the number of bpf(2) by processor. */
const BPF_CALL: Readonly<Partial<Record<NodeJS.Architecture, number>>> = { x64: 321, arm64: 280 }
const PROG_QUERY = 16
/** tcx and netkit: how programs are attached since Linux 6.6 and 6.7. */
const ATTACH_TYPES = [46, 47, 54, 55] as const

/** tcmsg: family and padding, index, handle, parent, info. */
const filterRequest = (link: number, parent: number): Uint8Array =>
  concat(new Uint8Array(4), u32le(link), new Uint8Array(4), u32le(parent), new Uint8Array(4))

function hasFilter(socket: NetlinkSocket, link: number, parent: number): boolean {
  const found = dumpNow(socket, { type: GET_FILTER, body: filterRequest(link, parent) }, ({ type }, body) => {
    if (type !== NEW_FILTER) return undefined
    body.skip(20)
    let kind: string | undefined
    eachAttribute(body, (which, value) => {
      if (which === TCA_KIND) kind = text(value)
    })
    return kind
  })
  return found.includes('bpf')
}

/** How many programs are attached; none where this kernel does not know that way, or does not let us ask. */
function attached(call: number, link: number, type: number): number {
  const query = concat(u32le(link), u32le(type), new Uint8Array(56))
  try {
    check('bpf', libcSyscall(call, PROG_QUERY, query, query.length))
  } catch (error) {
    if (error instanceof SystemError && NOT_HERE.has(error.errno)) return 0
    throw error
  }
  return new DataView(query.buffer).getUint32(24, true)
}
const { EINVAL, ENODEV, ENOSYS, EPERM, EACCES } = constants.errno
const NOT_HERE: ReadonlySet<number> = new Set([EINVAL, ENODEV, ENOSYS, EPERM, EACCES])

/**
 * Which of these links have programs of eBPF that see their packets before netfilter does. They may only count or
 * filter; but what they redirect never comes to any rule.
 * @param indexes of links of the namespace.
 */
export function withPrograms(indexes: readonly number[], { netns }: NetnsOption = {}): readonly number[] {
  using socket = new NetlinkSocket(NETLINK.route, { netns })
  const call = BPF_CALL[process.arch]
  return inNetns(netns, () =>
    indexes.filter(
      link =>
        Object.values(CLSACT).some(parent => hasFilter(socket, link, parent)) ||
        (call !== undefined && ATTACH_TYPES.some(type => attached(call, link, type) > 0)),
    ),
  )
}
