import type { L7Request } from '@sekisho/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Side } from '../src/protocol.ts'
import { http } from '../src/protocols/http/http.ts'
import { HttpRequest } from '../src/protocols/http/request.ts'
import type { Reading } from '../src/reading.ts'
import { byteByByte, bytesOf, opening, readingsOf } from './conversation.ts'

const plain = (reading: Reading): unknown =>
  reading.kind === 'request' && reading.request instanceof HttpRequest
    ? { kind: 'request', request: withHeaders(reading.request) }
    : reading
const withHeaders = ({ kind, method, path, query, host, headers }: HttpRequest) => ({
  kind,
  method,
  path,
  query,
  host,
  headers: { ...headers },
})
/** The same of who does not ask for headers. */
const headless = (reading: Reading): unknown =>
  reading.kind === 'request' && reading.request instanceof HttpRequest
    ? { kind: 'request', request: Object.entries(reading.request) }
    : reading
/** What is seen of each reading when it is told. */
function seen(said: readonly (readonly [Side, string])[], see: (reading: Reading) => unknown): unknown[] {
  const reader = http.open?.('TCP')
  return said.flatMap(([side, text]) => (reader?.read(side, bytesOf(text)) ?? []).map(see))
}
const GET = 'GET /shop/items?id=1 HTTP/1.1\r\nHost: Shop.Example:8080\r\nAccept: */*\r\n\r\n'
/** What a server would do, of a conversation: method, path and host, or why it cannot be told. */
const asked = (readings: readonly Reading[]): string[] =>
  readings.flatMap(reading =>
    reading.kind === 'request' && reading.request.kind === 'http'
      ? [`${reading.request.method} ${reading.request.path} ${reading.request.host}`]
      : reading.kind === 'unreadable'
        ? [reading.reason.replace(/ at byte \d+$/, '')]
        : reading.kind === 'becomes'
          ? [`becomes ${reading.application ?? 'unknown'}`]
          : [],
  )
const get = (head: string): string => `GET / HTTP/1.1\r\n${head}\r\n\r\n`

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
/** Heads that are alike but for a byte, have a body, tell of an application or are none. */
const REPEATED = [
  get('Host: a'),
  get('Host: b'),
  get('Host: a\r\nX-Request-Id: 1'),
  get('Host: a\r\nX-Request-Id: 22'),
  get('Host: a\r\nX-Request-Id: 22\r\nX: 1'),
  get('Host: a\r\nX-Request-Id: 1\r\nX: 22'),
  get('Host: a\r\nContent-Length: 1'),
  get('X-Request-Id: 1\r\nHost: a'),
  get('Host: a\r\nX-Request-Id : 1'),
  get('Host: a\r\n X-Request-Id: 1'),
  get('Host: a\r\nHost: a'),
  get('Host: a\r\nConnection: close'),
  'GET / HTTP/1.0\r\nHost: a\r\n\r\n',
  `\r\n${get('Host: a')}`,
  get('Content-Length: 1'),
  get('Transfer-Encoding: chunked'),
  get('User-Agent: kubectl/v1'),
  'GET /_cat/indices HTTP/1.1\r\n\r\n',
  'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
  `${get('Host: a')}${get('Host: a')}`,
  `${get('Host: a')}GET`,
  get(`X: ${'x'.repeat(1_024)}`),
]

