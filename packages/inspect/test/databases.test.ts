import { describe, expect, test } from 'vitest'
import type { Protocol, Side } from '../src/index.ts'
import { mysql } from '../src/protocols/mysql/mysql.ts'
import { postgresql } from '../src/protocols/postgresql/postgresql.ts'
import { bytesOf, opening, readingsOf, type Said } from './conversation.ts'

const be32 = (value: number): string =>
  String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
const le = (value: number, bytes: number): string =>
  Array.from({ length: bytes }, (_, i) => String.fromCharCode((value >>> (8 * i)) & 255)).join('')

/** As in `select orders@shop`. */
const said = (protocol: Protocol, chunks: readonly (readonly [Side, Said])[]): readonly string[] =>
  readingsOf(protocol, chunks).map(reading => {
    if (reading.kind === 'request' && reading.request.kind === 'sql') {
      const { statement, tables, database } = reading.request
      return `${statement} ${tables.join(',')}@${database ?? ''}`
    }
    if (reading.kind === 'detail') return `${reading.detail}=${reading.value}`
    return reading.kind === 'becomes' ? `becomes ${reading.application}` : reading.kind
  })

/** The same conversation, cut into pieces of so many bytes. */
const inPieces = (chunks: readonly (readonly [Side, Said])[], size: number) =>
  chunks.flatMap(([side, text]) => {
    const bytes = bytesOf(text)
    return Array.from(
      { length: Math.ceil(bytes.length / size) },
      (_, i) => [side, bytes.subarray(i * size, (i + 1) * size)] as const,
    )
  })

describe('postgresql', () => {
  const startup = (parameters: string): string =>
    `${be32(8 + parameters.length + 1) + be32(0x30000)}${parameters}\0`
  const START = startup('user\0api\0database\0shop\0application_name\0psql\0')
  const SSL = be32(8) + be32(80_877_103)
  const message = (type: string, body: string): string => type + be32(4 + body.length) + body

  test.each([
    ['a startup message', START, '', 'certain'],
    ['without a user first', startup('database\0shop\0'), '', 'likely'],
    ['and answered', startup('database\0shop\0'), 'R\0\0\0\x08', 'certain'],
    ['a request for TLS', SSL, '', 'certain'],
    ['its first bytes', '\0\0\0', '', 'more'],
    ['another code', be32(8) + be32(1), '', 'no'],
    ['HTTP', 'GET / HTTP/1.1\r\n', '', 'no'],
    ['the server speaks first', '', 'R\0\0\0\x08', 'no'],
  ])('%s', (_, client, server, kind) => {
    expect(postgresql.recognise(opening({ client, server }))).toMatchObject({ kind })
  })

  const CONVERSATION = [
    ['client', START],
    ['server', message('R', be32(0)) + message('S', 'server_version\x0015.6\0') + message('Z', 'I')],
    ['client', message('Q', 'select * from orders; delete from carts\0')],
    ['server', message('T', 'anything') + message('D', 'rows')],
    [
      'client',
      message('P', 'p1\0insert into orders values ($1)\0\0\0') + message('B', 'x') + message('E', 'y'),
    ],
    ['client', message('F', be32(7)) + message('d', 'copied') + message('X', '')],
  ] as const
  const EXPECTED = [
    'user=api',
    'database=shop',
    'client-software=psql',
    'server-software=PostgreSQL 15.6',
    'select orders@shop',
    'delete carts@shop',
    'insert orders@shop',
    'call @shop',
  ]

  test('statements are read, simple and prepared, in any pieces', () => {
    for (const size of [1_000, 1, 3, 7])
      expect(said(postgresql, inPieces(CONVERSATION, size))).toEqual(EXPECTED)
  })

  test('encryption that is refused or granted', () => {
    expect(
      said(postgresql, [
        ['client', SSL],
        ['server', 'N'],
        ['client', START],
      ]),
    ).toContain('database=shop')
    expect(
      said(postgresql, [
        ['client', SSL],
        ['server', 'S'],
      ]),
    ).toEqual(['encrypted=TLS', 'becomes tls'])
  })

  test('an error before it is ready is told by its code', () => {
    const error = message('E', 'SFATAL\0C28P01\0Mno\0\0')
    expect(
      said(postgresql, [
        ['client', START],
        ['server', error],
      ]),
    ).toContain('status=28P01')
  })

  test.each([
    ['a statement that cannot be read', message('Q', "select 'no end\0")],
    ['one without its end', message('Q', 'select 1')],
    ['a message of no length', `Q${be32(0)}`],
    ['a statement longer than is read', `Q${be32(100_000)}select`],
  ])('refused: %s', (_, text) => {
    expect(said(postgresql, [['client', START + text]]).at(-1)).toBe('unreadable')
  })

  test('long data is passed over and not held', () => {
    const data = message('d', 'x'.repeat(500_000))
    const chunks = [['client', START + data + message('Q', 'select 1 from a\0')]] as const
    expect(said(postgresql, inPieces(chunks, 10_000)).at(-1)).toBe('select a@shop')
  })
})

