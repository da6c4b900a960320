import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NameMove } from '@sekisho/policy'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Names, openBook, resolversOf } from '../src/kernel/names.ts'
import { FakeTimers } from './fake-timers.ts'

let directory: string
const file = () => join(directory, 'names.json')
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sekisho-names-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const unexpected = (error: unknown): void => expect.fail(String(error))

function open(timers: FakeTimers, inUse?: ReadonlySet<string>) {
  const moves: NameMove[] = []
  const book = openBook(file(), timers, unexpected)
  const names = new Names({
    path: file(),
    book,
    timers,
    asksFor: () => true,
    async program(these) {
      moves.push(...these)
    },
    renamed: () => Promise.resolve(),
    ...(inUse && { inUse: () => Promise.resolve(inUse) }),
    onError: unexpected,
  })
  return { names, book, moves }
}

test('what was answered is known again after a restart', async () => {
  const timers = new FakeTimers()
  {
    const { names, moves } = open(timers)
    await using _ = names
    await names.answered([{ name: 'a.example.com', ip: '192.0.2.1', ttl: 300 }])
    expect(moves).toEqual([{ name: 'a.example.com', ip: '192.0.2.1', came: true }])
  }
  const { names, book } = open(timers)
  await using _ = names
  expect(book.namesOf('192.0.2.1')).toEqual(['a.example.com'])
})

test.each<[string, ReadonlySet<string> | undefined, readonly string[]]>([
  ['is forgotten', undefined, []],
  ['is kept while connections go on', new Set(['192.0.2.1']), ['a.example.com']],
])('what is over %s', async (_what, inUse, expected) => {
  const timers = new FakeTimers()
  const { names, book } = open(timers, inUse)
  await using _ = names
  await names.answered([{ name: 'a.example.com', ip: '192.0.2.1', ttl: 0 }])
  await timers.pass(120_000)
  expect(book.namesOf('192.0.2.1')).toEqual(expected)
})

test('a damaged file is told, and is none', () => {
  writeFileSync(file(), '{"names":[{"name":"a","ip":"192.0.2.01","until":1}]}')
  const errors: string[] = []
  const book = openBook(file(), new FakeTimers(), error => errors.push(String(error)))
  expect(book.size).toBe(0)
  expect(errors).toEqual([expect.stringContaining('names[0].ip')])
  expect(readFileSync(file(), 'utf8')).toContain('192.0.2.01')
})

test('resolvers of the node are those that a workload can reach', () => {
  const lines = [
    '# comment',
    'search example.com',
    'nameserver 127.0.0.53',
    ' nameserver 192.0.2.53 ',
    'nameserver 2001:DB8::53',
    'nameserver nobody',
  ]
  expect(resolversOf(lines.join('\n'))).toEqual(['192.0.2.53', '2001:db8::53'])
})
