import { readFileSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import type { ChangeView, PolicyView, Session } from '@sekisho/control'
import {
  AGENTS,
  AUDIT,
  EVENTS,
  EXPLANATION,
  flows,
  map,
  overview,
  POLICIES,
  policyFrom,
  SIMULATION,
  SUGGESTION,
} from './fixture-data.ts'
import { model, workloadViews } from './fixture-model.ts'

/** The API as the console sees it, with data that fits together; only for tests of the console. */
export interface FixtureServer extends AsyncDisposable {
  readonly url: string
  /** A link that logs in once. */
  readonly loginLink: string
  readonly requests: readonly string[]
  /** Cuts every connection, as a restart of the server does. */
  readonly cut: () => void
  /** Ends every session: the next request is answered with 401. */
  readonly expire: () => void
  readonly changes: () => readonly ChangeView[]
}

interface State {
  loggedIn: boolean
  mustSetPassword: boolean
  policies: PolicyView[]
  changes: ChangeView[]
}

const TOKEN = 'one-time-token'
const CSRF = 'csrf-token'
const FLOWS = flows(10_000)
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

type Json = Record<string, unknown>
interface Request {
  readonly path: string
  readonly query: URLSearchParams
  readonly body: Json
  readonly state: State
}
type Handler = (request: Request) => unknown

class Refusal extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string) {
    super(code)
    this.status = status
    this.code = code
  }
}

const page = (items: readonly unknown[]) => ({ items, nextCursor: null })

const session = (state: State): Session => ({
  user: 'admin',
  mustSetPassword: state.mustSetPassword,
  csrf: CSRF,
  expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
  version: '0.1.0',
  lab: true,
})

function login(state: State): Session {
  state.loggedIn = true
  return session(state)
}

function logout({ state }: Request): undefined {
  state.loggedIn = false
}

function change(state: State, summary: string, ids: readonly string[], seconds: unknown): ChangeView {
  const added: ChangeView = {
    id: String(state.changes.length + 1),
    at: new Date().toISOString(),
    actor: 'admin',
    state: typeof seconds === 'number' ? 'pending' : 'kept',
    revertsAt: typeof seconds === 'number' ? new Date(Date.now() + seconds * 1000).toISOString() : null,
    summary,
    policies: ids.map(id => ({
      id,
      action: 'changed' as const,
      before: state.policies.find(policy => policy.id === id)?.yaml.replace('3000', '8080') ?? null,
      after: state.policies.find(policy => policy.id === id)?.yaml ?? '',
    })),
  }
  state.changes.unshift(added)
  return added
}

function settle(state: State, path: string, next: 'kept' | 'reverted'): ChangeView {
  const id = path.split('/')[2]
  const index = state.changes.findIndex(candidate => candidate.id === id)
  const found = state.changes[index]
  if (!found) throw new Refusal(404, 'not-found')
  const settled: ChangeView = { ...found, state: next, revertsAt: null }
  state.changes[index] = settled
  return settled
}

function flowPage({ query }: Request) {
  const filter = query.get('filter') ?? ''
  const wanted = FLOWS.filter(flow => !filter.includes('verdict:denied') || flow.outcome === 'denied')
  const start = Number(query.get('cursor') ?? 0)
  const end = start + Number(query.get('limit') ?? 100)
  return { items: wanted.slice(start, end), nextCursor: end < wanted.length ? String(end) : null }
}

function policy({ path, state }: Request): PolicyView {
  const id = path
    .split('/')
    .slice(2)
    .map(part => (part === '_' ? '' : decodeURIComponent(part)))
    .join('/')
  const found = state.policies.find(candidate => candidate.id === id)
  if (!found) throw new Refusal(404, 'not-found')
  return found
}

function apply({ body, state }: Request): ChangeView {
  const mode = body.mode as PolicyView['mode']
  state.policies = SUGGESTION.policies.map(({ id, yaml }) => policyFrom(id, yaml, mode))
  return change(
    state,
    `${mode}: shop/api, payments/ledger-db`,
    state.policies.map(({ id }) => id),
    body.revertAfterSeconds,
  )
}

function setMode({ body, state }: Request): ChangeView {
  const ids = body.ids as string[]
  const mode = body.mode as PolicyView['mode']
  state.policies = state.policies.map(known => (ids.includes(known.id) ? { ...known, mode } : known))
  return change(state, `${mode}: ${ids.join(', ')}`, ids, body.revertAfterSeconds)
}

function remove({ body, state }: Request): ChangeView {
  const ids = body.ids as string[]
  const done = change(state, `delete ${ids.join(', ')}`, ids, undefined)
  state.policies = state.policies.filter(known => !ids.includes(known.id))
  return done
}

const OPEN: readonly (readonly [RegExp, Handler])[] = [
  [
    /^POST \/login\/link$/,
    ({ body, state }) => {
      if (body.token !== TOKEN) throw new Refusal(401, 'link-used')
      return login(state)
    },
  ],
  [
    /^POST \/login\/password$/,
    ({ body, state }) => {
      if (body.password !== 'correct horse battery') throw new Refusal(401, 'unauthenticated')
      return login(state)
    },
  ],
]

