import { request } from 'node:http'
import type { AuditView, ProblemJson, Session, TokenCreated, TokenView } from '@sekisho/control'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, startTestServer, type TestServer } from './harness.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const PASSWORD = 'a barrier on the old road'
const codeOf = async (response: Response) => ((await response.json()) as ProblemJson).code
const refused = async (response: Response) => [response.status, await codeOf(response)]

describe('the one-time link', () => {
  test('logs in once, then never again', async () => {
    const token = server.link()
    const session = await createClient(server.url).login(token)
    expect(session).toMatchObject({ user: 'admin', mustSetPassword: true, lab: true })
    const again = await createClient(server.url).call('POST', 'login/link', { token })
    expect(await refused(again)).toEqual([401, 'link-used'])
  })

  test('is worth nothing after fifteen minutes', async () => {
    const token = server.link()
    server.time.advance(15 * 60_000 + 1)
    expect(await refused(await createClient(server.url).call('POST', 'login/link', { token }))).toEqual([
      401,
      'link-used',
    ])
  })

  test('of two that use it at the same time one gets in', async () => {
    const token = server.link()
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => createClient(server.url).call('POST', 'login/link', { token })),
    )
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401, 401, 401, 401])
  })
})

describe('the session', () => {
  test('its cookie is out of reach of scripts and other sites', async () => {
    const response = await createClient(server.url).call('POST', 'login/link', { token: server.link() })
    const cookie = response.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/; Path=\//)
    expect(cookie).toMatch(/; HttpOnly/)
    expect(cookie).toMatch(/; SameSite=Strict/)
  })

  test('ends after twelve hours, and at logout', async () => {
    const client = await server.login()
    expect((await client.call('GET', 'session')).status).toBe(200)
    expect((await client.call('POST', 'logout')).status).toBe(204)
    expect(await refused(await client.call('GET', 'session'))).toEqual([401, 'unauthenticated'])
    const later = await server.login()
    server.time.advance(12 * 3_600_000 + 1)
    expect(await refused(await later.call('GET', 'session'))).toEqual([401, 'unauthenticated'])
  })

  test('survives a restart of the server', async () => {
    const client = await server.login()
    server = await server.restart()
    const response = await fetch(`${server.url}/api/v1/session`, { headers: { cookie: client.cookie } })
    expect(response.status).toBe(200)
  })

  test.each([
    ['overview of nobody', 'GET', 'flows'],
    ['a route that does not exist', 'GET', 'nothing-here'],
    ['a change', 'POST', 'policies/apply'],
    ['the live stream', 'GET', 'stream'],
  ])('without one: %s is refused', async (_name, method, path) => {
    expect(await refused(await createClient(server.url).call(method, path))).toEqual([401, 'unauthenticated'])
  })
})

