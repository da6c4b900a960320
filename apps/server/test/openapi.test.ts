import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { routes } from '@sekisho/control'
import { VERSION } from '@sekisho/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Client, startTestServer, type TestServer } from './harness.ts'

const consoleDirectory = mkdtempSync(join(tmpdir(), 'sekisho-console-'))
mkdirSync(join(consoleDirectory, 'assets'))
const files = {
  'index.html': '<!doctype html><title>console</title>',
  'assets/index-AbCd1234.js': `${'console.log(1);'.repeat(200)}`,
  'assets/precompressed-AbCd1234.css': 'body{}'.repeat(400),
  'assets/precompressed-AbCd1234.css.gz': gzipSync('body{}'.repeat(400)),
  'icon.svg': '<svg/>',
}
for (const [name, content] of Object.entries(files)) writeFileSync(join(consoleDirectory, name), content)

let server: TestServer
let client: Client
beforeAll(async () => {
  server = await startTestServer({ console: consoleDirectory })
  client = await server.login()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(consoleDirectory, { recursive: true })
})

interface Operation {
  readonly summary?: string
  readonly security?: readonly object[]
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly schema: object
  }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> }
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string
        readonly content?: Readonly<Record<string, { readonly schema: object }>>
      }
    >
  >
}
interface Document {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}
const fetchDocument = async () => (await (await fetch(`${server.url}/openapi.json`)).json()) as Document

describe('the OpenAPI document', () => {
  test('covers every route of the table and nothing else', async () => {
    const { openapi, info, paths } = await fetchDocument()
    expect([openapi, info.version]).toEqual(['3.1.0', VERSION])
    const documented = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map(method => `${method} ${path}`),
    )
    const table = Object.values(routes).map(({ method, path }) => `${method} /api/v1${path}`)
    expect(documented.toSorted()).toEqual(table.toSorted())
  })

  test('every operation says what it does, what it takes and what it answers', async () => {
    const { paths } = await fetchDocument()
    for (const [path, item] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(item)) {
        const at = `${method} ${path}`
        expect(operation.summary?.length, at).toBeGreaterThan(5)
        const named = [...path.matchAll(/\{(\w+)\}/g)].map(match => match[1] ?? '')
        const declared = (operation.parameters ?? []).filter(each => each.in === 'path')
        expect(declared.map(each => each.name).toSorted(), at).toEqual(named.toSorted())
        expect(
          declared.every(each => each.required === true),
          at,
        ).toBe(true)
        const statuses = Object.keys(operation.responses)
        expect(
          statuses.some(status => status.startsWith('2')),
          at,
        ).toBe(true)
        expect(operation.responses.default?.content, at).toHaveProperty(['application/problem+json'])
        for (const [status, { description, content }] of Object.entries(operation.responses)) {
          expect(description.length, `${at} ${status}`).toBeGreaterThan(5)
          for (const { schema } of Object.values(content ?? {}))
            expect(Object.keys(schema).length, at).toBeGreaterThan(0)
        }
      }
    }
  })

  test('only the logins are open', async () => {
    const { paths } = await fetchDocument()
    const open = Object.entries(paths).flatMap(([path, item]) =>
      Object.values(item).some(operation => operation.security?.length === 0) ? [path] : [],
    )
    expect(open.toSorted()).toEqual(['/api/v1/login/link', '/api/v1/login/password'])
  })

  test.each(Object.entries(routes).filter(([, { path }]) => !path.startsWith('/login')))(
    'the server has the route %s and asks for a login',
    async (_name, { method, path }) => {
      const url = `${server.url}/api/v1${path.replaceAll(/\{\w+\}/g, 'x')}`
      expect((await fetch(url, { method: method.toUpperCase() })).status).toBe(401)
    },
  )
})

