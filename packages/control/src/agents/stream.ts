import type { EpochMs, StateMessage } from '@sekisho/core'
import type { StateLog } from '@sekisho/store'
import type { Pulse } from '../live/pulse.ts'

export const HEARTBEAT_MS = 5_000

/**
 * The state as lines of NDJSON, made when a reader is ready for one and not before: while an agent reads slowly
 * nothing queues up for it, and when it is ready it gets everything since its last line as one delta, or a
 * snapshot when that is not known any more.
 */
export interface StateFeed {
  /** The next message for a reader that is at `revision`; undefined when there is nothing new. */
  after(revision: number | undefined): { readonly line: string; readonly revision: number } | undefined
  heartbeat(at: EpochMs): string
}

/** Most agents are one revision behind, new ones know nothing: two lines serve nearly all. */
const MADE_KEPT = 8

const line = (message: StateMessage): string => `${JSON.stringify(message)}\n`

export function createStateFeed(log: StateLog): StateFeed {
  /** Agents that are at the same revision get the same line: it is made once. */
  const made = new Map<number | undefined, string>()
  let current = log.revision()
  const make = (revision: number | undefined): string => {
    const delta = revision === undefined ? undefined : log.since(revision)
    return line(delta ?? log.snapshot())
  }
  return {
    after(revision) {
      if (log.revision() !== current) made.clear()
      current = log.revision()
      if (revision === current) return undefined
      const text = made.get(revision) ?? make(revision)
      if (made.size >= MADE_KEPT) made.clear()
      made.set(revision, text)
      return { line: text, revision: current }
    },
    heartbeat: at => line({ kind: 'heartbeat', revision: log.revision(), at }),
  }
}

export interface Reading {
  readonly feed: StateFeed
  readonly pulse: Pulse
  /** What the agent applied last; undefined for one that knows nothing yet. */
  readonly revision: number | undefined
  readonly now: () => EpochMs
  /** Asked before every line: a certificate that was revoked meanwhile ends the stream. */
  readonly admitted: () => boolean
  readonly signal: AbortSignal
}

/** Lines for one agent, until it goes or is no longer admitted. */
export async function* stateLines({
  feed,
  pulse,
  now,
  admitted,
  signal,
  ...start
}: Reading): AsyncGenerator<string> {
  let revision = start.revision
  let heartbeat = true
  while (!signal.aborted && admitted()) {
    const message = feed.after(revision)
    if (message) {
      revision = message.revision
      yield message.line
    } else if (heartbeat) yield feed.heartbeat(now())
    // A change that came while the reader was busy has beaten already: look before waiting.
    if (feed.after(revision)) continue
    heartbeat = (await pulse.next(HEARTBEAT_MS, signal)) === 'quiet'
  }
}
