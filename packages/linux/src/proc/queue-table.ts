import { readFileSync } from 'node:fs'
import { openNetns } from '../netns.ts'

/** A packet queue that someone listens to; counts are since it was opened. */
export interface QueueCounts {
  readonly number: number
  /** Packets that have no verdict yet. */
  readonly waiting: number
  /** Packets that the kernel dropped because the queue was full. */
  readonly full: number
  /** Packets that the kernel could not hand over, because the listener's socket was full. */
  readonly undelivered: number
  /** Packets that were queued. */
  readonly queued: number
}

/**
 * nfnetlink_queue's seq_show: queue number, port id of the listener, length, copy mode, copy range, dropped by the queue,
 * dropped by the listener's socket, id of the last packet, 1.
 */
export const parseQueueTable = (source: string): QueueCounts[] =>
  source
    .split('\n')
    .map(line => line.trim().split(/\s+/).map(Number))
    .filter(columns => columns.length >= 9 && columns.every(Number.isInteger))
    .map(([number = 0, , waiting = 0, , , full = 0, undelivered = 0, queued = 0]) => ({
      number,
      waiting,
      full,
      undelivered,
      queued,
    }))

/** The queues of a namespace. @throws ENOENT where the kernel has no packet queues. */
export function packetQueues({ netns }: { readonly netns?: string | undefined }): QueueCounts[] {
  const read = () => readFileSync('/proc/thread-self/net/netfilter/nfnetlink_queue', 'utf8')
  if (netns === undefined) return parseQueueTable(read())
  using namespace = openNetns(netns)
  return parseQueueTable(namespace.run(read))
}
