import { expect, test, vi } from 'vitest'
import {
  type KubeClient,
  KubeObjects,
  NAMESPACES,
  openKubeClient,
  type Reflected,
  Reflector,
} from '../src/index.ts'
import { type ApiServerDouble, openApiServerDouble } from './double/api-server.ts'
import { ManualTimers } from './manual-timers.ts'
import { systemTimers as timers } from './system-timers.ts'

interface Following extends AsyncDisposable {
  readonly double: ApiServerDouble
  readonly spaces: KubeObjects
  readonly told: Reflected<string>[]
  readonly troubles: unknown[]
  readonly reflector: Reflector<string>
  /** Lists so far. */
  lists(): number
  watching(): Promise<void>
}

const COLLECTION = '/api/v1/namespaces'

function clientOf(double: ApiServerDouble): KubeClient {
  const access = { server: double.url, credentials: { kind: 'none' }, namespace: 'default' } as const
  return openKubeClient({ access, userAgent: 'test/0', timers })
}

async function follow(prepare?: (spaces: KubeObjects) => Promise<void>): Promise<Following> {
  const double = await openApiServerDouble()
  const client = clientOf(double)
  const spaces = new KubeObjects(client, NAMESPACES)
  await prepare?.(spaces)
  const [told, troubles]: [Reflected<string>[], unknown[]] = [[], []]
  const stop = new AbortController()
  const reflector = new Reflector({
    client,
    type: NAMESPACES,
    timers,
    random: () => 0,
    read: ({ labels }) => labels.say,
    onChange: change => told.push(change),
    onTrouble: error => troubles.push(error),
  })
  const running = reflector.run(stop.signal)
  const count = (what: string) => double.requests.filter(each => each === what).length
  return {
    double,
    spaces,
    told,
    troubles,
    reflector,
    lists: () => count(`GET ${COLLECTION}`),
    async watching() {
      const before = count(`WATCH ${COLLECTION}`)
      await vi.waitFor(() => expect(count(`WATCH ${COLLECTION}`)).toBeGreaterThan(before))
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
      client[Symbol.dispose]()
      await double[Symbol.asyncDispose]()
    },
  }
}

const named = (name: string, say?: string) => ({ metadata: { name, ...(say && { labels: { say } }) } })
const set = (...entries: readonly (readonly [string, string])[]) => ({ set: new Map(entries), removed: [] })

test('an empty collection is told too: nothing is there, and that is known', async () => {
  await using following = await follow()
  await vi.waitFor(() => expect(following.told).toEqual([{ set: new Map(), removed: [] }]))
})

test('a watch that broke goes on where it was, and nothing is listed again', async () => {
  await using following = await follow(spaces => spaces.create({}, named('a', '1')).then(() => undefined))
  await following.watching()
  following.double.cut()
  await following.spaces.create({}, named('b', '2'))
  await vi.waitFor(() => expect(following.told).toEqual([set(['a', '1']), set(['b', '2'])]))
  expect(following.lists()).toBe(1)
  expect(following.troubles.length % 2).toBe(0)
})

test('where the server has forgotten, only the difference is told', async () => {
  await using following = await follow(async spaces => {
    for (const name of ['stays', 'goes', 'changes']) await spaces.create({}, named(name, '1'))
  })
  await following.watching()
  const { double, told } = following
  // Away while everything changes and the history is lost.
  double.cut()
  double.refuseNext(500)
  using client = clientOf(double)
  const away = new KubeObjects(client, NAMESPACES)
  await vi.waitFor(async () => away.remove({ name: 'goes' }))
  await away.replace({ name: 'changes' }, named('changes', '2'))
  await away.create({}, named('comes', '1'))
  double.objects.compact()
  double.cut()
  await vi.waitFor(() => {
    const now = new Map<string, string>()
    for (const change of told) {
      for (const [key, value] of change.set) now.set(key, value)
      for (const key of change.removed) now.delete(key)
    }
    expect(Object.fromEntries(now)).toEqual({ stays: '1', changes: '2', comes: '1' })
  })
  expect(told.slice(1).some(change => change.set.has('stays'))).toBe(false)
})

