import { type StreamMessage, streamMessage } from '@sekisho/control'
import { LIMITS } from '@sekisho/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { batch, flow, join, shop, upload, workload } from './agent.ts'
import { type Client, policyYaml, startTestServer, type TestServer } from './harness.ts'

let server: TestServer
let client: Client
beforeEach(async () => {
  server = await startTestServer()
  client = await server.login()
})
afterEach(() => server[Symbol.asyncDispose]())

interface Message {
  readonly id: string
  readonly message: StreamMessage
}

/** Reads server-sent events as a browser does, and holds each against its schema. */
async function listen(lastEventId?: string) {
  const headers = {
    cookie: client.cookie,
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  }
  const leave = new AbortController()
  const response = await fetch(`${server.url}/api/v1/stream`, { headers, signal: leave.signal })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  const chunks = (response.body ?? new ReadableStream())
    .pipeThrough(new TextDecoderStream())
    [Symbol.asyncIterator]()
  let text = ''
  const block = async (): Promise<string> => {
    while (!text.includes('\n\n')) {
      const { value, done } = await chunks.next()
      if (done === true) throw new Error('the stream ended')
      text += value
    }
    const end = text.indexOf('\n\n')
    const found = text.slice(0, end)
    text = text.slice(end + 2)
    return found
  }
  const field = (found: string, name: string) =>
    found
      .split('\n')
      .find(line => line.startsWith(`${name}: `))
      ?.slice(name.length + 2) ?? ''
  const next = async (): Promise<Message> => {
    const found = await block()
    if (!found.includes('data: ')) return next()
    const message = { kind: field(found, 'event'), ...(JSON.parse(field(found, 'data')) as object) }
    return { id: field(found, 'id'), message: streamMessage.parse(message) }
  }
  expect(await block()).toBe('retry: 2000')
  return { next, block, [Symbol.dispose]: () => leave.abort() }
}

/** Lets the hub flush: it does so at most four times a second. */
const flush = () => server.time.advance(250)
const change = async (name: string) => {
  await client.post('policies/apply', { yaml: policyYaml(name) })
  flush()
}

test('what happens is told, and told again after the last id that was seen', async () => {
  const first = await listen()
  await change('one')
  const seen = await first.next()
  expect(seen.message).toEqual({ kind: 'changed', what: 'policies' })
  expect((await first.next()).message).toEqual({ kind: 'changed', what: 'changes' })
  first[Symbol.dispose]()
  await change('two')
  using second = await listen(seen.id)
  const missed = [await second.next(), await second.next(), await second.next()]
  expect(missed.map(({ message }) => message)).toEqual([
    { kind: 'changed', what: 'changes' },
    { kind: 'changed', what: 'policies' },
    { kind: 'changed', what: 'changes' },
  ])
  expect(missed.map(({ id }) => Number(id) - Number(seen.id))).toEqual([1, 2, 3])
})

test.each([
  ['that was never given', '1'],
  ['from the future', '9999999999999999'],
])('after an id %s everything must be fetched again, once', async (_name, id) => {
  using stream = await listen(id)
  const reset = await stream.next()
  expect(reset.message).toEqual({ kind: 'reset' })
  await change('one')
  const next = await stream.next()
  expect([next.message.kind, Number(next.id) - Number(reset.id)]).toEqual(['changed', 1])
})

test('after a restart everything must be fetched again', async () => {
  let before = await listen()
  await change('one')
  const { id } = await before.next()
  before[Symbol.dispose]()
  server = await server.restart()
  before = await listen(id)
  expect((await before.next()).message).toEqual({ kind: 'reset' })
  before[Symbol.dispose]()
})

test('a client that stayed away too long is told so, in bounded memory', async () => {
  const first = await listen()
  await change('one')
  const { id } = await first.next()
  first[Symbol.dispose]()
  const identity = await join(server, 'n1')
  for (let i = 0; i <= LIMITS.streamRing.value / LIMITS.eventsPerMessage.value; i++) {
    const event = { code: 'noise', severity: 'info' as const, at: server.time.clock.now(), details: {} }
    await upload(
      server,
      identity,
      batch('n1', i, { events: Array(LIMITS.eventsPerMessage.value).fill(event) }),
    )
    flush()
  }
  using second = await listen(id)
  expect((await second.next()).message).toEqual({ kind: 'reset' })
})

test('many changes at once are one message of each kind; flows come as the API shows them', async () => {
  const identity = await join(server, 'n1')
  using stream = await listen()
  const now = server.time.clock.now()
  const [web, api] = [workload('n1', 'web', '10.1.0.1'), workload('n1', 'api', '10.1.0.2')]
  // The first flush comes at once; what follows within a quarter of a second waits for the next.
  await upload(server, identity, batch('n1', 1, { workloads: [web, api], namespaces: shop }))
  flush()
  expect((await stream.next()).message).toEqual({ kind: 'changed', what: 'workloads' })
  for (let i = 2; i < 6; i++) {
    await upload(server, identity, batch('n1', i, { flows: [flow(now + i, web, api)] }))
  }
  flush()
  const { message } = await stream.next()
  expect(message.kind).toBe('flows')
  expect(message.kind === 'flows' && message.flows.at(-1)).toMatchObject({
    source: { key: 'shop/web' },
    destination: { key: 'shop/api' },
    connections: 12,
  })
  await change('next')
  expect((await stream.next()).message).toEqual({ kind: 'changed', what: 'policies' })
})

test('a flood of events becomes the advice to fetch them', async () => {
  const identity = await join(server, 'n1')
  using stream = await listen()
  const events = Array.from({ length: 100 }, (_, i) => ({
    code: 'noise',
    severity: 'info' as const,
    at: server.time.clock.now(),
    details: { i },
  }))
  await upload(server, identity, batch('n1', 1, { events }))
  flush()
  const kinds: string[] = []
  for (let i = 0; i <= LIMITS.eventsPerMessage.value; i++) {
    const { message } = await stream.next()
    kinds.push(message.kind === 'changed' ? message.what : message.kind)
  }
  expect(kinds).toEqual([...Array<string>(LIMITS.eventsPerMessage.value).fill('event'), 'events'])
})

test('silence is broken by a comment every fifteen seconds', async () => {
  using stream = await listen()
  const heartbeat = stream.block()
  await expect.poll(() => server.time.waiting()).toContain(15_000)
  server.time.advance(15_000)
  expect(await heartbeat).toBe(': still here')
})

test('a client that goes is forgotten', async () => {
  const clients = async () =>
    /^sekisho_stream_clients (?<count>\d+)$/m.exec(await (await fetch(`${server.url}/metrics`)).text())
      ?.groups?.count
  const one = await listen()
  const two = await listen()
  expect(await clients()).toBe('2')
  one[Symbol.dispose]()
  two[Symbol.dispose]()
  await expect.poll(clients).toBe('0')
})
