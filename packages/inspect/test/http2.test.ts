import { connect, createServer } from 'node:http2'
import { describe, expect, test } from 'vitest'
import type { Reading } from '../src/index.ts'
import { http } from '../src/protocols/http/http.ts'
import { HpackDecoder } from '../src/protocols/http2/hpack.ts'
import { byteByByte, bytesOf, readingsOf } from './conversation.ts'
import { overheard, type Speech } from './speech.ts'

/** What Node's own client and server (nghttp2) say to each other for some requests, one after the other. */
async function speech(requests: readonly Record<string, string>[]): Promise<Speech> {
  const { client: near, server: far, said } = overheard()
  const server = createServer()
  server.on('stream', stream => {
    stream.respond({ ':status': 200, server: 'node' })
    stream.end('body')
  })
  server.emit('connection', far)
  const client = connect('http://shop.example', { createConnection: () => near })
  for (const headers of requests) {
    await new Promise<void>((resolve, reject) => {
      client
        .request(headers)
        .on('error', reject)
        .on('close', resolve)
        .resume()
        .end(headers[':method'] === 'POST' ? 'data' : undefined)
    })
  }
  await new Promise<void>(resolve => client.close(resolve))
  return said
}

const requestsOf = (readings: readonly Reading[]): unknown[] =>
  readings.flatMap(reading => (reading.kind === 'request' ? [reading.request] : []))

/** One frame. */
function frame(type: number, flags: number, stream: number, payload: string): string {
  const length = String.fromCharCode(payload.length >> 16, (payload.length >> 8) & 255, payload.length & 255)
  return `${length}${String.fromCharCode(type, flags)}\0\0\0${String.fromCharCode(stream)}${payload}`
}
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const GET = '\x82\x84\x86\x41\x01h' // :method GET, :path /, :scheme http, :authority h
const HEADERS = 1
const CONTINUATION = 9
const END = 5
const reasons = (client: string): string[] =>
  readingsOf(http, [['client', PREFACE + client]]).flatMap(reading =>
    reading.kind === 'unreadable' ? [reading.reason.replace(/ at byte \d+$/, '')] : [],
  )

