/** One server-sent event as the HTML standard (section 9.2.6) dispatches it. */
export interface ServerSentEvent {
  readonly event: string
  readonly data: string
  readonly id: string | undefined
}

/** An event longer than this is not one of ours; what follows it is not read either. */
const MAX_EVENT_CHARACTERS = 8_388_608

function field(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  if (colon < 0) return [line, '']
  const value = line.slice(colon + 1)
  return [line.slice(0, colon), value.startsWith(' ') ? value.slice(1) : value]
}

/** @param block the lines between two empty lines; a block of comments alone is no event. */
function parseBlock(block: string): ServerSentEvent | undefined {
  const data: string[] = []
  let event = 'message'
  let id: string | undefined
  for (const line of block.split('\n')) {
    const [name, value] = field(line)
    if (name === 'data') data.push(value)
    else if (name === 'event') event = value
    else if (name === 'id') id = value
  }
  return data.length === 0 ? undefined : { event, data: data.join('\n'), id }
}

/**
 * Reads a `text/event-stream`. Our own reader instead of `EventSource`: that one gives up for ever on an HTTP error,
 * cannot resume by `Last-Event-ID` after that, and hides the comments that prove that the server is alive.
 *
 * @param onHeard called for every chunk, also for heartbeats.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  onHeard: () => void,
): AsyncGenerator<ServerSentEvent> {
  let rest = ''
  const decoder = new TextDecoder()
  const reader = body.getReader()
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      onHeard()
      rest += decoder.decode(chunk.value, { stream: true }).replaceAll('\r', '')
      const blocks = rest.split('\n\n')
      rest = blocks.pop() ?? ''
      if (rest.length > MAX_EVENT_CHARACTERS) throw new Error('event too long')
      for (const block of blocks) {
        const event = parseBlock(block)
        if (event) yield event
      }
    }
  } finally {
    await reader.cancel()
  }
}