describe('mysql', () => {
  const packet = (number: number, payload: string): string =>
    le(payload.length, 3) + String.fromCharCode(number) + payload
  const GREETING = packet(0, `\n8.0.36\0${'x'.repeat(60)}`)
  const FLAGS = 0x8 | 0x200 | 0x8000 | 0x80000
  const login = (flags: number, rest = 'api\0\x03abcshop\0'): string =>
    packet(1, `${le(flags, 4) + le(1 << 24, 4)}\x21${'\0'.repeat(23)}${rest}`)

  test.each([
    ['a greeting', '', GREETING, 'certain'],
    ['its first bytes', '', GREETING.slice(0, 8), 'more'],
    ['a refusal', '', packet(0, '\xff\x6a\x04Host is blocked'), 'likely'],
    ['another version', '', packet(0, `\n${'not a version'}\0`), 'no'],
    ['the client speaks first', 'x', '', 'no'],
    ['SSH', '', 'SSH-2.0-OpenSSH', 'no'],
  ])('%s', (_, client, server, kind) => {
    expect(mysql.recognise(opening({ client, server }))).toMatchObject({ kind })
  })

  const CONVERSATION = [
    ['server', GREETING],
    ['client', login(FLAGS)],
    ['server', packet(2, '\0\0\0\x02\0\0\0')],
    ['client', packet(0, '\x03select * from orders /*!50000 join carts */')],
    ['client', packet(0, '\x02stock')],
    ['client', packet(0, '\x16update items set n = ?') + packet(0, '\x17\x01\0\0\0') + packet(0, '\x0e')],
    ['client', packet(3, 'a line of a local file') + packet(4, '')],
    ['client', packet(0, '\x05other') + packet(0, '\x01')],
  ] as const

  test('statements are read, in any pieces', () => {
    for (const size of [1_000, 1, 3, 7]) {
      expect(said(mysql, inPieces(CONVERSATION, size))).toEqual([
        'server-software=MySQL 8.0.36',
        'protocol-version=10',
        'user=api',
        'database=shop',
        'select carts,orders@shop',
        'use @stock',
        'database=stock',
        'update items@stock',
        'create @stock',
      ])
    }
  })

  test.each([
    [
      'a text that changes the database',
      ['use `stock`', 'select 1 from a'],
      ['use @stock', 'select a@stock'],
    ],
    [
      'one with more than that',
      ['use stock; delete from b', 'select 1 from a'],
      ['use @', 'delete b@', 'select a@'],
    ],
  ])('%s', (_, texts, expected) => {
    const asked = texts.map(text => ['client', packet(0, `\x03${text}`)] as const)
    expect(said(mysql, [['client', login(FLAGS)], ...asked]).slice(2)).toEqual(expected)
  })

  test('MariaDB is named', () => {
    const greeting = packet(0, `\n5.5.5-10.11.6-MariaDB\0${'x'.repeat(60)}`)
    expect(said(mysql, [['server', greeting]])).toContain('server-software=MariaDB 10.11.6-MariaDB')
  })

  test('TLS begins behind a short response', () => {
    const request = packet(1, `${le(FLAGS | 0x800, 4) + le(1 << 24, 4)}\x21${'\0'.repeat(23)}`)
    expect(
      said(mysql, [
        ['server', GREETING],
        ['client', `${request}\x16\x03\x01`],
      ]),
    ).toEqual(expect.arrayContaining(['encrypted=TLS', 'becomes tls']))
  })

  test('a query with attributes', () => {
    const asked = [
      ['client', login(FLAGS | 0x800_0000)],
      ['client', packet(0, '\x03\0\x01select 1 from a')],
    ] as const
    expect(said(mysql, asked).at(-1)).toBe('select a@shop')
  })

  test.each([
    ['compressed packets', [login(FLAGS | 0x20)]],
    ['a statement that cannot be read', [login(FLAGS), packet(0, "\x03select 'no end")]],
    ['attributes with values', [login(FLAGS | 0x800_0000), packet(0, '\x03\x01\x01xselect 1')]],
    ['a response too short', [packet(1, 'x')]],
  ])('refused: %s', (_, chunks) => {
    expect(
      said(
        mysql,
        chunks.map(text => ['client', text] as const),
      ).at(-1),
    ).toBe('unreadable')
  })
})
