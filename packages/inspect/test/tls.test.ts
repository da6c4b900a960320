import { connect, TLSSocket as ServerSocket, type TLSSocket } from 'node:tls'
import { describe, expect, test } from 'vitest'
import type { Reading } from '../src/index.ts'
import { certificateNames, parseCertificate } from '../src/protocols/tls/certificate.ts'
import { type ClientHello, parseClientHello } from '../src/protocols/tls/client-hello.ts'
import { ja4 } from '../src/protocols/tls/ja4.ts'
import { tls } from '../src/protocols/tls/tls.ts'
import { byteByByte, bytesOf, opening, readingsOf } from './conversation.ts'
import { extension, hello, message, record, serverName, u16, vector16 } from './hello.ts'
import { overheard, type Speech } from './speech.ts'
import { CERTIFICATE, CERTIFICATE_WITHOUT_NAMES, KEY } from './tls-credentials.ts'

interface Options {
  readonly version: 'TLSv1.2' | 'TLSv1.3'
  readonly servername?: string
  readonly alpn?: readonly string[]
  /** Curve of the server; another one than the client's guess makes it ask for a second hello. */
  readonly curve?: string
}

/** A handshake of OpenSSL with itself. */
async function handshake({ version, servername, alpn = [], curve }: Options): Promise<Speech> {
  const { client, server, said } = overheard()
  const far = new ServerSocket(server, {
    isServer: true,
    key: KEY,
    cert: CERTIFICATE,
    minVersion: version,
    maxVersion: version,
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    ...(curve && { ecdhCurve: curve }),
  })
  far.on('data', data => far.write(data))
  const near: TLSSocket = connect({
    socket: client,
    rejectUnauthorized: false,
    ...(servername && { servername }),
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
  })
  await new Promise<void>((resolve, reject) => {
    near.on('error', reject)
    near.on('data', () => resolve())
    near.write('hello')
  })
  near.destroy()
  far.destroy()
  return said
}

const pem = (text: string): Uint8Array => Buffer.from(text.replaceAll(/-----.*-----|\s/g, ''), 'base64')
const ja4Of = (readings: readonly Reading[]): string | undefined =>
  readings.flatMap(reading =>
    reading.kind === 'detail' && reading.detail === 'ja4' ? [reading.value] : [],
  )[0]
const reasons = (readings: readonly Reading[]): string[] =>
  readings.flatMap(reading =>
    reading.kind === 'unreadable' ? [reading.reason.replace(/ at byte \d+$/, '')] : [],
  )
const client = (extensions: string): readonly (readonly ['client', string])[] => [
  ['client', record(22, message(1, hello(extensions)))],
]

