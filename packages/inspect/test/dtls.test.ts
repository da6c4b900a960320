import { describe, expect, test } from 'vitest'
import type { Reading } from '../src/index.ts'
import { dtls } from '../src/protocols/dtls/dtls.ts'
import { opening, readingsOf } from './conversation.ts'
import { extension, serverName, u16, vector16 } from './hello.ts'

const u24 = (value: number): string => String.fromCharCode(value >> 16) + u16(value & 0xffff)
const piece = (of: { type?: number; body: string; message?: number; from?: number; to?: number }): string => {
  const { type = 1, body, message = 0, from = 0, to = body.length } = of
  return `${String.fromCharCode(type)}${u24(body.length)}${u16(message)}${u24(from)}${u24(to - from)}${body.slice(from, to)}`
}
const record = (fragment: string, type = 22, epoch = 0): string =>
  `${String.fromCharCode(type)}\xfe\xff${u16(epoch)}\0\0\0\0\0\0${vector16(fragment)}`
const hello = (name: string, cookie = ''): string => {
  const extensions = vector16(serverName(name) + extension(10, '\0\x02\0\x17'))
  return `\xfe\xfd${'r'.repeat(32)}\0${String.fromCharCode(cookie.length)}${cookie}${vector16('\xc0\x2b')}\x01\0${extensions}`
}
const SERVER_HELLO = `\xfe\xfd${'r'.repeat(32)}\0\xc0\x2b\0`
const REQUEST = { kind: 'request', request: { kind: 'tls', sni: 'a.example' } } as const
const reasons = (readings: readonly Reading[]): string[] =>
  readings.flatMap(reading =>
    reading.kind === 'unreadable' ? [reading.reason.replace(/ at byte \d+$/, '')] : [],
  )

describe('dtls', () => {
  const client = record(piece({ body: hello('a.example') }))
  test.each([
    ['a hello', client, '', 'certain'],
    ['a server that wants a cookie', client, record(piece({ type: 3, body: '\xfe\xff\x01c' })), 'certain'],
    ['silence', '', '', 'more'],
    ['TLS', '\x16\x03\x01\0\x10\x01\0\0\x0c', '', 'no'],
    ['a hello cut short', client.slice(0, 40), '', 'no'],
    ['an answer of another protocol', client, 'SSH-2.0-server', 'no'],
  ])('is recognised by %s', (_, ofClient, ofServer, kind) => {
    const asked = opening({ transport: 'UDP', client: ofClient, server: ofServer })
    expect(dtls.recognise(asked)).toMatchObject({ kind })
  })

  test('a hello, the same with a cookie, and the answer', () => {
    const said = [
      ['client', client],
      ['server', record(piece({ type: 3, body: '\xfe\xff\x01c' }))],
      ['client', record(piece({ body: hello('a.example', 'c'), message: 1 }))],
      ['server', record(piece({ type: 2, body: SERVER_HELLO, message: 1 }))],
    ] as const
    expect(readingsOf(dtls, said, 'UDP')).toEqual([
      { kind: 'detail', detail: 'ja4', value: expect.stringMatching(/^dd2d010200_/) },
      REQUEST,
      { kind: 'detail', detail: 'protocol-version', value: 'DTLS 1.2' },
      { kind: 'detail', detail: 'cipher', value: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256' },
      { kind: 'opaque' },
    ])
  })

  test('a hello in pieces, out of order and over datagrams', () => {
    const body = hello('a.example')
    const said = [
      ['client', record(piece({ body, from: 30 }))],
      ['client', record(piece({ body, from: 0, to: 10 })) + record(piece({ body, from: 8, to: 40 }))],
    ] as const
    expect(readingsOf(dtls, said, 'UDP')[1]).toEqual(REQUEST)
  })

  test.each([
    [
      'another name with the cookie',
      [client, record(piece({ body: hello('b.example', 'c'), message: 1 }))],
      'server name changed',
    ],
    [
      'many hellos',
      [0, 1, 2, 3].map(message => record(piece({ body: 'x'.repeat(9), message, to: 1 }))),
      'more hellos than are asked for',
    ],
    [
      'pieces that contradict each other',
      [record(piece({ body: 'abc', to: 2 })), record(piece({ body: 'axc', to: 2 }))],
      'pieces of a hello that contradict each other',
    ],
    [
      'a piece beyond its message',
      [record(`\x01${u24(1)}\0\0${u24(1)}${u24(1)}x`)],
      'piece beyond its message',
    ],
    ['another record', ['\x16\x03\x01\0\x10'], 'record that is none'],
  ])('%s is refused', (_, datagrams, reason) => {
    const said = datagrams.map(datagram => ['client', datagram] as const)
    expect(reasons(readingsOf(dtls, said, 'UDP'))).toEqual([reason])
  })

  test('a hello cut anywhere is refused', () => {
    for (let length = 1; length < client.length; length++)
      expect(reasons(readingsOf(dtls, [['client', client.slice(0, length)]], 'UDP'))).toHaveLength(1)
  })
})
