import type { Clock, NodeName } from '@sekisho/core'
import type { Agents } from '@sekisho/store'

/** How often an open stream is noted in the store: at every heartbeat would be a write per agent and 5 s. */
const SEEN_MS = 30_000

/** Which agents have a stream open. An agent that reconnects has two for a moment. */
export interface Presence {
  readonly connected: ReadonlySet<NodeName>
  /** Counts a stream until it is disposed; `stillHere` notes in the store that the agent listens. */
  enter(node: NodeName): Disposable & { stillHere(): void }
}

export interface PresenceOptions {
  readonly agents: Pick<Agents, 'seen'>
  readonly clock: Pick<Clock, 'monotonic'>
  readonly onChange: (node: NodeName) => void
}

export function createPresence({ agents, clock, onChange }: PresenceOptions): Presence {
  const connected = new Set<NodeName>()
  const streams = new Map<NodeName, number>()
  const count = (node: NodeName, step: 1 | -1) => {
    const open = (streams.get(node) ?? 0) + step
    if (open > 0) {
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
      count(node, 1)
      let noted = Number.NEGATIVE_INFINITY
      return {
        stillHere() {
          if (clock.monotonic() - noted < SEEN_MS) return
          agents.seen(node)
          noted = clock.monotonic()
        },
        [Symbol.dispose]: () => count(node, -1),
      }
    },
  }
}
