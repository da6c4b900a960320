import {
  Backoff,
  LIMITS,
  pause,
  type Result,
  type StateDelta,
  type StateMessage,
  type StatePosition,
  type StateSnapshot,
  type Timers,
} from '@sekisho/core'
import { parseStateMessage } from './message.ts'

export interface StateStreamOptions {
  readonly timers: Timers
  /** In [0, 1), for the back-off; default: Math.random. */
  readonly random?: () => number
  /** Opens the stream after a position; undefined asks for everything. */
  connect(position: StatePosition | undefined, signal: AbortSignal): Promise<AsyncIterable<string>>
  /** What was applied last. */
  position(): StatePosition | undefined
  /** Takes over a message, or says why not; then nothing of it was applied. */
  apply(message: StateSnapshot | StateDelta): Result<void, string>
  onConnected(): void
  /** The stream ended or could not be opened. */
  onDisconnected(error: unknown): void
  /** The server sent something that cannot be used. */
  onRefused(reason: string): void
}

/** The server beats every five seconds; after three beats missed the connection is dead, whatever TCP thinks. */
const STALE_MS = 16_000

/** A message that was refused: reported already, and asked for again later from the same revision. */
class Refused extends Error {
  override readonly name = 'Refused'
}

/**
 * Follows the server's state until the signal is given: resumes where it was, waits longer after each failure.
 * A message that cannot be used ends the connection, because those after it build on it; the next connection asks
 * from the last good position.
 */
export async function followState(options: StateStreamOptions, signal: AbortSignal): Promise<void> {
  const { timers, random = Math.random } = options
  const backoff = new Backoff({ firstMs: 250, mostMs: 15_000, random })
  while (!signal.aborted) {
    try {
      await followOnce(options, backoff, signal)
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof Refused) options.onRefused(error.message)
      options.onDisconnected(error)
    }
    await pause(timers, backoff.next(), signal)
  }
}

async function followOnce(
  options: StateStreamOptions,
  backoff: Backoff,
  signal: AbortSignal,
): Promise<never> {
  const stale = new AbortController()
  const pieces = await options.connect(options.position(), AbortSignal.any([signal, stale.signal]))
  options.onConnected()
  const watchdog = new Watchdog(options.timers, () => stale.abort(new Error('the server has gone silent')))
  try {
    for await (const line of lines(pieces)) {
      watchdog.reset()
      const message = parseStateMessage(line)
      if (!message.ok) throw new Refused(message.error)
      apply(options, message.value)
      backoff.succeeded()
    }
  } finally {
    watchdog[Symbol.dispose]()
  }
  throw new Error('the server ended the stream')
}

function apply(options: StateStreamOptions, message: StateMessage): void {
  if (message.kind === 'heartbeat') return
  const result = options.apply(message)
  if (!result.ok) throw new Refused(result.error)
}

class Watchdog implements Disposable {
  readonly #timers: Timers
  readonly #bite: () => void
  #timer: Disposable

  constructor(timers: Timers, bite: () => void) {
    this.#timers = timers
    this.#bite = bite
    this.#timer = timers.after(STALE_MS, bite)
  }

  reset(): void {
    this.#timer[Symbol.dispose]()
    this.#timer = this.#timers.after(STALE_MS, this.#bite)
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]()
  }
}

/** Lines of a text that comes in pieces. Pieces are joined once per line: a long line costs its length, not its square. */
export async function* lines(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let parts: string[] = []
  let length = 0
  for await (const piece of pieces) {
    const [first = '', ...rest] = piece.split('\n')
    parts.push(first)
    length += first.length
    if (length > LIMITS.stateLineBytes.value) throw new Refused('a line longer than the limit')
    if (rest.length === 0) continue
    yield parts.join('')
    const last = rest.pop() ?? ''
    yield* rest
    parts = [last]
    length = last.length
  }
}