describe('tls', () => {
  test.each([
    ['a client hello', record(22, message(1, hello(''))), '', 'certain'],
    ['a server hello', '', record(22, message(2, '')), 'certain'],
    ['the beginning of a record', '\x16\x03', '', 'more'],
    ['a record of data', '\x17\x03\x03\0\x20abc', '', 'likely'],
    ['a hello of SSL 2', `\x80\x1c\x01\x03\x01\0\x03\0\0\0\x10\0\0\x05${'c'.repeat(16)}`, '', 'certain'],
    ['another major version', '\x16\x04\x01\0\x10\x01\0', '', 'no'],
    ['another handshake message', '\x16\x03\x01\0\x10\x05\0', '', 'no'],
    ['a record longer than is allowed', '\x16\x03\x01\xff\xff\x01\0', '', 'no'],
    ['a request', 'GET / HTTP/1.1\r\n', '', 'no'],
    ['an answer in clear', '\x16\x03', 'HTTP/1.1 400', 'no'],
  ])('is recognised by %s', (_, ofClient, ofServer, kind) => {
    expect(tls.recognise(opening({ client: ofClient, server: ofServer }))).toMatchObject({ kind })
  })

  test('a handshake of TLS 1.3', async () => {
    const said = await handshake({ version: 'TLSv1.3', servername: 'Shop.Example', alpn: ['h2', 'http/1.1'] })
    const readings = readingsOf(tls, said)
    expect(readings).toEqual([
      {
        kind: 'detail',
        detail: 'ja4',
        value: expect.stringMatching(/^t13d\d{4}h2_[0-9a-f]{12}_[0-9a-f]{12}$/),
      },
      { kind: 'detail', detail: 'alpn', value: 'h2 http/1.1' },
      { kind: 'request', request: { kind: 'tls', sni: 'shop.example' } },
      { kind: 'detail', detail: 'protocol-version', value: 'TLS 1.3' },
      { kind: 'detail', detail: 'cipher', value: expect.stringMatching(/^TLS_(AES|CHACHA20)_/) },
      { kind: 'opaque' },
    ])
    expect(readingsOf(tls, byteByByte(said))).toEqual(readings)
  })

  test('a handshake of TLS 1.2 shows the certificate', async () => {
    const said = await handshake({ version: 'TLSv1.2' })
    const readings = readingsOf(tls, said)
    expect(readings.slice(1)).toEqual([
      { kind: 'request', request: { kind: 'tls' } },
      { kind: 'detail', detail: 'protocol-version', value: 'TLS 1.2' },
      { kind: 'detail', detail: 'cipher', value: expect.stringMatching(/^TLS_ECDHE_ECDSA_WITH_/) },
      {
        kind: 'detail',
        detail: 'certificate-names',
        value: 'shop.example *.shop.example 192.0.2.1 2001:db8::1',
      },
      { kind: 'opaque' },
    ])
    expect(readingsOf(tls, byteByByte(said))).toEqual(readings)
  })

  test('a server that asks for another hello', async () => {
    const said = await handshake({ version: 'TLSv1.3', servername: 'a.example', curve: 'P-521' })
    const readings = readingsOf(tls, said)
    expect(readings.filter(({ kind }) => kind === 'request')).toHaveLength(1)
    expect(readings.at(-1)).toEqual({ kind: 'opaque' })
    expect(readings).toContainEqual({ kind: 'detail', detail: 'protocol-version', value: 'TLS 1.3' })
  })

  test('DNS over TLS is told by its ALPN', async () => {
    const readings = readingsOf(tls, await handshake({ version: 'TLSv1.3', alpn: ['dot'] }))
    expect(readings).toContainEqual({ kind: 'refined', application: 'dot', evidence: 'ALPN "dot"' })
  })

  test('a hello cut into records of one byte', () => {
    const whole = message(1, hello(serverName('a.example')))
    const cut = Array.from(whole, byte => record(22, byte)).join('')
    expect(readingsOf(tls, [['client', cut]])).toEqual(readingsOf(tls, client(serverName('a.example'))))
  })

  test('a hidden hello is noted with the name of its front', () => {
    const readings = readingsOf(tls, client(serverName('front.example') + extension(0xfe0d, '\0')))
    expect(readings).toContainEqual({ kind: 'detail', detail: 'ech', value: 'front.example' })
  })

  test.each([
    ['a name twice', client(serverName('a') + serverName('b')), 'two server names'],
    [
      'a list of two names',
      client(extension(0, vector16(`\0${vector16('a')}\0${vector16('b')}`))),
      'two server names',
    ],
    ['an empty name', client(serverName('')), 'server name that is none'],
    ['a name with NUL', client(serverName('a\0b')), 'server name that is none'],
    ['a name of another kind', client(extension(0, vector16(`\x01${vector16('a')}`))), 'two server names'],
    [
      'bytes after the extensions',
      [['client', record(22, message(1, `${hello('')}x`))]],
      'bytes after the extensions of a hello',
    ],
    ['an extension longer than its list', client(`${u16(0)}${u16(9)}`), '9 bytes wanted, 0 left'],
    ['an empty record', [['client', record(22, '')]], 'empty handshake record'],
    ['another message first', [['client', record(22, message(16, ''))]], 'handshake without a client hello'],
    ['an alert first', [['client', record(21, '\x01\0')]], 'record before the client hello'],
    ['a huge message', [['client', record(22, '\x01\xff\xff\xff')]], 'handshake message longer than is held'],
    ['a record of no type', [['client', record(24, 'a')]], 'record that is none'],
    ['a record of no length', [['client', '\x16\x03\x01\xff\xff']], 'record longer than is allowed'],
    [
      'a second hello unasked',
      [...client(serverName('a')), ...client(serverName('b'))],
      'client hello that nobody asked for',
    ],
  ] as const)('%s is refused', (_, said, reason) => {
    expect(reasons(readingsOf(tls, said))).toEqual([reason])
    expect(reasons(readingsOf(tls, byteByByte(said)))).toEqual([reason])
  })

  test('a name that changes with the second hello is refused', async () => {
    const said = await handshake({ version: 'TLSv1.3', servername: 'a.example', curve: 'P-521' })
    const [first, retry, ...rest] = said
    const second = rest.find(([side]) => side === 'client')
    if (!first || !retry || !second) throw new Error('no second hello was asked for')
    const changed = Buffer.from(second[1]).toString('latin1').replace('a.example', 'b.example')
    const readings = readingsOf(tls, [first, retry, ['client', changed]])
    expect(reasons(readings)).toEqual(['server name changed'])
  })

  test('an alert of the server is its status', () => {
    const readings = readingsOf(tls, [...client(serverName('a')), ['server', record(21, '\x02\x28')]])
    expect(readings.slice(-2)).toEqual([
      { kind: 'detail', detail: 'status', value: 'alert 40' },
      { kind: 'opaque' },
    ])
  })

  test('what a client says encrypted is no handshake', () => {
    const said = [
      ...client(serverName('a')),
      ['client', record(20, '\x01') + record(22, '\xff\xff\xff\xff')],
    ] as const
    expect(reasons(readingsOf(tls, said))).toEqual([])
  })

  test('every mutilated hello is read or refused', async () => {
    const [first] = await handshake({ version: 'TLSv1.3', servername: 'a.example', alpn: ['h2'] })
    const bytes = first?.[1] ?? new Uint8Array()
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const changed = bytes.with(at, value)
        expect(readingsOf(tls, [['client', changed]]).every(({ kind }) => kind.length > 0)).toBe(true)
      }
    }
  })

  test('real hellos give the fingerprint that the specification works out', () => {
    const example: ClientHello = {
      version: 0x0303,
      versions: [0x3a3a, 0x0304, 0x0303],
      ciphers: hex('2a2a 1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035'),
      extensions: hex('1a1a 001b 0000 0033 0010 4469 0017 002d 000d 0005 0023 0012 002b ff01 000b 000a 0015'),
      groups: [],
      signatures: hex('0403 0804 0401 0503 0805 0501 0806 0601'),
      alpn: [bytesOf('h2')],
      sni: 'a.example',
    }
    expect(ja4(example, 't')).toBe('t13d1516h2_8daaf6152771_e5627efa2ab1')
    expect(ja4({ ...example, signatures: [] }, 'q')).toBe('q13d1516h2_8daaf6152771_6d807ffa2a79')
    const lists = { versions: [], ciphers: [], extensions: [], groups: [], signatures: [], alpn: [] }
    const bare = { version: 0x0301, ...lists }
    expect(ja4(bare, 't')).toBe('t10i000000_000000000000_000000000000')
    expect(ja4({ ...bare, version: 0xfefd, versions: [0xfefd, 0xfefc] }, 'd')).toMatch(/^dd3i/)
  })

  test.each([
    ['\xab', 'ab'],
    ['\x20', '20'],
    ['\xab\xcd', 'ad'],
    ['\x20\x61', '21'],
    ['\x30\xab', '3b'],
    ['\x61\x20', '60'],
    ['\x30\x31\xab\xcd', '3d'],
    ['\x30\xab\xcd\x31', '01'],
    ['h', 'hh'],
    ['', '00'],
    ['http/1.1', 'h1'],
  ])('ALPN %j is shown as %s', (name, shown) => {
    const alpn = extension(16, vector16(String.fromCharCode(name.length) + name))
    expect(ja4Of(readingsOf(tls, client(alpn)))?.slice(8, 10)).toBe(shown)
  })

  test('the names of certificates', () => {
    expect(certificateNames(parseCertificate(pem(CERTIFICATE)))).toEqual([
      'shop.example',
      '*.shop.example',
      '192.0.2.1',
      '2001:db8::1',
    ])
    expect(certificateNames(parseCertificate(pem(CERTIFICATE_WITHOUT_NAMES)))).toEqual(['common.example'])
  })

  test('a certificate cut anywhere is refused', () => {
    const whole = pem(CERTIFICATE)
    for (let length = 0; length < whole.length; length++) {
      expect(() => parseCertificate(whole.subarray(0, length))).toThrow('at byte')
    }
  })

  test('a hello cut anywhere is refused', () => {
    const whole = bytesOf(hello(serverName('a.example') + extension(43, '\x02\x03\x04')))
    // Without its extensions it is whole: that is how hellos were before there were any.
    const bare = bytesOf(hello('')).length - 2
    for (let length = 0; length < whole.length; length++) {
      if (length !== bare) expect(() => parseClientHello(whole.subarray(0, length), false)).toThrow('at byte')
    }
  })
})

const hex = (words: string): number[] => words.split(' ').map(word => Number.parseInt(word, 16))
