import { describe, expect, test } from 'vitest'
import { mongodb } from '../src/protocols/mongodb/mongodb.ts'
import { byteByByte, opening, readingsOf, type Said } from './conversation.ts'

const le32 = (value: number): string =>
  String.fromCharCode(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255)
const document = (...elements: readonly string[]): string => {
  const all = elements.join('')
  return `${le32(all.length + 5)}${all}\0`
}
const text = (name: string, value: string): string => `\x02${name}\0${le32(value.length + 1)}${value}\0`
const int = (name: string, value = 1): string => `\x10${name}\0${le32(value)}`
const inner = (name: string, value: string): string => `\x03${name}\0${value}`
const message = (operation: number, body: string, number = 7): string =>
  le32(16 + body.length) + le32(number) + le32(0) + le32(operation) + body
const command = (...elements: readonly string[]): string =>
  message(2_013, `${le32(0)}\0${document(...elements)}`)
const section = (name: string, ...documents: readonly string[]): string => {
  const all = `${name}\0${documents.join('')}`
  return `\x01${le32(4 + all.length)}${all}`
}
const query = (namespace: string, body: string): string =>
  message(2_004, `${le32(0)}${namespace}\0${le32(0)}${le32(-1)}${body}`)
const FIND = command(text('find', 'orders'), inner('filter', document(int('a'))), text('$db', 'shop'))

/** As in `find shop.orders`. */
const said = (...chunks: readonly Said[]) => heard(chunks.map(chunk => ['client', chunk] as const))
const heard = (chunks: Parameters<typeof readingsOf>[1]) =>
  readingsOf(mongodb, chunks).map(reading => {
    if (reading.kind !== 'request' || reading.request.kind !== 'mongodb')
      return reading.kind === 'unreadable' ? reading.reason : reading.kind
    const { operation, database, collection } = reading.request
    return `${operation} ${database}.${collection ?? ''}`
  })

