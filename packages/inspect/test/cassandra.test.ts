import { describe, expect, test } from 'vitest'
import { cassandra } from '../src/protocols/cassandra/cassandra.ts'
import { byteByByte, readingsOf, type Said } from './conversation.ts'

const be = (value: number, bytes: number): string =>
  Array.from({ length: bytes }, (_, i) => String.fromCharCode((value >> (8 * (bytes - 1 - i))) & 255)).join(
    '',
  )
const long = (text: string): string => be(text.length, 4) + text
const short = (text: string): string => be(text.length, 2) + text
const frame = (operation: number, body: string, { version = 4, flags = 0 } = {}): string =>
  String.fromCharCode(version, flags) +
  be(0, version < 3 ? 1 : 2) +
  String.fromCharCode(operation) +
  long(body)
const startup = (version: number): string =>
  frame(1, `\0\x02${short('CQL_VERSION')}${short('3.0.0')}${short('DRIVER_NAME')}${short('shop driver')}`, {
    version,
  })
const query = (text: string): string => frame(7, `${long(text)}\0\x01\0`)

const said = (...chunks: readonly Said[]) => heard(chunks.map(chunk => ['client', chunk] as const))
const heard = (chunks: Parameters<typeof readingsOf>[1]) =>
  readingsOf(cassandra, chunks).map(reading => {
    if (reading.kind === 'request' && reading.request.kind === 'sql') {
      const { statement, tables, database } = reading.request
      return `${statement} ${tables.join(',')}@${database ?? ''}`
    }
    return reading.kind === 'detail' ? `${reading.detail}=${reading.value}` : reading.kind
  })

describe('cassandra', () => {
  test.each<[string, string, string[]]>([
    ['a start', startup(4), ['client-software=shop driver']],
    ['a user', frame(15, long('\0api\0secret')), ['user=api']],
    ['a query', query('select * from shop.orders where id = 1'), ['select shop.orders@']],
    ['a query of version 2', frame(7, `${long('select * from a')}\0\x01`, { version: 2 }), ['select a@']],
    ['what is prepared', frame(9, long('insert into a (b) values (?)')), ['insert a@']],
    ['what is executed', frame(10, 'x'.repeat(200_000)), []],
    ['a keyspace', query('USE "Shop"') + query('select * from a'), ['use @Shop', 'select a@Shop']],
    [
      'a batch',
      frame(
        13,
        `\0${be(3, 2)}\0${long('delete from a')}\0\0\x01${short('id')}${be(2, 2)}${long('v')}${be(-1, 4)}\0${long('update b set c = 1')}\0\0\0\x01\0`,
      ),
      ['delete a@', 'update b@'],
    ],
    [
      'a batch as a text',
      query('begin batch insert into a (x) values (1) apply batch'),
      ['begin @', 'insert a@'],
    ],
    [
      'a payload',
      frame(7, `\0\x01${short('key')}${long('value')}${long('select * from a')}`, { flags: 4 }),
      ['select a@'],
    ],
    ['a comment with a quote', query("delete // ' \n from a // '"), ['delete a@']],
    ['a text in dollars', query("insert into a (x) values ($$ ' $$)"), ['insert a@']],
    ['an address in a text', query("insert into a (x) values ('http://b')"), ['insert a@']],
  ])('%s', (_, bytes, expected) => {
    const all = bytes + query('select * from last')
    const whole = said(all)
    expect(whole.slice(0, -1)).toEqual(expected)
    expect(whole.at(-1)).toMatch(/^select last@/)
    expect(heard(byteByByte([['client', all]]))).toEqual(whole)
    expect(said(all.slice(0, 3), all.slice(3, 12), all.slice(12))).toEqual(whole)
  })

  test('a password is never told', () => {
    expect(said(frame(15, long('\0api\0secret'))).join()).not.toContain('secret')
  })

  test('of answers nothing is read', () => expect(heard([['server', 'anything']])).toEqual([]))

  test('segments of version 5 are not read', () => {
    expect(said(startup(5), 'anything')).toEqual(['client-software=shop driver', 'unreadable'])
  })

  test.each([
    ['a statement that cannot be read', query("select 'no end")],
    ['a comment without an end', query(`select 1 ${'/* '.repeat(20_000)}`)],
    ['a text in dollars without an end', query('select $$ x')],
    ['a text in dollars without a text', query('select $$$')],
    ['compressed frames', frame(7, long('select 1'), { flags: 1 })],
    ['another version', `\x09${query('select 1').slice(1)}`],
    ['an operation of a server', frame(8, 'result')],
    ['a statement longer than is read', frame(7, long('x'.repeat(100_000)))],
    ['a statement longer than its frame', frame(7, be(100, 4))],
    ['a frame too long', `\x04\0\0\0\x07\x7f\xff\xff\xff`],
    ['a batch that ends too early', frame(13, `\0${be(9, 2)}`)],
    ['a payload that ends too early', frame(7, be(9, 2), { flags: 4 })],
    ['a start that ends too early', frame(1, be(9, 2))],
  ])('refused: %s', (_, bytes) => expect(said(bytes)).toEqual(['unreadable']))
})
