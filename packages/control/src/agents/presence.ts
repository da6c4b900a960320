import { type Clock, LIMITS, type NodeName } from '@sekisho/core'
import type { Agents } from '@sekisho/store'

/** How often an open stream is noted in the store: at every heartbeat would be a write per agent and 5 s. */
const SEEN_MS = 30_000

/** Which agents have a stream open. An agent that reconnects has two for a moment. */
export interface Presence {
  readonly connected: ReadonlySet<NodeName>
  /**
   * Counts a stream until it is disposed; `stillHere` notes in the store that the agent listens. Of too many streams
   * the oldest is `replaced`: a connection that died unnoticed must not keep its agent out.
   */
  enter(node: NodeName): Disposable & { stillHere(): void; readonly replaced: AbortSignal }
}

export interface PresenceOptions {
  readonly agents: Pick<Agents, 'seen'>
  readonly clock: Pick<Clock, 'monotonic'>
  readonly onChange: (node: NodeName) => void
}

export function createPresence({ agents, clock, onChange }: PresenceOptions): Presence {
  const connected = new Set<NodeName>()
  const streams = new Map<NodeName, readonly AbortController[]>()
  const keep = (node: NodeName, open: readonly AbortController[]) => {
    if (open.length > 0) {
      streams.set(node, open)
      connected.add(node)
    } else {
      streams.delete(node)
      connected.delete(node)
    }
    onChange(node)
  }
  return {
    connected,
    enter(node) {
      const own = new AbortController()
      const open = [...(streams.get(node) ?? []), own]
      if (open.length > LIMITS.streamsPerAgent.value) open[0]?.abort()
      keep(node, open)
      let noted = Number.NEGATIVE_INFINITY
      return {
        replaced: own.signal,
        stillHere() {
          if (clock.monotonic() - noted < SEEN_MS) return
          agents.seen(node)
          noted = clock.monotonic()
        },
        [Symbol.dispose]() {
          keep(node, streams.get(node)?.filter(other => other !== own) ?? [])
        },
      }
    },
  }
}