describe('mongodb', () => {
  test.each([
    ['a command', FIND, '', 'certain'],
    ['its header', FIND.slice(0, 16), '', 'more'],
    ['its first bytes', FIND.slice(0, 3), '', 'more'],
    ['an old query', query('admin.$cmd', document(int('isMaster'))), '', 'certain'],
    ['an old query of no collection', query('GET /', document(int('a'))), '', 'no'],
    ['compressed', message(2_012, 'compressed'), '', 'likely'],
    ['an old insert', message(2_002, `${le32(0)}shop.orders\0`), '', 'likely'],
    ['answered by another', message(2_012, 'compressed'), 'HTTP/1.1 400 Bad Request', 'no'],
    ['met later', '', message(1, 'x'.repeat(30)), 'likely'],
    ['a section of no kind', message(2_013, `${le32(0)}\x07xxxx`), '', 'no'],
    ['another operation', message(3_000, 'x'.repeat(30)), '', 'no'],
    ['too long', `${le32(100_000_000)}xxxx`, '', 'no'],
    ['HTTP', 'GET / HTTP/1.1\r\n', '', 'no'],
    ['TLS', `\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03${'r'.repeat(32)}`, '', 'no'],
  ])('%s', (_, client, server, kind) => {
    expect(mongodb.recognise(opening({ client, server }))).toMatchObject({ kind })
  })

  const LONG = `\x05data\0${le32(100_000)}\0${'x'.repeat(100_000)}`
  test.each([
    ['a find', FIND, 'find shop.orders'],
    ['an aggregation of no collection', command(int('aggregate'), text('$db', 'shop')), 'aggregate shop.'],
    [
      'the rest of a cursor',
      command(`\x12getMore\0${'\x01'.repeat(8)}`, text('collection', 'orders'), text('$db', 'shop')),
      'getMore shop.orders',
    ],
    ['a name that is another', command(text('findandmodify', 'a'), text('$db', 'b')), 'findAndModify b.a'],
    ['a user', command(text('createUser', 'bob'), text('$db', 'admin')), 'createUser admin.'],
    ['a value longer than is held', command(text('insert', 'a'), LONG, text('$db', 'b')), 'insert b.a'],
    [
      'documents beside it',
      message(
        2_013,
        `${le32(0)}\0${document(text('insert', 'a'), text('$db', 'b'))}${section('documents', document(LONG))}`,
      ),
      'insert b.a',
    ],
    [
      'documents before it, and a checksum',
      message(
        2_013,
        `${le32(1)}${section('documents', document(int('a')))}\0${document(text('insert', 'a'), text('$db', 'b'))}abcd`,
      ),
      'insert b.a',
    ],
    ['an old command', query('admin.$cmd', document(int('ismaster'))), 'isMaster admin.'],
    [
      'an old command with a preference',
      query(
        'shop.$cmd',
        document(inner('$query', document(text('count', 'a'))), inner('$readPreference', document(int('b')))),
      ),
      'count shop.a',
    ],
    ['an old query', query('shop.a.b', document(int('x'))), 'find shop.a.b'],
    ['an old query that names a database', query('a.$cmd', document(int('x'), text('$db', 'b'))), 'x a.'],
    [
      'the rest of a cursor by an old query',
      query('shop.$cmd', document(int('getMore'), text('collection', 'a'))),
      'getMore shop.a',
    ],
    ['the rest of an old cursor', message(2_005, `${le32(0)}shop.a\0${'x'.repeat(12)}`), 'getMore shop.a'],
    ['an old insert', message(2_002, `${le32(0)}shop.a\0${document(int('x'))}`), 'insert shop.a'],
    ['old cursors', message(2_007, le32(0) + le32(1) + 'x'.repeat(8)), 'killCursors .'],
  ])('%s', (_, bytes, expected) => {
    expect(said(bytes, FIND)).toEqual([expected, 'find shop.orders'])
    for (const size of [1, 2, 7]) {
      const pieces = bytes.length > 1_000 ? [] : (bytes.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [])
      if (pieces.length > 0) expect(said(...pieces, FIND)).toEqual([expected, 'find shop.orders'])
    }
  })

  test('a command is told before its last byte, and not before its last part', () => {
    const part = section('documents', document(int('a')))
    const whole = message(2_013, `${le32(0)}\0${document(text('insert', 'a'), text('$db', 'b'))}${part}`)
    expect(said(whole.slice(0, -part.length))).toEqual([])
    expect(said(whole.slice(0, -1))).toEqual(['insert b.a'])
  })

  test('a long value in pieces is passed over', () => {
    const whole = command(text('insert', 'a'), LONG, text('$db', 'b'))
    expect(heard(byteByByte([['client', whole]]))).toEqual(['insert b.a'])
  })

  test('of answers nothing is read', () => {
    expect(heard([['server', 'anything']])).toEqual([])
  })

  test.each([
    ['compressed messages', message(2_012, 'x'.repeat(30))],
    ['an answer of a client', message(1, 'x'.repeat(30))],
    ['a message too long', `${le32(100_000_000)}${'x'.repeat(16)}`],
    ['a message too short', `${message(2_013, '')}xxxx`],
    ['no database', command(text('find', 'a'))],
    ['two databases', command(text('find', 'a'), text('$db', 'b'), text('$db', 'c'))],
    ['a database that is no text', command(text('find', 'a'), int('$db'))],
    ['two commands', message(2_013, `${le32(0)}${`\0${document(int('a'), text('$db', 'b'))}`.repeat(2)}`)],
    ['a document without elements', command()],
    ['a document longer than its message', message(2_013, `${le32(0)}\0${le32(1_000)}xxxx`)],
    ['a document that ends too early', message(2_013, `${le32(0)}\0${le32(13)}${int('a')}\0xx`)],
    ['a value longer than its document', command(`\x05a\0${le32(1_000)}\0`)],
    ['a value of no type', command(`\x20a\0`)],
    ['a name too long', command(int('x'.repeat(600)))],
    ['a collection too long', command(text('find', 'x'.repeat(600)), text('$db', 'b'))],
    ['a collection with a zero in it', command(text('find', 'a\0b'), text('$db', 'b'))],
    ['a name that is no text', command(int('\xff\xfe'), text('$db', 'b'))],
    ['a namespace without a database', message(2_002, `${le32(0)}orders\0${document(int('x'))}`)],
  ])('refused: %s', (_, bytes) => {
    expect(readingsOf(mongodb, [['client', bytes]]).map(({ kind }) => kind)).toEqual(['unreadable'])
  })
})
