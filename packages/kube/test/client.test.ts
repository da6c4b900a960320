import { expect, test, vi } from 'vitest'
import { lines } from '../src/client/lines.ts'
import { KubeError, openKubeClient } from '../src/index.ts'
import { type ApiServerDouble, openApiServerDouble } from './double/api-server.ts'
import { ManualTimers } from './manual-timers.ts'

function client(double: ApiServerDouble) {
  const timers = new ManualTimers()
  const access = { server: double.url, credentials: { kind: 'none' }, namespace: 'default' } as const
  return { timers, client: openKubeClient({ access, userAgent: 'test/0', timers }) }
}
const PODS = { method: 'GET', path: '/api/v1/pods' } as const

test('a server without room is asked again when it said', async () => {
  await using double = await openApiServerDouble()
  const { timers, client: asking } = client(double)
  double.refuseNext(429, { 'retry-after': '7' })
  const answer = asking.call(PODS)
  await vi.waitFor(() => expect(timers.next).toBe(7_000))
  expect(double.requests).toHaveLength(1)
  timers.pass(7_000)
  await expect(answer).resolves.toMatchObject({ kind: 'List' })
  expect(double.requests).toHaveLength(2)
  asking[Symbol.dispose]()
})

test('but not for ever', async () => {
  await using double = await openApiServerDouble()
  const { timers, client: asking } = client(double)
  for (let i = 0; i < 9; i++) double.refuseNext(429)
  const answer = asking.call(PODS).catch((error: unknown) => error)
  for (let i = 0; i < 4; i++) {
    await vi.waitFor(() => expect(timers.next).toBe(1_000))
    timers.pass(1_000)
  }
  expect(await answer).toMatchObject({ status: 429 })
  expect(double.requests).toHaveLength(5)
  asking[Symbol.dispose]()
})

test('other refusals are told as they are, with what the server said of them', async () => {
  await using double = await openApiServerDouble()
  const { client: asking } = client(double)
  double.refuseNext(403)
  const refused = await asking.call(PODS).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(KubeError)
  expect(refused).toMatchObject({ status: 403, reason: 'Refused', message: 'as was asked' })
  asking[Symbol.dispose]()
})

async function split(chunks: readonly string[], most = 10): Promise<string[]> {
  const source = async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk)
  }
  const found: string[] = []
  for await (const line of lines(source(), most)) found.push(line)
  return found
}

test.each([
  [['a\nb\n'], ['a', 'b']],
  [
    ['a', 'b', '\n', 'c\nd'],
    ['ab', 'c'],
  ],
  [['\n\n'], ['', '']],
  [['0123456789\n'], ['0123456789']],
  [[], []],
])('%j has the lines %j', async (chunks, expected) => {
  expect(await split(chunks)).toEqual(expected)
})

test.each([[['0123456789x\n']], [['01234', '56789', 'x']]])(
  '%j has a line that is too long',
  async chunks => {
    await expect(split(chunks)).rejects.toThrow('more than 10 bytes')
  },
)
