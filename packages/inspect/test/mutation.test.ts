import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Protocol, Reading, Side } from '../src/index.ts'
import { cassandra } from '../src/protocols/cassandra/cassandra.ts'
import { dns } from '../src/protocols/dns/dns.ts'
import { dtls } from '../src/protocols/dtls/dtls.ts'
import { http } from '../src/protocols/http/http.ts'
import { kafka } from '../src/protocols/kafka/kafka.ts'
import { mongodb } from '../src/protocols/mongodb/mongodb.ts'
import { quic } from '../src/protocols/quic/quic.ts'
import { sqlserver } from '../src/protocols/sqlserver/sqlserver.ts'
import { tls } from '../src/protocols/tls/tls.ts'
import { byteByByte, bytesOf, readingsOf } from './conversation.ts'
import { extension, hello, message, record, serverName, vector16 } from './hello.ts'
import { crypto, HELLO, initial } from './quic-initial.ts'

/* Bytes at random are refused at once; conversations that are nearly right go deeper. */
const numRuns = Number(process.env.SEKISHO_FUZZ_RUNS ?? 200)

interface Change {
  readonly at: number
  readonly remove: number
  readonly insert: Uint8Array
}

const telling = fc.constantFrom(
  ...'\r\n :;,%/.0\0\x01\x7f\x80\xff'.split('').map(character => bytesOf(character)),
)
const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(),
  remove: fc.nat({ max: 3 }),
  insert: fc.oneof(telling, fc.uint8Array({ maxLength: 3 })),
})
const changes = fc.array(change, { minLength: 1, maxLength: 3 })

function changed(bytes: Uint8Array, list: readonly Change[]): Uint8Array {
  let all = Buffer.from(bytes)
  for (const { at, remove, insert } of list) {
    const place = at % (all.length + 1)
    all = Buffer.concat([all.subarray(0, place), insert, all.subarray(place + remove)])
  }
  return all
}

const requests = (readings: readonly Reading[]): unknown[] =>
  readings.flatMap(reading => (reading.kind === 'request' ? [JSON.stringify(reading.request)] : []))
const isRefused = (readings: readonly Reading[]): boolean =>
  readings.some(({ kind }) => kind === 'unreadable')

const FRAMES = [
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\0\0\0\x04\0\0\0\0\0',
  '\0\0\x12\x01\x05\0\0\0\x01\x82\x04\x04/a/b\x86\x41\x01h\x40\x01a\x03bcd',
  '\0\0\x04\0\x01\0\0\0\x01data',
  '\0\0\x05\x01\x05\0\0\0\x03\x82\x84\x86\xbf\xbe',
].join('')
const REQUESTS = [
  'GET /shop/items?id=1 HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /',
  'POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nGET /\r\n0\r\nTrailer: 1\r\n\r\n',
  'GET http://h/c HTTP/1.1\r\nHost: h\r\n\r\n',
].join('')
const ANSWERS = [
  'HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 2\r\n\r\nhi',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
].join('')
const QUESTION = '\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\x07example\0\0\x01\0\x01'
const ANSWER = `\0\x07\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x07example\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01`
const SERVER_HELLO = record(
  22,
  message(2, `\x03\x03${'r'.repeat(32)}\0\x13\x01\0${vector16(extension(43, '\x03\x04'))}`),
)

const INSERT = [
  '\x3f\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0',
  '\0\x1e\0\0\0\x02insert\0\x02\0\0\0a\0\x02$db\0\x02\0\0\0b\0\0',
  '\x01\x0b\0\0\0docs\0\0\0',
].join('')
const PRODUCE =
  '\0\0\0\x26\0\0\0\x02\0\0\0\x07\0\x01c\0\x01\0\0\0\0\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\0\0\0\x02rr'
const METADATA = '\0\0\0\x13\0\x03\0\x09\0\0\0\x08\0\x01c\0\x02\x02t\0\0\0\0'
const BATCH = '\x01\x01\0\x26\0\0\0\0s\0e\0l\0e\0c\0t\0 \x001\0 \0f\0r\0o\0m\0 \0a\0'
const QUERY = '\x04\0\0\0\x07\0\0\0\x14\0\0\0\x0dselect * fr a\0\x01\0'

const CONVERSATIONS: readonly (readonly [string, Protocol, readonly (readonly [Side, string])[]])[] = [
  [
    'HTTP/1',
    http,
    [
      ['client', REQUESTS],
      ['server', ANSWERS],
    ],
  ],
  ['HTTP/2', http, [['client', FRAMES]]],
  [
    'TLS',
    tls,
    [
      ['client', record(22, message(1, hello(serverName('a.example'))))],
      ['server', SERVER_HELLO],
    ],
  ],
  [
    'DNS',
    dns,
    [
      ['client', vector16(QUESTION)],
      ['server', vector16(ANSWER)],
    ],
  ],
  ['MongoDB', mongodb, [['client', INSERT + INSERT]]],
  ['Kafka', kafka, [['client', PRODUCE + METADATA]]],
  ['SQL Server', sqlserver, [['client', BATCH + BATCH]]],
  ['Cassandra', cassandra, [['client', QUERY + QUERY]]],
]

/** A long run is no reason to fail. */
const timeout = Math.max(60_000, numRuns * 100)

describe('a conversation that is nearly right', { timeout }, () => {
  test.each(CONVERSATIONS)('%s is right before it is changed', (_, protocol, said) => {
    const readings = readingsOf(protocol, said)
    expect(isRefused(readings)).toBe(false)
    expect(requests(readings).length).toBeGreaterThan(0)
  })

  test.each(CONVERSATIONS)('%s is read alike in any pieces, or refused', (_, protocol, said) => {
    fc.assert(
      fc.property(changes, fc.nat({ max: said.length - 1 }), (list, which) => {
        const now = said.map(
          ([side, text], i) => [side, i === which ? changed(bytesOf(text), list) : bytesOf(text)] as const,
        )
        const [whole, pieces] = [readingsOf(protocol, now), readingsOf(protocol, byteByByte(now))]
        expect(requests(pieces)).toEqual(requests(whole))
        // In pieces a line is looked at when it is over; it can only be refused later.
        if (isRefused(pieces)) expect(isRefused(whole)).toBe(true)
      }),
      { numRuns },
    )
  })

  test.each([
    ['DNS', dns, QUESTION],
    [
      'DTLS',
      dtls,
      `\x16\xfe\xff\0\0\0\0\0\0\0\0${vector16(`\x01\0${vector16(hello('')).slice(0, 2)}\0\0\0\0\0\0${vector16(hello(''))}`)}`,
    ],
  ] as const)('%s in datagrams is read or refused', (_, protocol, text) => {
    fc.assert(
      fc.property(changes, list => {
        const readings = readingsOf(protocol, [['client', changed(bytesOf(text), list)]], 'UDP')
        expect(readings.length).toBeLessThan(10)
      }),
      { numRuns },
    )
  })

  test('the frames of QUIC are read or refused', () => {
    fc.assert(
      fc.property(changes, list => {
        const frames = changed(bytesOf(crypto(0, HELLO)), list)
        const datagram = initial({ frames: Buffer.from(frames).toString('latin1') })
        expect(readingsOf(quic, [['client', datagram]], 'UDP').length).toBeLessThan(10)
      }),
      { numRuns },
    )
  })
})
