import type { EpochMs, NodeName, StateMessage, StatePosition } from '@sekisho/core'
import type { Pulse } from '../live/pulse.ts'
import type { Turns } from '../live/turns.ts'
import type { NodeStates } from './node-states.ts'

export const HEARTBEAT_MS = 5_000

const line = (message: StateMessage): string => `${JSON.stringify(message)}\n`

export interface Reading {
  readonly states: NodeStates
  readonly node: NodeName
  readonly pulse: Pulse
  /** Of all readers: a line may take long to make. */
  readonly turns: Turns
  /** What the agent applied last; undefined for one that knows nothing yet. */
  readonly position: StatePosition | undefined
  readonly now: () => EpochMs
  /** Asked before every line: a certificate that was revoked meanwhile ends the stream. */
  readonly admitted: () => boolean
  readonly signal: AbortSignal
}

/**
 * The state as lines of NDJSON for one agent, until it goes or is no longer admitted. A line is made when the agent is
 * ready for it and not before: while it reads slowly nothing queues up, and then it gets everything since its last
 * line as one.
 */
export async function* stateLines(reading: Reading): AsyncGenerator<string> {
  const { states, node, pulse, turns, position, now, admitted, signal } = reading
  await turns.next()
  const state = states.of(node, position)
  const beat = () => line({ kind: 'heartbeat', revision: states.revision, at: now() })
  let isQuiet = true
  while (!signal.aborted && admitted()) {
    const next: string | undefined = state.next() ?? (isQuiet ? beat() : undefined)
    if (next !== undefined) {
      isQuiet = false
      yield next
      // A change that came while the reader was busy has beaten already: look again before waiting.
      continue
    }
    const why = await pulse.next(HEARTBEAT_MS, signal)
    isQuiet = why === 'quiet'
    if (why === 'beat') await turns.next()
  }
}
