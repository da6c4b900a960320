import { describe, expect, test } from 'vitest'
import { redis } from '../src/protocols/redis/redis.ts'
import { opening, readingsOf } from './conversation.ts'

/** A command as clients send it. */
const command = (...words: readonly string[]): string =>
  `*${words.length}\r\n${words.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`

/** As in `SET a`. */
const said = (...chunks: readonly string[]) =>
  readingsOf(
    redis,
    chunks.map(chunk => ['client', chunk] as const),
  ).map(reading => {
    if (reading.kind === 'request' && reading.request.kind === 'redis')
      return [reading.request.command, ...reading.request.keys].join(' ')
    return reading.kind === 'detail' ? `${reading.detail}=${reading.value}` : reading.kind
  })

describe('redis', () => {
  test.each([
    ['a command', command('GET', 'a'), '', 'certain'],
    ['its first bytes', '*3', '', 'more'],
    ['up to its name', '*3\r\n$3\r\n', '', 'more'],
    ['an inline command, answered', 'PING\r\n', '+PONG\r\n', 'likely'],
    ['its first byte', 'P', '', 'more'],
    ['an inline command, answered with attributes', 'FAKE2 a\r\n', '|1\r\n+ttl\r\n:3600\r\n', 'likely'],
    ['a request of a browser', 'POST /\r\n', '', 'no'],
    ['mail', 'EHLO a\r\n', '', 'no'],
    ['an inline command alone', 'PING\r\n', '', 'more'],
    ['an inline command, answered by another', 'QUIT\r\n', '221 bye\r\n', 'no'],
    ['the server speaks first', '', '+OK\r\n', 'no'],
    ['a name that is none', '*1\r\n$3\r\n\x00\x00\x00', '', 'no'],
    ['HTTP', 'GET / HTTP/1.1\r\n', '', 'no'],
    ['silence', '', '', 'more'],
  ])('%s', (_, client, server, kind) => {
    expect(redis.recognise(opening({ client, server }))).toMatchObject({ kind })
  })

  test.each<[string, readonly string[], string]>([
    ['the first argument', ['get', 'a'], 'GET a'],
    ['of a command that is not known', ['JSON.SET', 'a', '$', '1'], 'JSON.SET a'],
    ['none', ['CONFIG', 'GET', 'dir'], 'CONFIG'],
    ['all', ['DEL', 'a', 'b', 'c'], 'DEL a b c'],
    ['every second', ['MSET', 'a', '1', 'b', '2'], 'MSET a b'],
    ['all but the timeout', ['BLPOP', 'a', 'b', '0'], 'BLPOP a b'],
    ['source and destination', ['RENAME', 'a', 'b'], 'RENAME a b'],
    ['behind a word', ['OBJECT', 'ENCODING', 'a'], 'OBJECT a'],
    ['behind an operation', ['BITOP', 'AND', 'd', 'a', 'b'], 'BITOP d a b'],
    ['counted', ['EVAL', 'return 1', '2', 'a', 'b', 'x'], 'EVAL a b'],
    [
      'counted behind a destination',
      ['ZUNIONSTORE', 'd', '2', 'a', 'b', 'WEIGHTS', '1', '2'],
      'ZUNIONSTORE d a b',
    ],
    ['a count that is none hides nothing', ['EVAL', 'x', 'many', 'a'], 'EVAL a'],
    ['of streams', ['XREAD', 'COUNT', '2', 'STREAMS', 'a', 'b', '0', '0'], 'XREAD a b'],
    ['moved elsewhere', ['MIGRATE', 'h', '1', '', '0', '9', 'KEYS', 'a', 'b'], 'MIGRATE a b'],
  ])('keys: %s', (_, words, expected) => expect(said(command(...words))).toEqual([expected]))

  test('commands come in any pieces, and several in one', () => {
    const text = `${command('SET', 'a', '1') + command('GET', 'b')}PING\r\n${command('DEL', 'c')}`
    const expected = ['SET a', 'GET b', 'PING', 'DEL c']
    expect(said(text)).toEqual(expected)
    for (let at = 1; at < text.length; at++) expect(said(text.slice(0, at), text.slice(at))).toEqual(expected)
    expect(said(...Array.from(text))).toEqual(expected)
  })

  test('a command is told with its last byte, and long values are not held', () => {
    const text = command('SET', 'a', 'v')
    expect(said(text.slice(0, -1))).toEqual([])
    const long = command('SET', 'a', 'v'.repeat(100_000), 'EX', '9') + command('GET', 'b')
    expect(said(long.slice(0, 50_000), long.slice(50_000))).toEqual(['SET a', 'GET b'])
  })

  test('who signs in is told, and never the password', () => {
    expect(said(command('AUTH', 'shop', 'secret'))).toEqual(['AUTH', 'user=shop'])
    expect(said(command('AUTH', 'secret'))).toEqual(['AUTH'])
  })

  test.each([
    ['a word without its end', '*1\r\n$4\r\nPINGxx'],
    ['an array of what is no word', '*1\r\n:5\r\n'],
    ['a length that is no number', '*x\r\n'],
    ['too many words', '*99999999\r\n'],
    ['a word too long', '*1\r\n$999999999\r\n'],
    ['a line without an end', 'x'.repeat(70_000)],
  ])('refused: %s', (_, text) => expect(said(text)).toEqual(['unreadable']))
})