describe('a request that changes something', () => {
  const tokenRequest = { name: 'ci', expiresInDays: 1 }
  test.each<[string, Readonly<Record<string, string>>]>([
    ['without the CSRF token', { 'x-csrf-token': '' }],
    ['with the CSRF token of another session', { 'x-csrf-token': 'A'.repeat(43) }],
    ['from another site', { origin: 'https://evil.example' }],
    ['from a page without an origin', { origin: 'null' }],
    ['that the browser calls cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['from another port of this host', { origin: 'http://127.0.0.1:1' }],
  ])('%s is refused', async (_name, headers) => {
    const client = await server.login()
    expect(await refused(await client.call('POST', 'tokens', tokenRequest, headers))).toEqual([403, 'csrf'])
    expect(await client.get('audit?limit=1')).toMatchObject({ items: [{ action: 'login.link' }] })
  })

  test('from our own page is done', async () => {
    const client = await server.login()
    const headers = { origin: server.url, 'sec-fetch-site': 'same-origin' }
    expect((await client.call('POST', 'tokens', tokenRequest, headers)).status).toBe(201)
  })

  test('a login from another site is refused too', async () => {
    const headers = { origin: 'https://evil.example' }
    const response = await createClient(server.url).call(
      'POST',
      'login/link',
      { token: server.link() },
      headers,
    )
    expect(await refused(response)).toEqual([403, 'csrf'])
  })

  test('a form, which needs no preflight, is not JSON', async () => {
    const client = await server.login()
    const response = await fetch(`${server.url}/api/v1/tokens`, {
      method: 'POST',
      headers: { cookie: client.cookie, 'x-csrf-token': client.csrf, 'content-type': 'text/plain' },
      body: JSON.stringify(tokenRequest),
    })
    expect(response.status).toBe(400)
  })
})

/** fetch does not let a test choose its Host. */
const withHost = (host: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    const { hostname, port } = new URL(server.url)
    request({ hostname, port, path: '/version', headers: { host } }, response => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })

test.each([
  ['localhost', 200],
  ['LOCALHOST:7443', 200],
  ['127.0.0.1:7443', 200],
  ['[::1]:7443', 200],
  ['rebound.example', 403],
  ['localhost.evil.example', 403],
  ['127.0.0.1.evil.example:7443', 403],
])('a request for the host %s: %i', async (host, status) => {
  expect(await withHost(host)).toBe(status)
})

describe('passwords', () => {
  test('are set after the link, then open the account; all other sessions end', async () => {
    const client = await server.login()
    const other = await server.login()
    expect(await refused(await client.call('POST', 'account/password', { password: 'elevenchars' }))).toEqual(
      [400, 'bad-request'],
    )
    const session = await client.post<Session>('account/password', { password: PASSWORD })
    expect(session.mustSetPassword).toBe(false)
    expect((await client.call('GET', 'session')).status).toBe(200)
    expect((await other.call('GET', 'session')).status).toBe(401)

    const fresh = createClient(server.url)
    expect((await fresh.call('POST', 'login/password', { name: 'admin', password: PASSWORD })).status).toBe(
      200,
    )
    expect((await fresh.call('GET', 'session')).status).toBe(200)
  })

  test('a session by password needs the current one to set another; a link does not', async () => {
    const client = await server.login()
    await client.post('account/password', { password: PASSWORD })
    const byPassword = createClient(server.url)
    const session = (await (
      await byPassword.call('POST', 'login/password', { name: 'admin', password: PASSWORD })
    ).json()) as Session
    const headers = { 'x-csrf-token': session.csrf }
    const change = (body: object) => byPassword.call('POST', 'account/password', body, headers)
    expect(await refused(await change({ password: 'another long password' }))).toEqual([
      401,
      'unauthenticated',
    ])
    expect(await refused(await change({ current: 'wrong', password: 'another long password' }))).toEqual([
      401,
      'unauthenticated',
    ])
    expect((await change({ current: PASSWORD, password: 'another long password' })).status).toBe(200)
    const byLink = await server.login()
    expect(
      (await byLink.call('POST', 'account/password', { password: 'one more long password' })).status,
    ).toBe(200)
  })
})

describe('API tokens', () => {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  const create = async () =>
    (await server.login()).post<TokenCreated>('tokens', { name: 'ci', expiresInDays: 1 })
  const as = (token: string, method: string, path: string, body?: unknown) =>
    createClient(server.url).call(method, path, body, bearer(token))

  test('work without cookie and CSRF token until they expire', async () => {
    const { token } = await create()
    expect((await as(token, 'GET', 'flows')).status).toBe(200)
    expect((await as(token, 'POST', 'policies/validate', { yaml: 'a: b' })).status).toBe(200)
    server.time.advance(86_400_000 + 1)
    expect(await refused(await as(token, 'GET', 'flows'))).toEqual([401, 'unauthenticated'])
  })

  test('are listed without their secret, and revoked at once', async () => {
    const client = await server.login()
    const { token, ...view } = await client.post<TokenCreated>('tokens', { name: 'ci', expiresInDays: 1 })
    expect((await client.get<{ items: TokenView[] }>('tokens')).items).toContainEqual(view)
    expect((await client.call('DELETE', `tokens/${view.id}`)).status).toBe(204)
    expect((await as(token, 'GET', 'flows')).status).toBe(401)
    expect((await client.call('DELETE', `tokens/${view.id}`)).status).toBe(404)
  })

  test('make no further tokens and change no password', async () => {
    const { token } = await create()
    for (const [path, body] of [
      ['tokens', { name: 'more', expiresInDays: 365 }],
      ['account/password', { password: PASSWORD }],
      ['join-tokens', {}],
    ] as const) {
      expect(await refused(await as(token, 'POST', path, body))).toEqual([403, 'forbidden'])
    }
  })

  test('a wrong one does not fall back to the cookie', async () => {
    const client = await server.login()
    expect((await client.call('GET', 'session', undefined, bearer('sekisho_wrong'))).status).toBe(401)
  })
})

test('who came in and what they did is in the audit log, in a chain, without any secret', async () => {
  const token = server.link()
  const client = createClient(server.url)
  await client.login(token)
  await createClient(server.url).call('POST', 'login/link', { token })
  const created = await client.post<TokenCreated>('tokens', { name: 'ci', expiresInDays: 1 })
  const { items } = await client.get<{ items: AuditView[] }>('audit?limit=3')
  expect(items.map(({ actor, action, result, from }) => [actor, action, result, from])).toEqual([
    ['admin', 'token.create', 'ok', '127.0.0.1'],
    ['', 'login.link', 'refused', '127.0.0.1'],
    ['admin', 'login.link', 'ok', '127.0.0.1'],
  ])
  expect(new Set(items.map(({ hash }) => hash)).size).toBe(3)
  for (const secret of [token, created.token, client.cookie, client.csrf]) {
    expect(JSON.stringify(items) + server.log.join('')).not.toContain(secret)
  }
})
