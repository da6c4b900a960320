import type { ConntrackEntry } from '@sekisho/linux'
import type { Edge } from './edge.ts'

/**
 * Where a connection is counted: on an edge; not at all, because this node has neither end; or at its destination's
 * node, which denies it.
 */
export type Route = Edge | 'foreign' | 'elsewhere'

/** The destination's port behind any address translation; the ICMP type for ICMP. */
export const portOf = ({ original, reply }: ConntrackEntry): number => original.icmp?.type ?? reply.sourcePort

/**
 * Routes by what the kernel says of a connection, so that the ten thousandth of an edge costs three look-ups: who its
 * ends are and what the policies say is asked once. Both ends, then protocol and port.
 */
export interface Routes {
  of(entry: ConntrackEntry): Route
  /** The workloads or the answers may be others. */
  forget(): void
}

export function createRoutes(capacity: number, resolve: (entry: ConntrackEntry) => Route): Routes {
  const all = new Map<string, Map<string, Map<number, Route>>>()
  let count = 0
  function forget(): void {
    all.clear()
    count = 0
  }
  function add(entry: ConntrackEntry, key: number): Route {
    // A scan begins the table anew; it does not fill the memory.
    if (count >= capacity) forget()
    count++
    const { source } = entry.original
    const fromSource = all.get(source) ?? new Map<string, Map<number, Route>>()
    all.set(source, fromSource)
    const between = fromSource.get(entry.reply.source) ?? new Map<number, Route>()
    fromSource.set(entry.reply.source, between)
    const route = resolve(entry)
    between.set(key, route)
    return route
  }
  return {
    of(entry) {
      const key = entry.protocolNumber * 0x1_0000 + portOf(entry)
      const known = all.get(entry.original.source)?.get(entry.reply.source)?.get(key)
      return known ?? add(entry, key)
    },
    forget,
  }
}
