import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog, issueLoginLink, type Session, type Timer } from '@sekisho/control'
import type { Clock, EpochMs } from '@sekisho/core'
import { openStore } from '@sekisho/store'
import { type RunningServer, startServer } from '../src/server.ts'

/**
 * Time that passes only when the test says so; what waits runs in the order of its time.
 * It starts a few days ago: TLS judges by the real time, and what was issued then is valid however tests advance.
 */
export function fakeTime(start = Date.now() - 10 * 86_400_000) {
  let now = start
  const waiting = new Set<{ readonly at: number; readonly run: () => void }>()
  const clock: Clock = { now: () => now as EpochMs, monotonic: () => now - start }
  const timer: Timer = {
    after(ms, run) {
      const entry = { at: now + ms, run }
      waiting.add(entry)
      return { [Symbol.dispose]: () => void waiting.delete(entry) }
    },
  }
  const due = (until: number) =>
    [...waiting].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)[0]
  const advance = (ms: number) => {
    const until = now + ms
    for (let next = due(until); next; next = due(until)) {
      waiting.delete(next)
      now = Math.max(now, next.at)
      next.run()
    }
    now = until
  }
  /** How long each waiting thing has still to wait. */
  const left = () => [...waiting].map(({ at }) => at - now)
  return { clock, timer, advance, waiting: left }
}

export interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly data: string
  readonly agentsPort: number
  readonly time: ReturnType<typeof fakeTime>
  readonly log: string[]
  /** A new one-time login secret, as `sekisho-server login-link` makes it: from another handle on the file. */
  link(): string
  login(): Promise<Client>
  /** Stops it and starts another on the same data, `awayMs` later. */
  restart(awayMs?: number): Promise<TestServer>
}

export interface TestOptions {
  readonly data?: string
  readonly time?: ReturnType<typeof fakeTime>
  readonly console?: string
}

export async function startTestServer(options: TestOptions = {}): Promise<TestServer> {
  const data = options.data ?? mkdtempSync(join(tmpdir(), 'sekisho-server-'))
  const time = options.time ?? fakeTime()
  const log: string[] = []
  const world = { ...time, log: createLog(line => log.push(line), time.clock) }
  const anywhere = { host: '127.0.0.1', port: 0 }
  const server: RunningServer = await startServer(
    {
      data,
      listen: anywhere,
      agents: anywhere,
      names: [],
      console: options.console ?? join(data, 'no-console'),
      lab: true,
      retention: { maxAgeMs: 30 * 86_400_000, maxBytes: 1e9 },
    },
    world,
  )
  let kept = false
  const link = () => {
    using store = openStore({ path: join(data, 'sekisho.db'), clock: time.clock })
    return issueLoginLink(store.accounts, time.clock)
  }
  return {
    ...server,
    data,
    time,
    log,
    link,
    async login() {
      const client = createClient(server.url)
      await client.login(link())
      return client
    },
    async restart(awayMs = 0) {
      kept = true
      await server[Symbol.asyncDispose]()
      time.advance(awayMs)
      return startTestServer({ ...options, data, time })
    },
    async [Symbol.asyncDispose]() {
      if (kept) return
      await server[Symbol.asyncDispose]()
      rmSync(data, { recursive: true })
    },
  }
}

/** What a browser with our console does: keeps the cookie, sends the CSRF token. */
export interface Client {
  readonly cookie: string
  readonly csrf: string
  login(token: string): Promise<Session>
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>
  /** The JSON of a successful answer. */
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown): Promise<T>
}

export function createClient(url: string): Client {
  let cookie = ''
  let csrf = ''
  const call: Client['call'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${url}/api/v1/${path}`, {
      method,
      headers: {
        ...(cookie ? { cookie } : {}),
        ...(csrf ? { 'x-csrf-token': csrf } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const set = response.headers.get('set-cookie')
    if (set) cookie = set.split(';')[0] ?? ''
    return response
  }
  const ok = async <T>(response: Response): Promise<T> => {
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    return (await response.json()) as T // the test names the schema it expects
  }
  return {
    get cookie() {
      return cookie
    },
    get csrf() {
      return csrf
    },
    call,
    async login(token) {
      const session = await ok<Session>(await call('POST', 'login/link', { token }))
      csrf = session.csrf
      return session
    },
    get: async path => ok(await call('GET', path)),
    post: async (path, body) => ok(await call('POST', path, body)),
  }
}

export const policyYaml = (
  name: string,
  namespace = 'shop',
  mode = 'Audit',
): string => `apiVersion: sekisho.dev/v1alpha1
kind: SecurityPolicy
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  mode: ${mode}
  subject:
    podSelector:
      matchLabels:
        app: ${name}
  ingress:
    - from:
        - podSelector:
            matchLabels:
              app: web
      ports:
        - protocol: TCP
          port: 443
`
