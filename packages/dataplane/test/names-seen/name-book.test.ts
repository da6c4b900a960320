import { type EpochMs, LIMITS } from '@sekisho/core'
import type { NameMove } from '@sekisho/policy'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AnsweredAddress, type BookEntry, NameBook } from '../../src/names-seen/name-book.ts'

const FIRST: ReadonlySet<string> = new Set(['192.0.2.1'])

function makeBook(minimumTtl = 60, grace = 30) {
  const time = { now: 1_000_000 }
  const book = new NameBook({ clock: { now: () => time.now as EpochMs }, minimumTtl, grace })
  const pass = (seconds: number) => {
    time.now += seconds * 1_000
  }
  const learn = (answers: readonly AnsweredAddress[]) => book.learn(answers, name => !name.endsWith('.other'))
  return { book, learn, pass, time }
}
const came = (name: string, ip: string): NameMove => ({ name, ip, came: true })
const went = (name: string, ip: string): NameMove => ({ name, ip, came: false })

describe('what names led to', () => {
  test('an answer is known from name to address and back, and the same again is no move', () => {
    const { book, learn } = makeBook()
    const answer = [
      { name: 'www.example.com', ip: '192.0.2.1', ttl: 300 },
      { name: 'www.example.com', ip: '2001:db8::1', ttl: 300 },
    ]
    expect(learn(answer)).toEqual([
      came('www.example.com', '192.0.2.1'),
      came('www.example.com', '2001:db8::1'),
    ])
    expect(learn(answer)).toEqual([])
    learn([{ name: 'cdn.example.net', ip: '192.0.2.1', ttl: 1 }])
    expect(book.namesOf('192.0.2.1')).toEqual(['www.example.com', 'cdn.example.net'])
    expect(book.namesOf('192.0.2.2')).toEqual([])
  })

  test.each<[string, number, number]>([
    ['a short time to live counts as the least one, and the grace comes on top', 0, 90],
    ['a long one counts as it is', 3_600, 3_630],
    ['one of years is not believed', 2_147_483_647, 604_830],
  ])('%s', (_, ttl, lasts) => {
    const { book, learn, pass } = makeBook()
    learn([{ name: 'a.example', ip: '192.0.2.1', ttl }])
    pass(lasts - 1)
    expect(book.due()).toEqual(new Set())
    expect(book.expire(FIRST)).toEqual([])
    pass(1)
    expect(book.due()).toEqual(FIRST)
    expect(book.expire(FIRST)).toEqual([went('a.example', '192.0.2.1')])
    expect(book.namesOf('192.0.2.1')).toEqual([])
    expect(book.size).toBe(0)
  })

  test('an answer with less time left does not shorten what an earlier one said', () => {
    const { book, learn, pass } = makeBook()
    learn([{ name: 'a.example', ip: '192.0.2.1', ttl: 1_000 }])
    learn([{ name: 'a.example', ip: '192.0.2.1', ttl: 1 }])
    pass(900)
    expect(book.expire(FIRST)).toEqual([])
  })

  test('an address that is not asked about is kept, and goes when it is', () => {
    const { book, learn, pass } = makeBook()
    learn([{ name: 'a.example', ip: '192.0.2.1', ttl: 1 }])
    pass(100)
    expect(book.expire(new Set(['192.0.2.2']))).toEqual([])
    expect(book.namesOf('192.0.2.1')).toEqual(['a.example'])
    expect(book.expire(FIRST)).toEqual([went('a.example', '192.0.2.1')])
  })

  test('what was kept on disk comes back with its own time, also when that is over', () => {
    const { book, time } = makeBook()
    const entries: BookEntry[] = [
      { name: 'a.example', ip: '192.0.2.1', until: (time.now + 5_000) as EpochMs },
      { name: 'b.example', ip: '192.0.2.2', until: (time.now - 5_000) as EpochMs },
    ]
    expect(book.restore(entries)).toHaveLength(2)
    expect([...book.entries()]).toEqual(entries)
    expect(book.due()).toEqual(new Set(['192.0.2.2']))
  })

  test('a name with ever new addresses keeps the newest, and what gave way is counted', () => {
    const { book, learn } = makeBook()
    const most = LIMITS.addressesPerName.value
    const ip = (i: number) => `10.0.${i >> 8}.${i & 255}`
    for (let i = 0; i < most; i++) learn([{ name: 'a.example', ip: ip(i), ttl: 1_000 + i }])
    expect(learn([{ name: 'a.example', ip: ip(most), ttl: 5_000 }])).toEqual([
      went('a.example', ip(0)),
      came('a.example', ip(most)),
    ])
    expect([book.size, book.evicted]).toEqual([most, 1])
  })

  test('of all names the one that was answered longest ago gives way', () => {
    const { book, learn } = makeBook()
    const most = LIMITS.namedAddresses.value
    for (let i = 0; i < most; i++) learn([{ name: `n${i}.example`, ip: '192.0.2.1', ttl: 1 }])
    learn([{ name: 'n0.example', ip: '192.0.2.1', ttl: 1 }])
    expect(learn([{ name: 'new.example', ip: '192.0.2.9', ttl: 1 }])).toEqual([
      went('n1.example', '192.0.2.1'),
      came('new.example', '192.0.2.9'),
    ])
    expect([book.size, book.evicted]).toEqual([most, 1])
  })

  test('names that no rule asks for give way to those that rules ask for, and never the other way', () => {
    const { book, learn } = makeBook()
    const most = LIMITS.namedAddresses.value
    learn([{ name: 'asked.example', ip: '192.0.2.1', ttl: 1 }])
    for (let i = 0; i < most; i++) learn([{ name: `n${i}.other`, ip: '192.0.2.2', ttl: 1 }])
    expect([book.namesOf('192.0.2.1'), book.size, book.evicted]).toEqual([['asked.example'], most, 1])
    expect(learn([{ name: 'new.example', ip: '192.0.2.9', ttl: 1 }])).toEqual([
      went('n1.other', '192.0.2.2'),
      came('new.example', '192.0.2.9'),
    ])
  })

  test('its moves, put together, are what it knows, and both ways agree', () => {
    const pair = fc.record({
      name: fc.constantFrom('a.example', 'b.example', 'c.other'),
      ip: fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1'),
      ttl: fc.integer({ min: 0, max: 200 }),
    })
    const step = fc.oneof(
      fc.record({ kind: fc.constant('learn' as const), pairs: fc.array(pair, { maxLength: 4 }) }),
      fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 150 }) }),
      fc.record({ kind: fc.constant('expire' as const), ips: fc.subarray(['192.0.2.1', '192.0.2.2']) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), steps => {
        const { book, learn, pass } = makeBook()
        const known = new Set<string>()
        const follow = (moves: readonly NameMove[]) => {
          for (const { name, ip, came: isNew } of moves) {
            expect(known.has(`${name} ${ip}`)).toBe(!isNew)
            if (isNew) known.add(`${name} ${ip}`)
            else known.delete(`${name} ${ip}`)
          }
        }
        for (const one of steps) {
          if (one.kind === 'learn') follow(learn(one.pairs))
          else if (one.kind === 'expire') follow(book.expire(new Set(one.ips)))
          else pass(one.seconds)
        }
        const entries = [...book.entries()]
        expect(new Set(entries.map(({ name, ip }) => `${name} ${ip}`))).toEqual(known)
        expect(book.size).toBe(known.size)
        for (const { name, ip } of entries) expect(book.namesOf(ip)).toContain(name)
      }),
      { numRuns: 300 },
    )
  })
})
