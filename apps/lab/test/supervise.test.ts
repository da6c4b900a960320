import { spawn } from 'node:child_process'
import { afterEach, expect, test } from 'vitest'
import { until } from '../src/conditions.ts'
import { identify, isAlive, type ProcessIdentity } from '../src/process.ts'
import { type Supervised, supervise } from '../src/supervise.ts'

let supervised: Supervised | undefined
afterEach(() => supervised?.[Symbol.asyncDispose]())

interface Life {
  readonly identity: ProcessIdentity
  readonly restarts: number
  readonly how?: string
}

function keep(argv: readonly [string, ...string[]]): Life[] {
  const lives: Life[] = []
  supervised = supervise({
    name: 'program',
    stop: 'orderly',
    start: () => spawn(argv[0], argv.slice(1), { stdio: 'ignore' }),
    started: event => void lives.push(event),
  })
  return lives
}

test('a killed program is started again, and it is told how it ended', async () => {
  const lives = keep(['sleep', '600'])
  const [first] = lives
  expect(first && isAlive(first.identity)).toBe(true)
  process.kill(first?.identity.pid ?? 0, 'SIGKILL')
  expect(await until(() => lives.length === 2, { timeoutMs: 60_000 })).toBe(true)
  expect(lives[1]).toMatchObject({ restarts: 1, how: 'SIGKILL' })
  expect(supervised?.pid).toBe(lives[1]?.identity.pid)
})

test('one that ends at once is started again more and more slowly', async () => {
  const lives = keep(['false'])
  const begun = performance.now()
  expect(await until(() => (supervised?.restarts ?? 0) >= 3, { timeoutMs: 60_000 })).toBe(true)
  expect(performance.now() - begun).toBeGreaterThan(1_300) // 200 + 400 + 800 ms
  expect(lives.every(life => life.how === undefined || life.how === 'exit code 1')).toBe(true)
})

test('disposing ends it, and nothing comes after', async () => {
  const lives = keep(['sleep', '600'])
  const life = lives[0]
  await supervised?.[Symbol.asyncDispose]()
  expect(life && isAlive(life.identity)).toBe(false)
  expect(supervised?.pid).toBeUndefined()
  expect(lives).toHaveLength(1)
})

test('a program that is not there is an ending too', async () => {
  keep(['/nonexistent/program'])
  expect(await until(() => (supervised?.restarts ?? 0) >= 1, { timeoutMs: 60_000 })).toBe(true)
})

test('a process is its number and its start: a later one with the same number is another', () => {
  const own = identify(process.pid)
  expect(own && isAlive(own)).toBe(true)
  expect(isAlive({ pid: process.pid, startTime: '1' })).toBe(false)
  expect(identify(2 ** 22 + 1)).toBeUndefined()
})
