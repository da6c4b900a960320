import { Malformed } from '@sekisho/core'
import { SystemError } from '../libc.ts'
import { dump, visitDump } from '../netlink/dump.ts'
import { attribute, concat, eachMessage, u16be, u32be } from '../netlink/message.ts'
import { receiveOn, rethrow } from '../netlink/receiver.ts'
import { NETLINK, NetlinkSocket } from '../netlink/socket.ts'
import {
  CONNTRACK_MESSAGE,
  type ConntrackEntry,
  type ConntrackEvent,
  CTA,
  encodeTuple,
  parseConntrackEntry,
  parseConntrackEvent,
} from './conntrack-message.ts'
import { FAMILY, genericHeader, messageType, SUBSYSTEM } from './subsystem.ts'

/** Multicast groups NFNLGRP_CONNTRACK_*. */
const GROUPS = { new: 1, update: 2, destroy: 3 } as const
export type ConntrackGroup = keyof typeof GROUPS

/**
 * Memory the kernel may queue for us: about 20,000 events, a second of a busy node. NETLINK_NO_ENOBUFS is *not*
 * set: it would hide losses, and what was not seen must be counted.
 */
const RECEIVE_BUFFER = 16_777_216

/** Far below the second after which flows are reported; see `SocketListener`. */
const GATHER_MS = 100

export interface ConntrackOptions {
  /** Name or path of the network namespace; default: the caller's. */
  readonly netns?: string | undefined
  /** Default: new and destroy. Updates are about four more per TCP connection. */
  readonly groups?: readonly ConntrackGroup[]
  onEvent(event: ConntrackEvent): void
  /** So many events were not seen: dropped by the kernel because we were slow, or unreadable. */
  onLost(count: number): void
  /** Nothing more will come; default: thrown where nobody catches it. */
  onFailed?(error: Error): void
}

export interface Conntrack extends Disposable {
  /**
   * Visits the whole table, IPv4 and IPv6, batch by batch: it may hold hundreds of thousands (nf_conntrack_max). One
   * that changes its place meanwhile is visited twice or not at all.
   */
  visit(visit: (entry: ConntrackEntry) => void): Promise<void>
  /** The same at once. */
  dump(): Promise<ConntrackEntry[]>
  /**
   * Replaces the bits of `mask` in the connection's mark; others keep their bits.
   * @returns false when the connection no longer exists.
   */
  setMark(entry: Pick<ConntrackEntry, 'original' | 'zone'>, mark: number, mask: number): boolean
}

/**
 * Visits the events in datagrams of the kernel; one unreadable message does not hide the others. One by one, because
 * a thousand at once would outlive the garbage collector's first look.
 * @returns how many messages could not be read.
 */
export function eachConntrackEvent(bytes: Uint8Array, visit: (event: ConntrackEvent) => void): number {
  let malformed = 0
  const guarded = (parse: () => void) => {
    try {
      parse()
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      malformed++
    }
  }
  guarded(() =>
    eachMessage(bytes, (header, body) => {
      if (header.type >> 8 === SUBSYSTEM.conntrack) guarded(() => visit(parseConntrackEvent(header, body)))
    }),
  )
  return malformed
}

const GET = messageType(SUBSYSTEM.conntrack, CONNTRACK_MESSAGE.get)
const NEW = messageType(SUBSYSTEM.conntrack, CONNTRACK_MESSAGE.new)

/** Follows the connections of a network namespace. @throws SystemError without CAP_NET_ADMIN there. */
export function openConntrack(options: ConntrackOptions): Conntrack {
  const { netns, groups = ['new', 'destroy'] } = options
  const requests = new NetlinkSocket(NETLINK.netfilter, { netns })
  const close = follow(options, groups)
  const whole = {
    protocol: NETLINK.netfilter,
    netns,
    receiveBuffer: RECEIVE_BUFFER,
    request: { type: GET, body: genericHeader(FAMILY.unspec) },
  }
  return {
    visit: visit => visitDump({ ...whole, visit: (_, body) => visit(parseConntrackEntry(body)) }),
    dump: () => dump({ ...whole, parse: (_, body) => parseConntrackEntry(body) }),
    setMark: (entry, mark, mask) => setMark(requests, entry, { mark, mask }),
    [Symbol.dispose]() {
      close()
      requests.close()
    },
  }
}

function follow(options: ConntrackOptions, groups: readonly ConntrackGroup[]): () => void {
  const { netns, onEvent, onLost, onFailed = rethrow } = options
  const socket = new NetlinkSocket(NETLINK.netfilter, {
    netns,
    receiveBuffer: RECEIVE_BUFFER,
    groups: groups.map(group => GROUPS[group]),
  })
  return receiveOn(socket, {
    gatherMs: GATHER_MS,
    onDatagrams(bytes) {
      const malformed = eachConntrackEvent(bytes, onEvent)
      if (malformed > 0) onLost(malformed)
    },
    onLost,
    onFailed,
  })
}

function setMark(
  socket: NetlinkSocket,
  { original, zone }: Pick<ConntrackEntry, 'original' | 'zone'>,
  { mark, mask }: { mark: number; mask: number },
): boolean {
  const body = concat(
    genericHeader(original.source.includes(':') ? FAMILY.ip6 : FAMILY.ip4),
    encodeTuple(CTA.tupleOriginal, original),
    ...(zone === 0 ? [] : [attribute(CTA.zone, u16be(zone))]),
    // The kernel computes (old & ~mask) ^ mark: bits outside the mask would be flipped.
    attribute(CTA.mark, u32be(mark & mask)),
    attribute(CTA.markMask, u32be(mask)),
  )
  try {
    socket.request({ type: NEW, body })
    return true
  } catch (error) {
    if (error instanceof SystemError && error.code === 'ENOENT') return false
    throw error
  }
}