describe('http', () => {
  test.each([
    ['a request', GET, '', 'certain'],
    ['an answer alone', '', 'HTTP/1.0 200 OK\r\n', 'certain'],
    ['a preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '', 'certain'],
    ['settings of an HTTP/2 server', '', '\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x80', 'likely'],
    ['the beginning of a method', 'GE', '', 'more'],
    ['the beginning of a preface', 'PRI * HT', '', 'more'],
    ['a target without an end', `GET /${'a'.repeat(200)}`, '', 'more'],
    ['another protocol of the same shape', 'OPTIONS rtsp://camera/1 RTSP/1.0\r\n', '', 'no'],
    ['a call', 'INVITE sip:bob@example.com SIP/2.0\r\n', '', 'no'],
    ['a request without a version', 'GET /index.html\r\n', '', 'likely'],
    ['a request without a version and a bare answer', 'GET /index.html\r\n', '<html>\n', 'likely'],
    ['a request without a target', 'GET HTTP/1.1\r\n', '', 'certain'],
    ['a request whose parts stick together', 'GET/HTTP/1.1\n', '', 'certain'],
    ['an answer of whoever spoke first', 'HTTP/1.1 200 OK\r\n', '', 'likely'],
    ['a command of mail', 'EHLO mail.example\r\n', '', 'no'],
    ['a greeting', '', 'SSH-2.0-x', 'no'],
    ['an answer of another protocol', GET, 'SSH-2.0-x', 'no'],
  ])('is recognised by %s', (_, client, server, kind) => {
    expect(http.recognise(opening({ client, server }))).toMatchObject({ kind })
  })

  test('a request and its answer', () => {
    const said = [
      ['client', GET],
      ['server', 'HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 2\r\n\r\nhi'],
    ] as const
    const expected = [
      { kind: 'detail', detail: 'protocol-version', value: '1.1' },
      {
        kind: 'request',
        request: {
          kind: 'http',
          method: 'GET',
          path: '/shop/items',
          query: 'id=1',
          host: 'shop.example',
          headers: { host: ['Shop.Example:8080'], accept: ['*/*'] },
        },
      },
      { kind: 'detail', detail: 'server-software', value: 'nginx' },
      { kind: 'detail', detail: 'status', value: '200' },
    ]
    expect(readingsOf(http, said).map(plain)).toEqual(expected)
    expect(readingsOf(http, byteByByte(said)).map(plain)).toEqual(expected)
  })

  const POST = 'POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /'
  const CHUNKED =
    'POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=y\r\nGET /\r\n0\r\nTrailer: 1\r\n\r\n'
  test.each([
    ['requests in advance', GET + GET, ['GET /shop/items shop.example', 'GET /shop/items shop.example']],
    ['a body is not a request', POST + GET, ['POST /a h', 'GET /shop/items shop.example']],
    ['nor are chunks', CHUNKED + GET, ['POST /b h', 'GET /shop/items shop.example']],
    ['an empty line before a request', `\r\n${GET}`, ['GET /shop/items shop.example']],
    ['a target with a host', 'GET http://A.example/x HTTP/1.0\r\n\r\n', ['GET /x a.example']],
    ['the server as a whole', 'OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n', ['OPTIONS * h']],
    ['no header at all', 'GET /x HTTP/1.0\r\n\r\n', ['GET /x ']],
    ['a host of IPv6', get('Host: [::1]:80'), ['GET / ::1']],
    [
      'the same length twice',
      `POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx${GET}`,
      ['POST / ', 'GET /shop/items shop.example'],
    ],
    ['a method in lower case is the method', 'delete / HTTP/1.0\r\n\r\n', ['DELETE / ']],
  ])('%s', (_, client, expected) => {
    expect(asked(readingsOf(http, [['client', client]]))).toEqual(expected)
    expect(asked(readingsOf(http, byteByByte([['client', client]])))).toEqual(expected)
  })

  test.each([
    ['/a/b', '/a/b'],
    ['/%61%62', '/ab'],
    ['/a%2Fb', '/a/b'],
    ['//a///b', '/a/b'],
    ['/a;v=1/b', '/a;v=1/b'],
    ['/caf%C3%A9', '/café'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a..b', '/a..b'],
    ['/?q=../..', '/'],
  ])('path %s is %s', (target, path) => {
    expect(asked(readingsOf(http, [['client', `GET ${target} HTTP/1.0\r\n\r\n`]]))).toEqual([`GET ${path} `])
  })

  test.each([
    ['/a', ''],
    ['/a?', ''],
    ['/a?b=1&c=/../?', 'b=1&c=/../?'],
    ['/a?%61=%2f%26%zz', 'a=%2F%26%zz'],
  ])('the query of %s is %j', (target, query) => {
    const readings = readingsOf(http, [['client', `GET ${target} HTTP/1.0\r\n\r\n`]])
    expect(readings.at(-1)).toMatchObject({ request: { query } })
  })

  test.each([
    ['/a/../b', 'dot segment in a path'],
    ['/a/./b', 'dot segment in a path'],
    ['/a/..', 'dot segment in a path'],
    ['/a/%2e%2E/b', 'dot segment in a path'],
    ['/a/..%2fb', 'dot segment in a path'],
    ['/a/..;x/b', 'dot segment in a path'],
    ['/a\\b', 'backslash or control character in a path'],
    ['/a%5cb', 'backslash or control character in a path'],
    ['/a%00', 'backslash or control character in a path'],
    ['/%252e%252e/', 'path is escaped twice'],
    ['/%zz', 'escape that is none in a path'],
    ['/%', 'escape that is none in a path'],
    ['/%c0%ae', 'path is not UTF-8'],
    ['/a#b', 'fragment in a request target'],
    ['a', 'request target of no known form'],
  ])('path %s is refused: %s', (target, reason) => {
    expect(asked(readingsOf(http, [['client', `GET ${target} HTTP/1.1\r\n\r\n`]]))).toEqual([reason])
  })

  test.each([
    [
      'length and chunks',
      get('Content-Length: 1\r\nTransfer-Encoding: chunked'),
      'both content-length and transfer-encoding',
    ],
    [
      'chunks and length',
      get('Transfer-Encoding: chunked\r\nContent-Length: 1'),
      'both content-length and transfer-encoding',
    ],
    ['two lengths', get('Content-Length: 1\r\nContent-Length: 2'), 'more than one content-length'],
    ['a list of lengths', get('Content-Length: 1, 1'), 'content-length that is none'],
    ['a signed length', get('Content-Length: +1'), 'content-length that is none'],
    ['a length in hex', get('Content-Length: 0x1'), 'content-length that is none'],
    ['an endless length', get('Content-Length: 9999999999999999'), 'content-length that is none'],
    ['an unknown coding', get('Transfer-Encoding: xchunked'), 'transfer-encoding that is not chunked'],
    ['a hidden coding', get('Transfer-Encoding: \x0bchunked'), 'control character in a header'],
    [
      'two codings',
      get('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity'),
      'more than one transfer-encoding',
    ],
    [
      'chunks in HTTP/1.0',
      'GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
      'transfer-encoding in HTTP/1.0',
    ],
    ['a blank before the colon', get('Content-Length : 1'), 'blank before the colon of a header'],
    ['a folded line', get('A: b\r\n c'), 'folded header line'],
    ['a line feed alone', get('A: b\nContent-Length: 5'), 'bare line feed'],
    ['only line feeds', 'GET / HTTP/1.1\nHost: h\n\n', 'bare line feed'],
    ['a carriage return alone', get('A: b\rContent-Length: 5'), 'bare carriage return'],
    ['NUL', get('A: b\0c'), 'control character in a header'],
    ['a line without a colon', get('Abc'), 'header line without a colon'],
    ['a line without a name', get(': a'), 'header without a name'],
    ['two hosts', get('Host: a\r\nHost: b'), 'more than one host'],
    ['a host that hides another', get('Host: a@b'), 'host that is none'],
    [
      'host and target differ',
      'GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n',
      'host differs from the request target',
    ],
    ['two blanks', 'GET  / HTTP/1.1\r\n\r\n', 'not HTTP/1'],
    ['HTTP/0.9', 'GET /\r\n\r\n', 'start line that is none'],
    ['HTTP/3 in clear', 'GET / HTTP/3.0\r\n\r\n', 'not HTTP/1'],
    ['no method', ' / HTTP/1.1\r\n\r\n', 'request without a method'],
    [
      'many headers',
      get(Array.from({ length: 300 }, () => 'A: b').join('\r\n')),
      'more header fields than are read',
    ],
    ['a head without an end', `GET / HTTP/1.1\r\nA: ${'a'.repeat(70_000)}`, 'head longer than is held'],
  ])('%s is refused', (_, client, reason) => {
    expect(asked(readingsOf(http, [['client', client]]))).toEqual([reason])
  })

  test.each([
    ['no size', '\r\n', 'chunk size that is none'],
    ['a negative size', '-1\r\n', 'chunk size that is none'],
    ['a size in hex with its sign', '0x1\r\n', 'chunk size that is none'],
    ['a line feed alone', '1\na\r\n', 'chunk size that is none'],
    ['a size line without an end', `1;${'a'.repeat(300)}`, 'chunk size without an end'],
    ['data longer than its size', '1\r\nab\r\n', 'chunk without an end'],
    ['a folded trailer', '0\r\n a\r\n\r\n', 'folded header line'],
  ])('chunks with %s are refused', (_, chunks, reason) => {
    const client = `POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`
    expect(asked(readingsOf(http, [['client', client]]))).toEqual(['POST / h', reason])
    expect(asked(readingsOf(http, byteByByte([['client', client]])))).toEqual(['POST / h', reason])
  })

  const statuses = (readings: readonly Reading[]): string[] =>
    readings.flatMap(reading =>
      reading.kind === 'detail' && reading.detail === 'status' ? [reading.value] : [],
    )
  test.each([
    [
      'HEAD has no body',
      'HEAD / HTTP/1.1\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n',
      ['200', '404'],
    ],
    ['204 has none', 'GET / HTTP/1.1\r\n\r\n', 'HTTP/1.1 204 \r\n\r\n', ['204', '404']],
    ['304 has none', 'GET / HTTP/1.1\r\n\r\n', 'HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n', ['304', '404']],
    [
      '100 is not the answer',
      'HEAD / HTTP/1.1\r\n\r\n',
      'HTTP/1.1 100 \r\n\r\nHTTP/1.1 200\r\nContent-Length: 9\r\n\r\n',
      ['100', '200', '404'],
    ],
    [
      'chunks',
      'GET / HTTP/1.1\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
      ['200', '404'],
    ],
    ['to the end of the connection', 'GET / HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n', ['200']],
  ])('an answer is framed by its request: %s', (_, client, server, expected) => {
    const next = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'
    const said = [
      ['client', client + GET],
      ['server', server + next],
    ] as const
    expect(statuses(readingsOf(http, said))).toEqual(expected)
    expect(statuses(readingsOf(http, byteByByte(said)))).toEqual(expected)
  })

  const UPGRADE =
    'GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n'
  const AGREED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n'
  test.each([
    ['to a web socket', UPGRADE, AGREED, ['GET /ws h', 'becomes websocket']],
    ['to something else', UPGRADE, AGREED.replace('WebSocket', 'SPDY/3.1'), ['GET /ws h', 'becomes unknown']],
    [
      'by a tunnel',
      'CONNECT a:443 HTTP/1.1\r\n\r\n',
      'HTTP/1.1 200 OK\r\n\r\n',
      ['CONNECT  a', 'becomes unknown'],
    ],
    [
      'not by a tunnel that is refused',
      'CONNECT a:443 HTTP/1.1\r\n\r\n',
      'HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n',
      ['CONNECT  a'],
    ],
    ['not when declined', UPGRADE, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ['GET /ws h']],
    ['not unasked', GET, AGREED, ['GET /shop/items shop.example', 'change of protocol nobody asked for']],
    [
      'not with requests in advance',
      UPGRADE + GET,
      AGREED,
      ['GET /ws h', 'GET /shop/items shop.example', 'requests before a change of protocol was agreed to'],
    ],
    [
      'not with half a request in advance',
      `${UPGRADE}GE`,
      AGREED,
      ['GET /ws h', 'requests before a change of protocol was agreed to'],
    ],
  ])('the protocol changes %s', (_, client, server, expected) => {
    const said = [
      ['client', client],
      ['server', server],
    ] as const
    expect(asked(readingsOf(http, said))).toEqual(expected)
    expect(asked(readingsOf(http, byteByByte(said)))).toEqual(expected)
  })

  test('what the server says after a change of protocol is handed on', () => {
    expect(
      readingsOf(http, [
        ['client', UPGRADE],
        ['server', `${AGREED}\x81\x02hi`],
      ]).at(-1),
    ).toEqual({
      kind: 'becomes',
      application: 'websocket',
      rest: Uint8Array.of(0x81, 0x02, 0x68, 0x69),
    })
  })

  test('a server that is never heard does not stop the requests from being read', () => {
    const readings = readingsOf(http, [['client', GET.repeat(500)]])
    expect(readings.filter(({ kind }) => kind === 'request')).toHaveLength(500)
  })

  test('a request that is made again is told again, as if it had come in pieces', () => {
    const part = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...REPEATED) }, fc.constant('x'))
    const conversation = fc.array(fc.tuple(fc.constantFrom('client', 'client', 'server'), part), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(conversation, said => {
        const spoken = said.map(([side, text]) => [side, side === 'client' ? text : OK] as const)
        const inPieces = readingsOf(http, byteByByte(spoken))
        expect(seen(spoken, plain)).toEqual(inPieces.map(plain))
        expect(seen(spoken, headless)).toEqual(inPieces.map(headless))
      }),
      { numRuns: 300 },
    )
  })

  /** Which of the requests were told as which object, by their first one. */
  const objects = (
    said: readonly string[],
    see: (request: L7Request) => void = () => undefined,
  ): number[] => {
    const requests: L7Request[] = []
    seen(
      said.map(text => ['client', text]),
      reading => {
        if (reading.kind === 'request') see(requests[requests.push(reading.request) - 1] ?? reading.request)
      },
    )
    return requests.map(request => requests.indexOf(request))
  }

  test('the same object is told again for the same bytes', () => {
    const said = [GET, GET, `${GET}${GET}`, GET, GET.replace('id=1', 'id=2'), GET]
    expect(objects(said)).toEqual([0, 0, 2, 3, 4, 5, 6])
  })

  const numbered = (n: number): string => GET.replace('Accept: */*', `X-Request-Id: ${n}`)
  const tagged = (first: number, second: number): string =>
    GET.replace('Host', `X-A: ${first}\r\nHost`).replace('Accept: */*', `X-B: ${second}`)
  test.each([
    ['another field', [numbered(1), numbered(2), GET, numbered(1)], [0, 0, 0, 0]],
    ['a field more', [GET, GET.replace('Accept', 'X: 1\r\nAccept')], [0, 1]],
    ['a longer value', [numbered(9), numbered(10), numbered(9)], [0, 0, 0]],
    ['two other values', [tagged(1, 2), tagged(13, 4), tagged(1, 4)], [0, 0, 0]],
    ['another order', [GET, GET.replace(/(Host.*\r\n)(Accept.*\r\n)/, '$2$1')], [0, 1]],
    ['a length in place of a field', [GET, GET.replace('Accept: */*', 'Content-Length: 0')], [0, 1]],
    ['another host', [GET, GET.replace('8080', '8081'), GET], [0, 1, 2]],
    ['a body', [GET, `${GET.replace('Accept: */*', 'Content-Length: 1')}x`, GET], [0, 1, 2]],
    ['another agent', [GET, GET.replace('Accept', 'User-Agent')], [0, 1]],
    ['one behind it', [GET, `${numbered(1)}${GET}`], [0, 1, 2]],
  ])('%s', (_name, said, expected) => expect(objects(said)).toEqual(expected))

  test('who asks for headers is told of each request by its own', () => {
    const said = [GET, numbered(1), numbered(2), numbered(2)]
    const ids: unknown[] = []
    const see = (request: L7Request) =>
      ids.push(request.kind === 'http' && request.headers['x-request-id']?.[0])
    expect(objects(said, see)).toEqual([0, 1, 2, 2])
    expect(ids).toEqual([undefined, '1', '2', '2'])
  })

  test('who asks for headers from some request on is told of that one', () => {
    const ids: unknown[] = []
    objects([numbered(1), numbered(2), numbered(3)], request => {
      ids.push(request.kind === 'http' && ids.length > 0 && request.headers['x-request-id']?.[0])
    })
    expect(ids).toEqual([false, '2', '3'])
  })

  test('what a rule said to the headers of one request is not taken for what it says to those of an earlier one', () => {
    let seen = 0
    const see = (request: L7Request) => seen++ === 1 && request.kind === 'http' && request.headers
    expect(objects([numbered(1), numbered(2), numbered(1)], see)).toEqual([0, 0, 2])
  })

  test.each([
    ['docker', 'GET /v1.47/containers/json HTTP/1.1\r\nHost: docker\r\n\r\n', ''],
    ['docker', 'GET /_ping HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 OK\r\nServer: Docker/27.0 (linux)\r\n\r\n'],
    ['kubernetes', 'GET /api/v1/namespaces/shop/pods HTTP/1.1\r\n\r\n', ''],
    ['kubernetes', 'GET /apis/apps/v1/deployments HTTP/1.1\r\n\r\n', ''],
    ['etcd', 'POST /v3/kv/range HTTP/1.1\r\n\r\n', ''],
    ['consul', 'GET /v1/catalog/services HTTP/1.1\r\n\r\n', ''],
    ['consul', 'GET /v1/kv/a HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 OK\r\nX-Consul-Index: 9\r\n\r\n'],
    ['elasticsearch', 'POST /logs/_search HTTP/1.1\r\n\r\n', ''],
    [
      'elasticsearch',
      'GET / HTTP/1.1\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX-elastic-product: Elasticsearch\r\n\r\n',
    ],
    ['clickhouse', 'POST /?query=select HTTP/1.1\r\nX-ClickHouse-User: a\r\n\r\n', ''],
    ['clickhouse', 'POST / HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 OK\r\nX-ClickHouse-Summary: {}\r\n\r\n'],
    ['doh', 'POST /resolve HTTP/1.1\r\nContent-Type: application/dns-message\r\n\r\n', ''],
    ['nothing', 'GET /api/v1/orders HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n'],
    ['nothing', 'GET /v1/secret/data HTTP/1.1\r\n\r\n', ''],
  ])('%s is told by %j', (application, client, server) => {
    const found = readingsOf(http, [
      ['client', client],
      ['server', server],
    ]).flatMap(reading => (reading.kind === 'refined' ? [reading.application] : []))
    expect(found).toEqual(application === 'nothing' ? [] : [application])
  })
})
