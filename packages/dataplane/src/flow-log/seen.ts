import type { ConntrackEntry, Counters } from '@sekisho/linux'
import type { Amounts } from './edge.ts'

/** What of a connection has been reported already. One object for each of a quarter of a million: no others in it. */
interface Reported {
  packetsForth: number
  bytesForth: number
  packetsBack: number
  bytesBack: number
  /** The last dump that showed it. */
  dump: number
}

const NOTHING: Counters = { packets: 0, bytes: 0 }

/**
 * Which connections are known, and what they have transferred. The kernel tells of each at least once: one that lives
 * for seconds is in a dump, and each is told when it ends. It counts as one when it is told first, and what it transferred
 * counts as far as it was not told before. So the kernel need not tell of beginnings, which would make half of all events.
 */
export interface SeenConnections {
  dumpBegins(): void
  /** What is new of a connection that lives; undefined when there is no room to remember it: its end will tell all. */
  dumped(entry: ConntrackEntry): Amounts | undefined
  /** Forgets what two dumps in a row did not show. */
  dumpEnds(): void
  /** What is new of a connection that has ended. */
  ended(entry: ConntrackEntry): Amounts
}

/** Counters only grow; where one did not, this is another connection with the same id. */
const isSame = (before: Reported, forth: Counters, back: Counters): boolean =>
  forth.packets >= before.packetsForth &&
  forth.bytes >= before.bytesForth &&
  back.packets >= before.packetsBack &&
  back.bytes >= before.bytesBack

function increase(
  { originalCounters: forth = NOTHING, replyCounters: back = NOTHING }: ConntrackEntry,
  before: Reported | undefined,
): Amounts {
  if (!before || !isSame(before, forth, back)) {
    const packets = forth.packets + back.packets
    return { connections: 1, packets, bytesToDestination: forth.bytes, bytesToSource: back.bytes }
  }
  return {
    connections: 0,
    packets: forth.packets - before.packetsForth + back.packets - before.packetsBack,
    bytesToDestination: forth.bytes - before.bytesForth,
    bytesToSource: back.bytes - before.bytesBack,
  }
}

/** A number of 32 bits with sign is one that V8 makes no object for. */
const keyOf = ({ id }: ConntrackEntry): number => id | 0

export function createSeenConnections(capacity: number): SeenConnections {
  const seen = new Map<number, Reported>()
  let dump = 0
  return {
    dumpBegins() {
      dump++
    },
    dumped(entry) {
      const before = seen.get(keyOf(entry))
      // Not counted now: it would be counted again, whole, at its end.
      if (before === undefined && seen.size >= capacity) return undefined
      const amounts = increase(entry, before)
      const { originalCounters: forth = NOTHING, replyCounters: back = NOTHING } = entry
      const reported = before ?? { packetsForth: 0, bytesForth: 0, packetsBack: 0, bytesBack: 0, dump }
      reported.packetsForth = forth.packets
      reported.bytesForth = forth.bytes
      reported.packetsBack = back.packets
      reported.bytesBack = back.bytes
      reported.dump = dump
      if (!before) seen.set(keyOf(entry), reported)
      return amounts
    },
    dumpEnds() {
      for (const [id, reported] of seen) if (reported.dump < dump - 1) seen.delete(id)
    },
    ended(entry) {
      const before = seen.get(keyOf(entry))
      if (before) seen.delete(keyOf(entry))
      return increase(entry, before)
    },
  }
}
