import type { EpochMs } from '@sekisho/core'
import type { NameMove } from '@sekisho/policy'
import { expect, test, vi } from 'vitest'
import { NameBook } from '../../src/names-seen/name-book.ts'
import { NamesSeen, type NamesSeenOptions } from '../../src/names-seen/names-seen.ts'

const answer = (name: string, ip: string) => ({ name, ip, ttl: 1 })

/** What is done, in its order; programming ends when it is told to. */
function seeing(more: Pick<NamesSeenOptions, 'inUse'> = {}) {
  const done: string[] = []
  const time = { now: 0 }
  const waiting: (() => void)[] = []
  const names = new NamesSeen({
    book: new NameBook({ clock: { now: () => time.now as EpochMs }, minimumTtl: 1, grace: 0 }),
    asksFor: name => name.endsWith('.example'),
    program(moves: readonly NameMove[]) {
      done.push(...moves.map(({ name, came }) => `${came ? '+' : '-'}${name}`))
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push(resolve)
      return promise
    },
    renamed(addresses) {
      done.push(`renamed ${addresses.join()}`)
      return Promise.resolve()
    },
    ...more,
  })
  const say = async (what: string, promise: Promise<void>) => {
    await promise
    done.push(what)
  }
  return { names, done, time, say, programmed: () => waiting.shift()?.() }
}

test('who asked may connect when the kernel and the threads know, and no earlier', async () => {
  const { names, done, say, programmed } = seeing()
  const first = say(
    'first',
    names.answered([answer('a.example', '192.0.2.1'), answer('b.example', '192.0.2.1')]),
  )
  const again = say('again', names.answered([answer('a.example', '192.0.2.1')]))
  programmed()
  await Promise.all([first, again])
  expect(done).toEqual(['+a.example', '+b.example', 'renamed 192.0.2.1', 'first', 'again'])
})

test('an answer waits for those before it, which may have told the same', async () => {
  const { names, done, say, programmed } = seeing()
  const first = say('first', names.answered([answer('a.example', '192.0.2.1')]))
  const second = say('second', names.answered([answer('b.example', '192.0.2.2')]))
  const again = say('again', names.answered([answer('a.example', '192.0.2.1')]))
  programmed()
  programmed()
  await Promise.all([first, second, again])
  expect(done.indexOf('second')).toBeGreaterThan(done.indexOf('renamed 192.0.2.1'))
  expect(done.at(-1)).toBe('again')
})

test('of names that no rule asks for only those are told that share an address with one', async () => {
  const { names, done, programmed } = seeing()
  await names.answered([answer('a.test', '192.0.2.1'), answer('b.test', '192.0.2.2')])
  expect(done).toEqual([])
  const answered = names.answered([answer('a.example', '192.0.2.1')])
  programmed()
  await answered
  await names.answered([answer('c.test', '192.0.2.1'), answer('c.test', '192.0.2.2')])
  expect(done).toEqual(['+a.example', 'renamed 192.0.2.1', 'renamed 192.0.2.1'])
  expect(names.entries()).toHaveLength(5)
})

test.each<[string, Pick<NamesSeenOptions, 'inUse'>, readonly string[]]>([
  ['whatever goes on there', {}, ['-a.example', '-b.example', 'renamed 192.0.2.1,192.0.2.2']],
  [
    'where nothing goes on any more',
    { inUse: due => Promise.resolve(due.intersection(new Set(['192.0.2.1']))) },
    ['-b.example', 'renamed 192.0.2.2'],
  ],
])('names that are over lead nowhere, %s', async (_, more, expected) => {
  const { names, done, time, programmed } = seeing(more)
  const answered = names.answered([answer('a.example', '192.0.2.1'), answer('b.example', '192.0.2.2')])
  programmed()
  await answered
  await names.sweep()
  done.length = 0
  time.now = 2_000
  const swept = names.sweep()
  await vi.waitFor(() => expect(done).not.toEqual([]))
  programmed()
  await swept
  expect(done).toEqual(expected)
})
