import { describe, expect, test } from 'vitest'
import type { Side } from '../src/index.ts'
import { sqlserver } from '../src/protocols/sqlserver/sqlserver.ts'
import { byteByByte, readingsOf } from './conversation.ts'

const le = (value: number, bytes: number): string =>
  Array.from({ length: bytes }, (_, i) => String.fromCharCode(Math.floor(value / 256 ** i) & 255)).join('')
const be16 = (value: number): string => String.fromCharCode(value >>> 8, value & 255)
const utf16 = (text: string): string => Buffer.from(text, 'utf16le').toString('latin1')
const packet = (type: number, payload: string, status = 1): string =>
  String.fromCharCode(type, status) + be16(8 + payload.length) + '\0'.repeat(4) + payload

const HEADERS = le(22, 4) + le(18, 4) + le(2, 2) + '\0'.repeat(12)
const batch = (text: string): string => packet(1, HEADERS + utf16(text))
const COLLATION = '\x09\x04\xd0\0\x34'
const nvarchar = (text: string, name = ''): string =>
  `${String.fromCharCode(name.length) + utf16(name)}\0\xe7${le(8_000, 2)}${COLLATION}${le(2 * text.length, 2)}${utf16(text)}`
const none = `\0\0\xe7${le(8_000, 2)}${COLLATION}\xff\xff`
const inParts = (text: string): string =>
  `\0\0\xe7\xff\xff${COLLATION}${le(2 * text.length, 8)}${le(8, 4)}${utf16(text).slice(0, 8)}${le(2 * text.length - 8, 4)}${utf16(text).slice(8)}${le(0, 4)}`
const ntext = (text: string): string =>
  `\0\0\x63${le(999, 4)}${COLLATION}${le(2 * text.length, 4)}${utf16(text)}`
const int = '\0\x01\x26\x04\x04\0\0\0\0'
const numbered = (number: number, ...parameters: readonly string[]): string =>
  `\xff\xff${le(number, 2)}\0\0${parameters.join('')}`
const named = (name: string, ...parameters: readonly string[]): string =>
  `${le(name.length, 2)}${utf16(name)}\0\0${parameters.join('')}`
const call = (...calls: readonly string[]): string => packet(3, HEADERS + calls.join('\xff'))
const prelogin = (type: number, encryption: number): string =>
  packet(
    type,
    `\0${be16(11)}${be16(6)}\x01${be16(17)}${be16(1)}\xff${'v'.repeat(6)}${String.fromCharCode(encryption)}`,
  )
/** Texts at 36, 40, … with offset and length. */
function login(texts: Readonly<Record<number, string>>): string {
  let [fixed, data] = ['\0'.repeat(36), '']
  for (let at = 36; at < 94; at += 4) {
    const text = texts[at] ?? ''
    fixed += le(94 + data.length, 2) + le(text.length, 2)
    data += utf16(text)
  }
  return packet(0x10, fixed.slice(0, 94) + data)
}
const LOGIN = login({ 36: 'host', 40: 'api', 44: 'secret', 48: 'shop', 68: 'orders' })

const heard = (chunks: readonly (readonly [Side, string])[]) =>
  readingsOf(sqlserver, chunks).map(reading => {
    if (reading.kind === 'request' && reading.request.kind === 'sql') {
      const { statement, tables, database } = reading.request
      return `${statement} ${tables.join(',')}@${database ?? ''}`
    }
    return reading.kind === 'detail' ? `${reading.detail}=${reading.value}` : reading.kind
  })
const said = (...chunks: readonly string[]) => heard(chunks.map(chunk => ['client', chunk] as const))

