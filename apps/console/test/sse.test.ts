import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readEvents, type ServerSentEvent } from '../src/api/sse.ts'

async function read(chunks: readonly Uint8Array[]): Promise<{ events: ServerSentEvent[]; heard: number }> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
  let heard = 0
  const events: ServerSentEvent[] = []
  for await (const event of readEvents(body, () => heard++)) events.push(event)
  return { events, heard }
}

const bytes = (text: string) => new TextEncoder().encode(text)

describe('server-sent events', () => {
  test.each<[string, string, ServerSentEvent[]]>([
    ['one event', 'id: 7\nevent: flows\ndata: {}\n\n', [{ event: 'flows', data: '{}', id: '7' }]],
    ['a comment is a heartbeat', ': still here\n\n', []],
    ['no space after the colon', 'data:x\n\n', [{ event: 'message', data: 'x', id: undefined }]],
    ['data on two lines', 'data: a\ndata: b\n\n', [{ event: 'message', data: 'a\nb', id: undefined }]],
    ['CRLF', 'event: reset\r\ndata: {}\r\n\r\n', [{ event: 'reset', data: '{}', id: undefined }]],
    ['an event that was cut off is none', 'data: {"flows"', []],
  ])('%s', async (_name, text, expected) => {
    const { events, heard } = await read([bytes(text)])
    expect(events).toEqual(expected)
    expect(heard).toBe(1)
  })

  test('however the bytes are cut, the events are the same', async () => {
    const text = 'id: 1\nevent: flows\ndata: {"名":"関所"}\n\n: beat\n\nid: 2\ndata: b\n\n'
    const whole = await read([bytes(text)])
    expect(whole.events).toHaveLength(2)
    const cuts = fc.array(fc.nat(bytes(text).length), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(cuts, async positions => {
        const edges = [0, ...positions.toSorted((a, b) => a - b), bytes(text).length]
        const chunks = edges.slice(1).map((end, index) => bytes(text).slice(edges[index], end))
        expect((await read(chunks)).events).toEqual(whole.events)
      }),
    )
  })
})