const ROUTES: readonly (readonly [RegExp, Handler])[] = [
  [/^GET \/session$/, ({ state }) => session(state)],
  [/^POST \/logout$/, logout],
  [
    /^POST \/account\/password$/,
    ({ state }) => {
      state.mustSetPassword = false
      return session(state)
    },
  ],
  [/^GET \/overview$/, ({ state }) => overview(state.policies)],
  [/^GET \/map$/, () => map()],
  [/^GET \/flows$/, flowPage],
  [/^GET \/events$/, () => page(EVENTS)],
  [/^GET \/agents$/, () => page(AGENTS)],
  [/^GET \/audit$/, () => page(AUDIT)],
  [/^GET \/workloads$/, () => page(workloadViews())],
  [/^GET \/model$/, ({ state }) => model(state.policies)],
  [/^GET \/policies$/, ({ state }) => page(state.policies)],
  [/^GET \/policies\/.+$/, policy],
  [/^GET \/changes$/, ({ state }) => page(state.changes)],
  [/^POST \/policies\/suggest$/, () => SUGGESTION],
  [/^POST \/policies\/simulate$/, () => SIMULATION],
  [/^POST \/policies\/apply$/, apply],
  [/^POST \/policies\/mode$/, setMode],
  [/^POST \/policies\/delete$/, remove],
  [/^POST \/explain$/, () => EXPLANATION],
  [/^POST \/changes\/\d+\/keep$/, ({ path, state }) => settle(state, path, 'kept')],
  [/^POST \/changes\/\d+\/revert$/, ({ path, state }) => settle(state, path, 'reverted')],
]

async function readBody(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Json)
}

function answer(call: string, request: Request, csrf: string | undefined): unknown {
  const open = OPEN.find(([pattern]) => pattern.test(call))
  if (open) return open[1](request)
  if (!request.state.loggedIn) throw new Refusal(401, 'unauthenticated')
  if (call.startsWith('POST') && csrf !== CSRF) throw new Refusal(403, 'csrf')
  const route = ROUTES.find(([pattern]) => pattern.test(call))
  if (!route) throw new Refusal(404, 'not-found')
  return route[1](request)
}

function refuse(response: ServerResponse, error: unknown): void {
  const { status, code } = error instanceof Refusal ? error : new Refusal(500, 'internal')
  response.writeHead(status, { 'content-type': 'application/problem+json' })
  response.end(JSON.stringify({ type: 'about:blank', title: code, status, code }))
}

function stream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(': open\n\n')
  const flow = { ...FLOWS[0], id: 'live-1', last: new Date().toISOString() }
  response.write(`id: 1\nevent: flows\ndata: ${JSON.stringify({ flows: [flow] })}\n\n`)
}

function file(dist: string, path: string, response: ServerResponse): void {
  const asset = join(dist, path)
  const found =
    asset.startsWith(dist) && extname(path) !== '' && statSync(asset, { throwIfNoEntry: false })?.isFile()
  const name = found ? asset : join(dist, 'index.html')
  response.writeHead(200, { 'content-type': TYPES[extname(name)] ?? 'application/octet-stream' })
  response.end(readFileSync(name))
}

function fixtureHandler(dist: string, state: State, requests: string[]) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://fixture')
    if (!url.pathname.startsWith('/api/v1')) return file(dist, url.pathname, response)
    const path = url.pathname.slice('/api/v1'.length)
    const call = `${request.method} ${path}`
    requests.push(call)
    const body = await readBody(request)
    try {
      if (call === 'GET /stream' && state.loggedIn) return stream(response)
      const csrf = request.headers['x-csrf-token']
      const result = answer(call, { path, query: url.searchParams, body, state }, csrf?.toString())
      response.writeHead(result === undefined ? 204 : 200, { 'content-type': 'application/json' })
      response.end(result === undefined ? undefined : JSON.stringify(result))
    } catch (error) {
      refuse(response, error)
    }
  }
}

const listening = (server: Server, port: number): Promise<AddressInfo> =>
  new Promise(resolve => server.listen(port, '127.0.0.1', () => resolve(server.address() as AddressInfo)))

export interface FixtureOptions {
  /** The built console. */
  readonly dist: string
  readonly port?: number
  readonly loggedIn?: boolean
  readonly policies?: readonly PolicyView[]
}

export async function startFixture(options: FixtureOptions): Promise<FixtureServer> {
  const { dist, port = 0, loggedIn = false, policies = POLICIES } = options
  const state: State = { loggedIn, mustSetPassword: !loggedIn, policies: [...policies], changes: [] }
  const requests: string[] = []
  const handle = fixtureHandler(dist, state, requests)
  const server = createServer((request, response) => void handle(request, response))
  const address = await listening(server, port)
  const url = `http://127.0.0.1:${address.port}`
  return {
    url,
    loginLink: `${url}/login#${TOKEN}`,
    requests,
    expire: () => {
      state.loggedIn = false
      server.closeAllConnections()
    },
    cut: () => server.closeAllConnections(),
    changes: () => state.changes,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
