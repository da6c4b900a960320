import { concat, u8, u16be } from '../netlink/message.ts'

/** Netfilter's parts of netlink (include/uapi/linux/netfilter/nfnetlink.h); a message type is `part << 8 | message`. */
export const SUBSYSTEM = { conntrack: 1, queue: 3, log: 4, nftables: 10 } as const

export const FAMILY = { unspec: 0, inet: 1, ip4: 2, bridge: 7, ip6: 10 } as const

export const messageType = (subsystem: number, message: number): number => (subsystem << 8) | message

/** struct nfgenmsg: family:u8 version:u8 resource:be16. */
export const genericHeader = (family: number, resource = 0): Uint8Array =>
  concat(u8(family), u8(0), u16be(resource))
export const GENERIC_HEADER_BYTES = 4
