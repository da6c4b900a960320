import { setTimeout as wait } from 'node:timers/promises'
import { SekishoError } from '@sekisho/core'

export interface ServerSentEvent {
  readonly id: string | undefined
  readonly event: string
  readonly data: string
}

/** Splits the text of a server-sent event (HTML standard, section 9.2.6); comments and unknown fields are skipped. */
export function parseEvent(block: string): ServerSentEvent | undefined {
  const fields = new Map<string, string>()
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    if (colon <= 0) continue
    const key = line.slice(0, colon)
    const value = line.slice(colon + 1).replace(/^ /, '')
    fields.set(key, key === 'data' && fields.has('data') ? `${fields.get('data')}\n${value}` : value)
  }
  const data = fields.get('data')
  return data === undefined
    ? undefined
    : { id: fields.get('id'), event: fields.get('event') ?? 'message', data }
}

async function* blocks(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let pending = ''
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    pending += decoder.decode(chunk, { stream: true }).replaceAll('\r\n', '\n')
    const parts = pending.split('\n\n')
    pending = parts.pop() ?? ''
    yield* parts
  }
}

const RECONNECT_MS = 1000

/** The connection broke (not: the server refused us), so it is worth trying again. */
const isBroken = (error: unknown): boolean =>
  error instanceof TypeError || (error instanceof SekishoError && error.code === 'unavailable')

/** Events for ever: a broken connection is opened again and resumed after the last id. */
export async function* readEvents(
  open: (lastId: string | undefined) => Promise<Response>,
  signal: AbortSignal,
): AsyncGenerator<ServerSentEvent> {
  let lastId: string | undefined
  let opened = false
  while (!signal.aborted) {
    try {
      const { body } = await open(lastId)
      opened = true
      if (!body) return
      for await (const block of blocks(body)) {
        const event = parseEvent(block)
        if (!event) continue
        lastId = event.id ?? lastId
        yield event
      }
    } catch (error) {
      if (signal.aborted) return
      if (!opened || !isBroken(error)) throw error
    }
    await wait(RECONNECT_MS, undefined, { signal }).catch(() => undefined)
  }
}
