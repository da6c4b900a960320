import { describe, expect, test } from 'vitest'
import type { Reading } from '../src/index.ts'
import { quic } from '../src/protocols/quic/quic.ts'
import { bytesOf, opening, readingsOf } from './conversation.ts'
import { message, u16 } from './hello.ts'
import { crypto, HELLO, ID, initial, keysOf, V1, V2 } from './quic-initial.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const sniOf = (readings: readonly Reading[]): string[] =>
  readings.flatMap(reading =>
    reading.kind === 'request' && reading.request.kind === 'tls' ? [reading.request.sni ?? ''] : [],
  )
const reasons = (readings: readonly Reading[]): string[] =>
  readings.flatMap(reading =>
    reading.kind === 'unreadable' ? [reading.reason.replace(/ at byte \d+$/, '')] : [],
  )
const read = (...datagrams: readonly Uint8Array[]): readonly Reading[] =>
  readingsOf(
    quic,
    datagrams.map(datagram => ['client', datagram] as const),
    'UDP',
  )

describe('quic', () => {
  test('the keys of RFC 9001 appendix A.1 and RFC 9369 appendix A.1', () => {
    const id = Buffer.from('8394c8f03e515708', 'hex')
    const first = keysOf(V1, id)
    expect([first.key, first.iv, first.headerProtection].map(hex)).toEqual([
      '1f369613dd76d5467730efcbe3b1a22d',
      'fa044b2f42a3fd3b46fb255c',
      '9f50449e04a0e810283a1e9933adedd2',
    ])
    const second = keysOf(V2, id)
    expect([second.key, second.iv, second.headerProtection].map(hex)).toEqual([
      '8b1a0bc121284290a29e0971b5cd045d',
      '91f73e2351d8fa91660e909f',
      '45b95e15235d6f45a6b19cbcb0294ba9',
    ])
  })

  const whole = initial({ frames: crypto(0, HELLO) })
  test.each([
    ['an Initial', whole, '', 'certain'],
    ['an Initial of version 2', initial({ version: V2, frames: '' }), '', 'certain'],
    ['an Initial of a draft', initial({ version: 0xff00_001d, frames: '' }), '', 'certain'],
    ['a reserved version', `\xc0\x1a\x2a\x3a\x4a\0\0${'\0'.repeat(1_200)}`, '', 'likely'],
    ['a version of Google', '\xc3Q046\x50abcdefgh', '', 'certain'],
    ['a version of Google in its first form', '\x0dabcdefghQ035\x01', '', 'certain'],
    ['a server that offers versions', '', '\x80\0\0\0\0\0\0\0\0\0\x01', 'likely'],
    ['silence', '', '', 'more'],
    ['an Initial that fills no datagram', whole.subarray(0, 600), '', 'no'],
    ['a short header', `\x40${'\0'.repeat(1_200)}`, '', 'no'],
    ['an unknown version', `\xc0\0\0\0\x09\0\0${'\0'.repeat(1_200)}`, '', 'no'],
    ['an id that is too long', `\xc0\0\0\0\x01\x15${'\0'.repeat(1_200)}`, '', 'no'],
    ['a question of DNS', '\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01', '', 'no'],
  ])('is recognised by %s', (_, client, server, kind) => {
    expect(quic.recognise(opening({ transport: 'UDP', client, server }))).toMatchObject({ kind })
  })

  test.each([
    [V1, 'QUIC 1'],
    [V2, 'QUIC 2'],
    [0xff00_001d, 'QUIC draft 29'],
  ])('the hello of version %i', (version, shown) => {
    expect(read(initial({ version, frames: crypto(0, HELLO) }))).toEqual([
      { kind: 'detail', detail: 'protocol-version', value: shown },
      { kind: 'detail', detail: 'ja4', value: expect.stringMatching(/^q12d010100_/) },
      { kind: 'request', request: { kind: 'tls', sni: 'shop.example' } },
      { kind: 'opaque' },
    ])
  })

  test('a hello in pieces, out of order, twice, over datagrams and packets', () => {
    const [a, b, c] = [HELLO.slice(0, 10), HELLO.slice(10, 40), HELLO.slice(40)]
    const first = initial({ frames: crypto(10, b) + crypto(40, c.slice(0, 5)), size: 600 })
    const second = initial({ number: 1, frames: `\x01\x02\0\0\0\0${crypto(40, c)}`, size: 600 })
    const third = initial({ number: 2, frames: crypto(0, a) + crypto(5, HELLO.slice(5, 20)) })
    expect(sniOf(read(Buffer.concat([first, second])))).toEqual([])
    expect(sniOf(read(Buffer.concat([first, second]), third))).toEqual(['shop.example'])
  })

  test('after a Retry the keys are made of the id that the server chose', () => {
    const lost = initial({ frames: crypto(0, HELLO.slice(0, 9)) })
    const again = initial({ id: bytesOf('retry-id'), number: 1, frames: crypto(0, HELLO) })
    expect(sniOf(read(lost, again))).toEqual(['shop.example'])
  })

  test('the id changes when the server has answered, and the keys do not', () => {
    const later = initial({
      id: bytesOf('server'),
      keysOfId: ID,
      number: 1,
      frames: crypto(9, HELLO.slice(9)),
    })
    expect(sniOf(read(initial({ frames: crypto(0, HELLO.slice(0, 9)) }), later))).toEqual(['shop.example'])
  })

  test('a packet that nobody can open says nothing', () => {
    const broken = whole.with(600, (whole[600] ?? 0) ^ 1)
    expect(read(broken)).toEqual([])
    expect(sniOf(read(broken, whole))).toEqual(['shop.example'])
  })

  test.each([
    [
      'pieces that contradict each other',
      [crypto(0, HELLO) + crypto(3, 'x')],
      'pieces of a hello that contradict each other',
    ],
    ['another message', [crypto(0, message(2, ''))], 'handshake without a client hello'],
    ['a frame of data', ['\x08\0'], 'frame that no Initial packet may have'],
    ['a frame cut short', [`\x06\0${u16(0x4000 | 1_190)}`], undefined],
    [
      'a piece far away',
      [`\x06${u16(0x7fff)}\x01a`.replace('\x7f\xff', '\x80\0\xff\xff')],
      'hello longer than is held',
    ],
    [
      'empty pieces without end',
      Array.from({ length: 3 }, () => crypto(9, '').repeat(200)),
      'hello longer than is held',
    ],
  ])('%s are refused', (_, frames, reason) => {
    const datagrams = frames.map((text, number) => initial({ number, frames: text }))
    const found = reasons(read(...datagrams))
    expect(found).toEqual([reason ?? expect.stringContaining('wanted')])
  })

  test('a hello that never comes is not waited for', () => {
    expect(reasons(read(...Array.from({ length: 70 }, () => initial({ frames: '' }))))).toEqual([
      'no hello among the first datagrams',
    ])
  })

  test('every cut of a datagram is read or refused', () => {
    for (let length = 0; length < whole.length; length++)
      expect(sniOf(read(whole.subarray(0, length)))).toEqual([])
  })
})