describe('http/2', () => {
  test('requests of a real client are read, whole or byte by byte', async () => {
    const said = await speech([
      { ':method': 'POST', ':path': '/a/%62?x=1', 'x-header': 'Über' },
      { ':method': 'GET', ':path': `/${'long/'.repeat(100)}`, 'user-agent': 'test/1' },
      { ':method': 'GET', ':path': `/${'long/'.repeat(100)}`, 'user-agent': 'test/1' },
    ])
    const readings = readingsOf(http, said)
    expect(requestsOf(readings)).toMatchObject([
      { kind: 'http', method: 'POST', path: '/a/b', host: 'shop.example', headers: { 'x-header': ['Über'] } },
      { kind: 'http', method: 'GET', path: `/${'long/'.repeat(100)}` },
      { kind: 'http', method: 'GET', path: `/${'long/'.repeat(100)}`, headers: { 'user-agent': ['test/1'] } },
    ])
    expect(readings.filter(({ kind }) => kind !== 'request')).toEqual([
      { kind: 'detail', detail: 'protocol-version', value: '2' },
      { kind: 'detail', detail: 'server-software', value: 'node' },
      { kind: 'detail', detail: 'status', value: '200' },
      { kind: 'detail', detail: 'client-software', value: 'test/1' },
      { kind: 'detail', detail: 'status', value: '200' },
      { kind: 'detail', detail: 'status', value: '200' },
    ])
    expect(readingsOf(http, byteByByte(said))).toEqual(readings)
  })

  test('a call of gRPC is told from other requests', async () => {
    const call = {
      ':method': 'POST',
      ':path': '/shop.v1.Orders/Place',
      'content-type': 'application/grpc+proto',
    }
    const etcd = { ...call, ':path': '/etcdserverpb.KV/Range' }
    const readings = readingsOf(http, await speech([call, etcd]))
    expect(readings.filter(({ kind }) => kind === 'request' || kind === 'refined')).toEqual([
      { kind: 'refined', application: 'grpc', evidence: 'service "shop.v1.Orders"' },
      {
        kind: 'request',
        request: { kind: 'grpc', service: 'shop.v1.Orders', method: 'Place', host: 'shop.example' },
      },
      { kind: 'refined', application: 'etcd', evidence: 'service "etcdserverpb.KV"' },
      {
        kind: 'request',
        request: { kind: 'grpc', service: 'etcdserverpb.KV', method: 'Range', host: 'shop.example' },
      },
    ])
  })

  test('another preface is refused', () => {
    const said = [
      ['server', frame(4, 0, 0, '')],
      ['client', 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'],
    ] as const
    expect(readingsOf(http, said).at(-1)).toMatchObject({ kind: 'unreadable' })
  })

  test('an upgrade from HTTP/1 goes on in HTTP/2', () => {
    const readings = readingsOf(http, [
      ['client', 'GET /1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n'],
      ['server', `HTTP/1.1 101 \r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n${frame(4, 0, 0, '')}`],
      ['client', PREFACE + frame(4, 0, 0, '')],
      ['server', frame(HEADERS, END, 1, '\x88')],
      ['client', frame(HEADERS, END, 3, GET)],
    ])
    expect(requestsOf(readings)).toMatchObject([{ path: '/1' }, { path: '/', host: 'h' }])
    expect(readings).toContainEqual({ kind: 'detail', detail: 'protocol-version', value: '2' })
  })

  test('headers in several frames, with padding and priority, and trailers', () => {
    const client =
      frame(HEADERS, 0x28, 1, `\x02\0\0\0\0\0${GET.slice(0, 2)}pp`) +
      frame(CONTINUATION, 0, 1, '') +
      frame(CONTINUATION, 4, 1, GET.slice(2)) +
      frame(0, 0, 1, 'data') +
      frame(HEADERS, END, 1, '\0\x01t\x01v')
    expect(requestsOf(readingsOf(http, [['client', PREFACE + client]]))).toMatchObject([
      { method: 'GET', host: 'h' },
    ])
    expect(reasons(client)).toEqual([])
  })

  test.each([
    [
      'a frame between',
      frame(HEADERS, 1, 1, GET) + frame(0, 0, 1, ''),
      'header block interrupted or continued without a beginning',
    ],
    [
      'nothing to continue',
      frame(CONTINUATION, 4, 1, GET),
      'header block interrupted or continued without a beginning',
    ],
    [
      'another stream',
      frame(HEADERS, 1, 1, GET) + frame(CONTINUATION, 4, 3, ''),
      'header block continued on another stream',
    ],
    ['no stream', frame(HEADERS, END, 0, GET), 'headers on no stream'],
    ['a stream of the server', frame(HEADERS, END, 2, GET), 'request on a stream of the server'],
    ['a push of the client', frame(5, 4, 1, `\0\0\0\x02${GET}`), 'push of a client'],
    ['a second request', frame(HEADERS, END, 1, GET).repeat(2), 'second request on a stream'],
    [
      'too much padding',
      frame(HEADERS, END | 8, 1, `\x09${GET}`.slice(0, 8)),
      'padding longer than its frame',
    ],
    ['a method twice', frame(HEADERS, END, 1, `${GET}\x83`), 'pseudo-header twice or after others'],
    ['a late method', frame(HEADERS, END, 1, '\0\x01a\x01b\x82'), 'pseudo-header twice or after others'],
    [
      'an upper-case name',
      frame(HEADERS, END, 1, `${GET}\0\x01A\x01b`),
      'character that no header name may have',
    ],
    ['a line feed', frame(HEADERS, END, 1, `${GET}\0\x01a\x01\n`), 'control character in a header'],
    [
      'a coding',
      frame(HEADERS, END, 1, `${GET}\0\x11transfer-encoding\x07chunked`),
      'transfer-encoding in HTTP/2',
    ],
    ['two hosts', frame(HEADERS, END, 1, `${GET}\0\x04host\x01x`), 'hosts that differ'],
    ['no path', frame(HEADERS, END, 1, '\x82\x86'), 'request without a path'],
    ['no method', frame(HEADERS, END, 1, '\x84\x86'), 'request without a method'],
    ['a path that climbs', frame(HEADERS, END, 1, '\x82\x04\x05/../a'), 'dot segment in a path'],
    ['an index of nothing', frame(HEADERS, END, 1, '\xff\x7f'), 'index outside the header tables'],
    ['an endless integer', frame(HEADERS, END, 1, '\xff\xff\xff\xff\xff\xff'), 'integer of HPACK too large'],
    ['a string too long', frame(HEADERS, END, 1, '\0\x05a'), 'string of HPACK beyond its block'],
    ['a block cut short', frame(HEADERS, END, 1, '\0'), 'header block cut short'],
    ['a huge table', frame(HEADERS, END, 1, '\x3f\xe1\xff\x7f'), 'header table larger than is held'],
    ['a late table size', frame(HEADERS, END, 1, `${GET}\x20`), 'table size after a header'],
    [
      'a flood of continuations',
      frame(HEADERS, 1, 1, GET) + frame(CONTINUATION, 0, 1, '').repeat(8_000),
      'header block longer than is held',
    ],
    [
      'a bomb',
      frame(HEADERS, END, 1, `\x40\x01a\x7e${'b'.repeat(126)}${'\xbe'.repeat(1_000)}`),
      'headers longer than are read',
    ],
    ['rapid resets', frame(3, 0, 1, '\0\0\0\0').repeat(1_001), 'streams reset faster than answered'],
    ['a huge frame', `\xff\xff\xff\x01\x04\0\0\0\x01`, 'header frame longer than is held'],
  ])('%s is refused', (_, client, reason) => {
    expect(reasons(client)).toEqual([reason])
  })
})

describe('hpack', () => {
  const hex = (text: string): Uint8Array =>
    bytesOf(Buffer.from(text.replaceAll(' ', ''), 'hex').toString('latin1'))

  test('requests with Huffman code of RFC 7541 appendix C.4, which build on each other', () => {
    const decoder = new HpackDecoder()
    expect(decoder.decode(hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff')).at(-1)).toEqual([
      ':authority',
      'www.example.com',
    ])
    expect(decoder.decode(hex('8286 84be 5886 a8eb 1064 9cbf'))).toEqual([
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'www.example.com'],
      ['cache-control', 'no-cache'],
    ])
    expect(
      decoder.decode(hex('8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf')).slice(-2),
    ).toEqual([
      [':authority', 'www.example.com'],
      ['custom-key', 'custom-value'],
    ])
  })

  test('an entry larger than the table empties it', () => {
    const decoder = new HpackDecoder()
    decoder.decode(bytesOf(`\x3f\x03\x40\x01a\x01b`))
    expect(decoder.decode(hex('be'))).toEqual([['a', 'b']])
    decoder.decode(bytesOf('\x20'))
    expect(() => decoder.decode(hex('be'))).toThrow('index outside the header tables')
  })

  test.each([
    ['eight bits of padding', 'ffff'],
    ['padding that is not the end of string', '00'],
    ['the end of string', 'ffffffff'],
  ])('%s is refused', (_, code) => {
    const length = (0x80 + code.length / 2).toString(16)
    expect(() => new HpackDecoder().decode(hex(`0001 61 ${length} ${code}`))).toThrow('HPACK')
  })
})