describe('every reading route answers in its schema, also when there is nothing to show', () => {
  const reading = Object.entries(routes).filter(
    ([name, { method, path }]) => method === 'get' && !path.includes('{') && name !== 'stream',
  )
  test.each(reading)('%s', async (_name, { path, responses }) => {
    const body = await client.get(path.slice(1))
    const schema = (
      responses as unknown as {
        200: { content: { 'application/json': { schema: { parse(json: unknown): unknown } } } }
      }
    )[200]
    expect(schema.content['application/json'].schema.parse(body)).toEqual(body)
  })

  test.each([
    'flows?limit=0',
    'flows?limit=1001',
    'flows?cursor=nonsense',
    'flows?window=1y',
    'flows?since=yesterday',
    'flows?filter=colour:red',
    'events?cursor=-1',
    'audit?cursor=x',
    'changes?cursor=1.2.3',
  ])('%s is a bad request', async path => {
    const response = await client.call('GET', path)
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
  })
})

describe('machines', () => {
  const text = async (path: string) => (await fetch(server.url + path)).text()
  test('ask whether it lives and is ready', async () => {
    expect(await text('/livez')).toBe('ok')
    expect(await text('/readyz')).toBe('ok')
    expect(await text('/readyz?verbose')).toBe('[+]store ok\n[+]model ok\n')
    expect(await text('/version')).toBe(`{"version":"${VERSION}"}`)
  })
  test('scrape metrics in the text format, without names of workloads', async () => {
    const metrics = await text('/metrics')
    for (const line of metrics.trimEnd().split('\n')) {
      expect(line).toMatch(
        /^(?:# (?:HELP|TYPE) sekisho_\w+ .+|sekisho_\w+(?:\{\w+="[\w.+-]+"\})? \d+(?:\.\d+)?)$/,
      )
    }
    for (const name of [
      'flows_total{outcome="denied"}',
      'agents_connected',
      'ingest_batches_total',
      'policies{mode="Enforce"}',
      'build_info',
    ]) {
      expect(metrics).toContain(`\nsekisho_${name}`)
    }
  })
})

describe('the console', () => {
  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(server.url + path, { headers })

  test.each([
    ['/', 'text/html; charset=utf-8', 'no-cache'],
    ['/policies/anything', 'text/html; charset=utf-8', 'no-cache'],
    ['/assets/index-AbCd1234.js', 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable'],
    ['/icon.svg', 'image/svg+xml', 'no-cache'],
  ])('%s is %s, %s', async (path, type, caching) => {
    const response = await get(path)
    expect([
      response.status,
      response.headers.get('content-type'),
      response.headers.get('cache-control'),
    ]).toEqual([200, type, caching])
  })

  test('a navigation gets the page although the policy’s name ends like a file', async () => {
    const response = await get('/policies/SecurityPolicy/shop/allow.example', { accept: 'text/html,*/*' })
    expect(response.status).toBe(200)
  })

  test('is compressed for those who ask, and not sent again to those who have it', async () => {
    for (const path of ['/assets/index-AbCd1234.js', '/assets/precompressed-AbCd1234.css']) {
      const packed = await get(path, { 'accept-encoding': 'gzip' })
      expect(packed.headers.get('content-encoding')).toBe('gzip')
      expect((await packed.text()).length).toBeGreaterThan(2_000)
    }
    const etag = (await get('/')).headers.get('etag') ?? ''
    expect((await get('/', { 'if-none-match': etag })).status).toBe(304)
  })

  test.each([
    '/missing.js',
    '/assets/../../etc/passwd',
    '/..%2f..%2fetc%2fpasswd.txt',
    '/assets/index-AbCd1234.js.gz',
    '/api/nothing',
  ])('%s is not found', async path => {
    const response = await get(path)
    expect([response.status, response.headers.get('content-type')]).not.toEqual([
      200,
      'text/plain; charset=utf-8',
    ])
    expect(await response.text()).not.toContain('root:')
  })

  test('every answer carries the headers that keep a browser safe', async () => {
    for (const path of ['/', '/api/v1/flows', '/livez', '/missing.js']) {
      const { headers } = await get(path)
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("script-src 'self';")
      expect(policy).toContain("frame-ancestors 'none'")
      expect([headers.get('x-content-type-options'), headers.get('referrer-policy')]).toEqual([
        'nosniff',
        'no-referrer',
      ])
      expect(headers.get('access-control-allow-origin')).toBeNull()
    }
  })
})
