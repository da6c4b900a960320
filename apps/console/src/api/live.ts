import type { StreamMessage } from '@sekisho/control'
import type { Client } from './client.ts'
import { readEvents } from './sse.ts'

export type LiveState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected' }
  | { readonly kind: 'reconnecting'; readonly lastHeard: number | undefined }

/** The one event stream of a browser tab; it reconnects for ever and goes on where it was. */
export interface Live {
  readonly state: () => LiveState
  readonly onState: (listener: () => void) => () => void
  readonly onMessage: (listener: (message: StreamMessage) => void) => () => void
  readonly stop: () => void
}

/** The server speaks at least every few seconds; a silence this long is a dead connection that TCP has not noticed. */
const SILENCE_MS = 30_000
const RETRY_MS = { first: 500, most: 10_000 }

const message = (kind: string, data: string): StreamMessage =>
  // The server that sent it is built from the same schema.
  ({ ...(JSON.parse(data) as object), kind }) as StreamMessage

export function startLive(client: Client): Live {
  const stopped = new AbortController()
  const messages = new Set<(message: StreamMessage) => void>()
  const states = new Set<() => void>()
  let state: LiveState = { kind: 'connecting' }
  let lastHeard: number | undefined
  let lastEventId: string | undefined

  const become = (next: LiveState): void => {
    state = next
    for (const listener of states) listener()
  }

  /** Returns when the connection ends, however it ends; only `stop` ends the reconnecting. */
  async function connection(): Promise<void> {
    const silent = new AbortController()
    let alarm = setTimeout(() => silent.abort(), SILENCE_MS)
    const heard = (): void => {
      lastHeard = Date.now()
      clearTimeout(alarm)
      alarm = setTimeout(() => silent.abort(), SILENCE_MS)
      if (state.kind !== 'connected') become({ kind: 'connected' })
    }
    try {
      const signal = AbortSignal.any([stopped.signal, silent.signal])
      const response = await client.open('/stream', lastEventId, signal)
      heard()
      if (!response.body) return
      for await (const { event, data, id } of readEvents(response.body, heard)) {
        lastEventId = id ?? lastEventId
        const parsed = message(event, data)
        for (const listener of messages) listener(parsed)
      }
    } finally {
      clearTimeout(alarm)
    }
  }

  async function run(): Promise<void> {
    let wait = RETRY_MS.first
    while (!stopped.signal.aborted) {
      const before = lastHeard
      // Whatever broke the connection, the answer is the same and shown: the state says "reconnecting".
      await connection().catch(() => undefined)
      if (stopped.signal.aborted) return
      become({ kind: 'reconnecting', lastHeard })
      wait = lastHeard === before ? Math.min(wait * 2, RETRY_MS.most) : RETRY_MS.first
      await new Promise(resolve => setTimeout(resolve, wait))
    }
  }
  void run()

  const subscribe =
    <T>(listeners: Set<T>) =>
    (listener: T) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    }
  return {
    state: () => state,
    onState: subscribe(states),
    onMessage: subscribe(messages),
    stop: () => stopped.abort(),
  }
}
