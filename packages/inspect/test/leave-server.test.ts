import { describe, expect, test } from 'vitest'
import { Identifier, PROTOCOLS, type Protocol, type Side } from '../src/index.ts'
import { http } from '../src/protocols/http/http.ts'
import { mysql } from '../src/protocols/mysql/mysql.ts'
import { postgresql } from '../src/protocols/postgresql/postgresql.ts'
import { redis } from '../src/protocols/redis/redis.ts'
import { bytesOf } from './conversation.ts'

type Said = readonly (readonly [Side, string])[]

const be32 = (value: number): string => String.fromCharCode(0, 0, value >>> 8, value & 255)
const packet = (number: number, body: string): string =>
  String.fromCharCode(body.length & 255, body.length >>> 8, 0, number) + body

const GET = 'GET /a HTTP/1.1\r\nHost: h\r\n\r\n'
const POST = 'POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc'
const UPGRADE = 'GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const AGREED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

const CONVERSATIONS: readonly (readonly [protocol: Protocol, leftAfter: number, said: Said])[] = [
  [
    http,
    2,
    [
      ['client', GET],
      ['server', OK],
      ['client', GET + POST],
      ['server', OK],
      ['server', OK],
      ['client', UPGRADE],
      ['server', OK],
      ['client', POST],
    ],
  ],
  [
    redis,
    2,
    [
      ['client', '*1\r\n$4\r\nPING\r\n'],
      ['server', '+PONG\r\n'],
      ['client', '*2\r\n$3\r\nGET\r\n$1\r\na\r\n'],
      ['server', '$1\r\nb\r\n'],
      ['client', '*2\r\n$3\r\nDEL\r\n$1\r\na\r\n'],
    ],
  ],
  [
    postgresql,
    2,
    [
      ['client', `${be32(22)}\0\x03\0\0user\0api\0pw\0\0\0`],
      ['server', `R${be32(8)}${be32(0)}Z${be32(5)}I`],
      ['client', `Q${be32(4 + 9)}select 1\0`],
      ['server', `Z${be32(5)}I`],
      ['client', `Q${be32(4 + 14)}delete from a\0`],
    ],
  ],
  [
    mysql,
    2,
    [
      ['server', packet(0, `\n8.0.36\0${'\0'.repeat(40)}`)],
      ['client', packet(1, `\0\x80\0\0${'\0'.repeat(28)}api\0\0`)],
      ['server', packet(2, '\0\0\0\x02\0\0\0')],
      ['client', packet(0, '\x03select 1')],
      ['client', packet(0, '\x03delete from a')],
    ],
  ],
]

/** @returns what was read, and after how many calls the server was left. */
function read(protocol: Protocol, said: Said, mayLeave: boolean) {
  const reader = protocol.open?.('TCP')
  const requests: unknown[] = []
  let left: number | undefined
  for (const [at, [side, text]] of said.entries()) {
    if (left !== undefined && side === 'server') continue
    for (const reading of reader?.read(side, bytesOf(text)) ?? [])
      if (reading.kind !== 'detail') requests.push(reading)
    if (mayLeave && left === undefined && reader?.leaveServer?.()) left = at + 1
  }
  return { requests, left }
}

describe('what can be read from the client alone', () => {
  test.each(CONVERSATIONS.map(([protocol, ...rest]) => [protocol.application, protocol, ...rest] as const))(
    '%s: the same requests, with and without the answers that follow',
    (_, protocol, leftAfter, said) => {
      const alone = read(protocol, said, true)
      expect(alone.left).toBe(leftAfter)
      expect(alone.requests.length).toBeGreaterThan(1)
      expect(alone.requests).toEqual(read(protocol, said, false).requests)
    },
  )

  test.each(['mongodb', 'kafka', 'cassandra'])('%s: from the first byte on', application => {
    const protocol = PROTOCOLS.find(one => one.application === application)
    expect(protocol?.open?.('TCP').leaveServer?.()).toBe(true)
  })

  test.each(['tls', 'smtp', 'ftp', 'imap'])('%s: never', application => {
    const protocol = PROTOCOLS.find(one => one.application === application)
    expect(protocol?.open?.('TCP').leaveServer?.() ?? false).toBe(false)
  })
})

describe('http', () => {
  const leaving = (said: Said) => read(http, said, true)

  test.each<[string, Said]>([
    ['before the first answer', [['client', GET]]],
    [
      'while one is only begun',
      [
        ['client', GET],
        ['server', 'HTTP/1.1 100 Continue\r\n\r\n'],
      ],
    ],
    [
      'while an answer may change the protocol',
      [
        ['client', GET + UPGRADE],
        ['server', OK],
      ],
    ],
    [
      'while an answer may open a tunnel',
      [
        ['client', `${GET}CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n`],
        ['server', OK],
      ],
    ],
    ['in HTTP/2', [['client', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0']]],
  ])('the server is not left %s', (_, said) => {
    expect(leaving(said).left).toBeUndefined()
  })

  test('it is left when an answer has not changed the protocol', () => {
    expect(
      leaving([
        ['client', UPGRADE],
        ['server', OK],
      ]).left,
    ).toBe(2)
  })

  test('what comes after an Upgrade that was agreed to unseen is no HTTP, and is refused', () => {
    const { requests } = leaving([
      ['client', GET],
      ['server', OK],
      ['client', UPGRADE],
      ['server', AGREED],
      ['client', '\x81\x85\x01\x02\x03\x04abcde'],
      ['client', GET],
    ])
    expect(requests).toMatchObject([{ kind: 'request' }, { kind: 'request' }, { kind: 'unreadable' }])
  })
})

test('a conversation whose server was left hears it no more, and becomes no other', () => {
  const becoming: Protocol = {
    ...redis,
    open: () => ({
      read: (side, bytes) =>
        bytes[0] === 0x2b
          ? [{ kind: 'detail', detail: 'command', value: side }]
          : bytes[0] === 0x2a
            ? []
            : [{ kind: 'becomes', application: 'tls', rest: bytes }],
      leaveServer: () => true,
    }),
  }
  const conversation = new Identifier({ protocols: [becoming] }).open('TCP')
  const read = (side: Side, text: string) => conversation.read(side, bytesOf(text)).map(({ kind }) => kind)
  expect(conversation.leaveServer()).toBe(false)
  expect(read('client', '*1\r\n$4\r\nPING\r\n')).toEqual(['identified'])
  expect(read('server', '+PONG\r\n')).toEqual(['detail'])
  expect(conversation.leaveServer()).toBe(true)
  expect(read('server', '+PONG\r\n')).toEqual([])
  expect(read('client', 'STARTTLS')).toEqual(['unreadable'])
  expect(conversation.isFinished).toBe(true)
})