test('what is no longer wanted is told as removed', async () => {
  await using following = await follow(spaces => spaces.create({}, named('a', '1')).then(() => undefined))
  await following.watching()
  await following.spaces.replace({ name: 'a' }, named('a'))
  await vi.waitFor(() =>
    expect(following.told).toEqual([set(['a', '1']), { set: new Map(), removed: ['a'] }]),
  )
  await following.spaces.remove({ name: 'a' })
  await following.spaces.create({}, named('b', '2'))
  await vi.waitFor(() => expect(following.told.at(-1)).toEqual(set(['b', '2'])))
  expect(following.told).toHaveLength(3)
})

test.each([
  ['not JSON', 'nonsense\n'],
  ['an event of a newer kind', `${JSON.stringify({ type: 'RENAMED', object: named('x') })}\n`],
  ['an object without a name', `${JSON.stringify({ type: 'ADDED', object: {} })}\n`],
])('after %s everything is listed again, and nothing that is known is lost', async (_, line) => {
  await using following = await follow(spaces => spaces.create({}, named('a', '1')).then(() => undefined))
  await following.watching()
  following.double.say(line)
  await vi.waitFor(() => expect(following.lists()).toBe(2))
  await vi.waitFor(() => expect(following.troubles.at(-1)).toBeUndefined())
  expect(following.troubles).toHaveLength(2)
  expect(following.told).toEqual([set(['a', '1'])])
})

test('a bookmark moves on where nothing happened', async () => {
  await using following = await follow()
  await following.watching()
  const { double, spaces } = following
  double.objects.version += 50
  double.bookmark()
  await vi.waitFor(() => expect(following.reflector.resourceVersion).toBe(String(double.objects.version)))
  // Its history is gone, but nothing of it was missed.
  double.objects.compact()
  double.cut()
  await spaces.create({}, named('a', '1')).catch(() => spaces.create({}, named('a', '1')))
  await vi.waitFor(() => expect(following.told.at(-1)).toEqual(set(['a', '1'])))
  expect(following.lists()).toBe(1)
})

test('a list whose pages end in the middle is begun again', async () => {
  await using following = await follow(async spaces => {
    for (let i = 0; i < 501; i++) await spaces.create({}, named(`n${i}`, '1'))
  })
  await vi.waitFor(() => expect(following.told).toHaveLength(1))
  expect(following.told[0]?.set.size).toBe(501)
  expect(following.lists()).toBe(2)
})

test('an API server that is away for an hour takes nothing back, is asked with pauses, and is followed from where it was', async () => {
  await using double = await openApiServerDouble()
  const hour = new ManualTimers()
  const access = { server: double.url, credentials: { kind: 'none' }, namespace: 'default' } as const
  using client = openKubeClient({ access, userAgent: 'test/0', timers: hour })
  using other = clientOf(double)
  const spaces = new KubeObjects(other, NAMESPACES)
  await spaces.create({}, named('a', '1'))
  const told: Reflected<string>[] = []
  const troubles: unknown[] = []
  const stop = new AbortController()
  const reflector = new Reflector({
    client,
    type: NAMESPACES,
    timers: hour,
    random: () => 0.5,
    read: ({ labels }) => labels.say,
    onChange: change => told.push(change),
    onTrouble: error => troubles.push(error),
  })
  const running = reflector.run(stop.signal)
  const watches = () => double.requests.filter(each => each === `WATCH ${COLLECTION}`).length
  await vi.waitFor(() => expect(watches()).toBe(1))
  double.cut()
  let [away, tries] = [0, 0]
  for (; away < 3_600_000; tries++) {
    double.refuseNext(503)
    const before = watches()
    await vi.waitFor(() => expect(hour.next).toBeDefined())
    const wait = hour.next ?? 0
    away += wait
    hour.pass(wait)
    await vi.waitFor(() => expect(watches()).toBe(before + 1))
  }
  expect(tries).toBeLessThan(400)
  expect(told).toEqual([set(['a', '1'])])
  expect(troubles.at(-1)).toBeDefined()
  await spaces.create({}, named('b', '2'))
  await vi.waitFor(() => expect(hour.next).toBeDefined())
  hour.pass(hour.next ?? 0)
  await vi.waitFor(() => expect(told).toEqual([set(['a', '1']), set(['b', '2'])]))
  expect(double.requests.filter(each => each === `GET ${COLLECTION}`)).toHaveLength(1)
  expect(troubles.at(-1)).toBeUndefined()
  stop.abort()
  await running
})