describe('sqlserver', () => {
  test.each<[string, string, string[]]>([
    ['a batch', batch('select * from a'), ['select a@']],
    ['a batch without headers', packet(1, utf16('select * from a')), ['select a@']],
    ['a batch of several statements', batch('select 1 from a delete from b'), ['select a@', 'delete b@']],
    [
      'a batch in two packets',
      packet(1, HEADERS + utf16('select * '), 0) + packet(1, utf16('from a')),
      ['select a@'],
    ],
    [
      'sp_executesql',
      call(numbered(10, nvarchar('select * from a'), nvarchar('@p int'), int)),
      ['select a@'],
    ],
    ['by its name', call(named('sp_executesql', nvarchar('select * from a', '@stmt'))), ['select a@']],
    ['with a database', call(named('[master]..[sp_executesql]', nvarchar('select * from a'))), ['select a@']],
    [
      'sp_prepexec',
      call(numbered(13, int, nvarchar('@p int'), nvarchar('select * from a'), int)),
      ['select a@'],
    ],
    ['without parameters', call(numbered(13, int, none, nvarchar('delete from a'))), ['delete a@']],
    ['sp_cursoropen', call(numbered(2, int, nvarchar('select * from a'))), ['select a@']],
    ['a text in parts', call(numbered(10, inParts('select * from a'))), ['select a@']],
    ['an old long text', call(numbered(10, ntext('select * from a'))), ['select a@']],
    ['what was prepared', call(numbered(12, int, nvarchar('value'))), []],
    ['a procedure', call(named('dbo.pay', int)), ['call @']],
    ['two calls', call(numbered(12, int), numbered(10, nvarchar('drop table a'))), ['drop a@']],
    ['a bulk load', packet(7, 'rows', 0) + packet(7, 'rows'), []],
    [
      'a login, and another database',
      LOGIN + batch('select 1 from a') + batch('use [Stock]') + batch('select 1 from a'),
      [
        'user=api',
        'client-software=shop',
        'database=orders',
        'select a@orders',
        'use @Stock',
        'select a@Stock',
      ],
    ],
    ['another database on the way', `${LOGIN}${batch('use b; drop table a')}`, ['use @', 'drop a@']],
  ])('%s', (_, bytes, expected) => {
    const names = (all: readonly string[]) => (bytes.startsWith(LOGIN) ? all.slice(-expected.length) : all)
    expect(names(said(bytes))).toEqual(expected)
    expect(
      names(
        heard(
          byteByByte([['client', bytes]]).map(([side, piece]) => [
            side,
            Buffer.from(piece).toString('latin1'),
          ]),
        ),
      ),
    ).toEqual(expected)
    expect(names(said(bytes.slice(0, 11), bytes.slice(11, 40), bytes.slice(40)))).toEqual(expected)
  })

  test('a password is never told', () => expect(said(LOGIN).join()).not.toContain('secret'))

  const TLS = '\x17\x03\x03\x00\x05hello'
  test.each([
    ['all', 1, ['encrypted=TLS', 'opaque']],
    ['required', 3, ['encrypted=TLS', 'opaque']],
    ['the login alone', 0, ['select a@']],
  ])('encryption: %s', (_, answer, expected) => {
    expect(
      heard([
        ['client', prelogin(0x12, 0)],
        ['server', prelogin(4, answer)],
        ['client', packet(0x12, '\x16\x03\x01 hello') + TLS],
        ['client', TLS + batch('select 1 from a')],
      ]),
    ).toEqual(expected)
  })

  test('no encryption', () => {
    const chunks = [
      ['client', prelogin(0x12, 2)],
      ['server', prelogin(4, 2)],
      ['client', batch('select 1 from a')],
    ] as const
    expect(heard(chunks)).toEqual(['select a@'])
    expect(heard([...chunks, ['client', TLS]]).at(-1)).toBe('unreadable')
  })

  test.each([
    ['a statement that cannot be read', batch("select 'no end")],
    ['a packet too short', '\x01\x01\0\x05\0\0\0\0'],
    ['a packet too long', '\x01\x01\xff\xff\0\0\0\0'],
    ['a message within another', packet(1, 'x', 0) + packet(3, 'x')],
    ['a message longer than is read', packet(1, 'x'.repeat(30_000), 0).repeat(5)],
    ['packets of nothing', packet(1, '', 0).repeat(20_000)],
    ['another type', packet(2, 'login')],
    ['a parameter of no type', call(numbered(10, '\0\0\xf3'))],
    ['a parameter longer than the call', call(numbered(10, nvarchar('select 1').slice(0, -2)))],
    ['no text', call(numbered(10))],
    ['a text that is none', call(numbered(10, int))],
    ['parameters in another order', call(numbered(10, nvarchar('select 1', '@params')))],
    ['a login too short', packet(0x10, 'x'.repeat(20))],
    ['a login with a text outside', packet(0x10, `${'\0'.repeat(40)}\xff\xff\x01\0${'\0'.repeat(60)}`)],
  ])('refused: %s', (_, bytes) => expect(said(bytes).at(-1)).toBe('unreadable'))
})
