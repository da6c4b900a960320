import type { ConntrackEntry, Counters } from '@sekisho/linux'
import type { Amounts } from './edge.ts'

/** What of a connection has been reported already. */
interface Reported {
  readonly toDestination: Counters
  readonly toSource: Counters
  /** Missing from so many dumps in a row; its end may be reported a moment later. */
  readonly missing: number
}

const NOTHING: Counters = { packets: 0, bytes: 0 }

/** Counters only grow; one that did not belongs to another connection with the same id. */
const grown = (now: Counters, before: Counters): Counters =>
  now.packets < before.packets || now.bytes < before.bytes
    ? now
    : { packets: now.packets - before.packets, bytes: now.bytes - before.bytes }

function increase(
  { originalCounters = NOTHING, replyCounters = NOTHING }: ConntrackEntry,
  before: Reported | undefined,
): Amounts {
  const forth = before ? grown(originalCounters, before.toDestination) : originalCounters
  const back = before ? grown(replyCounters, before.toSource) : replyCounters
  const packets = forth.packets + back.packets
  return { connections: 0, packets, bytesToDestination: forth.bytes, bytesToSource: back.bytes }
}

/**
 * Counts of connections between dumps. Only connections that lived through a dump are remembered: a short one is
 * counted whole when it ends, so that 20,000 connections per second cost no memory.
 */
export interface SeenConnections {
  /** What a dumped connection transferred since it was last counted; undefined when there is no room to remember it. */
  dumped(entry: ConntrackEntry): Amounts | undefined
  /** What a connection that ended transferred since it was last counted. */
  destroyed(entry: ConntrackEntry): Amounts
  /** Forgets what two dumps in a row did not have. Call it after each dump. */
  dumpDone(ids: ReadonlySet<number>): void
  readonly size: number
}

export function createSeenConnections(capacity: number): SeenConnections {
  const seen = new Map<number, Reported>()
  return {
    dumped(entry) {
      const before = seen.get(entry.id)
      // Not counted now: it would be counted again, whole, at its end.
      if (before === undefined && seen.size >= capacity) return undefined
      seen.set(entry.id, {
        toDestination: entry.originalCounters ?? NOTHING,
        toSource: entry.replyCounters ?? NOTHING,
        missing: 0,
      })
      return increase(entry, before)
    },
    destroyed(entry) {
      const before = seen.get(entry.id)
      seen.delete(entry.id)
      return increase(entry, before)
    },
    dumpDone(ids) {
      for (const [id, reported] of seen) {
        if (ids.has(id)) continue
        if (reported.missing > 0) seen.delete(id)
        else seen.set(id, { ...reported, missing: 1 })
      }
    },
    get size() {
      return seen.size
    },
  }
}
