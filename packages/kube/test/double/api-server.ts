import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isRecord, type JsonRecord, textAt } from '@sekisho/core'
import { belongs, type Happening, Objects, Refusal } from './objects.ts'
import { Tokens } from './tokens.ts'

/** As much of a kube-apiserver as `contract.ts` asks for, with ways to make it fail. */
export interface ApiServerDouble extends AsyncDisposable {
  readonly url: URL
  readonly objects: Objects
  /** Requests so far, as `GET /api/v1/pods` or `WATCH /api/v1/pods`. */
  readonly requests: string[]
  /** The next requests are answered with this status instead, with these headers. */
  refuseNext(status: number, headers?: Readonly<Record<string, string>>): void
  /** Ends all connections; watches break in the middle. */
  cut(): void
  /** Sends raw bytes on all open watches. */
  say(text: string): void
  /** Every open watch is told that nothing happened up to now. */
  bookmark(): void
}

const COLLECTION = /^\/apis?(?:\/[^/]+){1,2}(?:\/namespaces\/[^/]+)?\/[^/]+$/

interface Watching {
  readonly collection: string
  readonly matches: (object: JsonRecord) => boolean
  readonly response: ServerResponse
}

const status = (code: number, reason: string, message: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  code,
  reason,
  message,
})

/** Equality-based label selectors, and field selectors on the name. */
function matcher(query: URLSearchParams): (object: JsonRecord) => boolean {
  const labels = (query.get('labelSelector') ?? '').split(',').filter(each => each !== '')
  const fields = (query.get('fieldSelector') ?? '').split(',').filter(each => each !== '')
  const holds = (object: JsonRecord, term: string, ...at: readonly string[]): boolean => {
    const [key = '', value = ''] = term.split('=')
    return textAt(object, ...at, ...(at.length > 0 ? [key] : key.split('.'))) === value
  }
  return object =>
    labels.every(term => holds(object, term, 'metadata', 'labels')) &&
    fields.every(term => holds(object, term))
}

async function bodyOf(request: IncomingMessage): Promise<JsonRecord> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  const json: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'))
  if (!isRecord(json)) throw new Refusal(400, 'BadRequest', 'not an object')
  return json
}

class Double {
  readonly objects = new Objects()
  readonly #tokens = new Tokens(this.objects)
  readonly requests: string[] = []
  readonly watching = new Set<Watching>()
  readonly refusals: { readonly status: number; readonly headers: Readonly<Record<string, string>> }[] = []
  readonly #continued = new Map<string, { readonly left: readonly JsonRecord[]; readonly version: number }>()

  constructor() {
    this.objects.onHappening(happening => {
      for (const watch of this.watching) send(watch, happening)
    })
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://double')
    const kind = url.searchParams.get('watch') === 'true' ? 'WATCH' : request.method
    this.requests.push(`${kind} ${url.pathname}`)
    const refusal = this.refusals.shift()
    const json = (code: number, body: unknown, headers = {}) => {
      response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
    }
    if (refusal)
      return json(refusal.status, status(refusal.status, 'Refused', 'as was asked'), refusal.headers)
    try {
      if (url.searchParams.get('watch') === 'true') this.#watch(url, response)
      else json(request.method === 'POST' ? 201 : 200, await this.#verb(request, url))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      json(error.code, status(error.code, error.reason, error.message))
    }
  }

  async #verb(request: IncomingMessage, { pathname, searchParams: query }: URL): Promise<JsonRecord> {
    const objects = this.objects
    const path = pathname.replace(/\/status$/, '')
    switch (request.method) {
      case 'GET':
        return COLLECTION.test(path) ? this.#list(path, query) : objects.get(path)
      case 'POST': {
        const body = await bodyOf(request)
        const token = this.#tokens.answer(path, body)
        if (token) return token
        return objects.create(`${path}/${textAt(body, 'metadata', 'name')}`, inNamespace(path, body))
      }
      case 'PUT':
        return objects.replace(path, inNamespace(path, await bodyOf(request)))
      case 'PATCH': {
        const body = await bodyOf(request)
        const writer = { name: query.get('fieldManager') ?? '', force: query.get('force') === 'true' }
        // Through `status` nothing but the status changes.
        const part = pathname === path ? body : { status: body.status }
        if (pathname !== path) objects.get(path)
        return objects.apply(path, part, writer)
      }
      case 'DELETE':
        return objects.remove(path)
      default:
        throw new Refusal(405, 'MethodNotAllowed', 'no such verb')
    }
  }

  #list(collection: string, query: URLSearchParams): JsonRecord {
    const token = query.get('continue')
    const begun = token === null ? undefined : this.#continued.get(token)
    if (token !== null && (!begun || begun.version < this.objects.oldest))
      throw new Refusal(410, 'Expired', 'The provided continue parameter is too old')
    const all = begun?.left ?? this.objects.list(collection).filter(matcher(query))
    const limit = Number(query.get('limit') ?? 0) || all.length
    const left = all.slice(limit)
    const version = begun?.version ?? this.objects.version
    const next = left.length > 0 ? crypto.randomUUID() : undefined
    if (next) this.#continued.set(next, { left, version })
    const metadata = { resourceVersion: String(version), ...(next && { continue: next }) }
    return { kind: 'List', apiVersion: 'v1', metadata, items: all.slice(0, limit) }
  }

  #watch({ pathname, searchParams: query }: URL, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'))
    response.writeHead(200, { 'content-type': 'application/json' })
    if (from < this.objects.oldest) {
      response.end(
        `${JSON.stringify({ type: 'ERROR', object: status(410, 'Expired', 'too old resource version') })}\n`,
      )
      return
    }
    response.flushHeaders()
    const watch = { collection: pathname, matches: matcher(query), response }
    for (const happening of this.objects.history) if (happening.version > from) send(watch, happening)
    this.watching.add(watch)
    response.once('close', () => this.watching.delete(watch))
  }
}

function send({ collection, matches, response }: Watching, { type, object, ...happening }: Happening): void {
  if (!belongs(`${happening.collection}/x`, collection) || !matches(object)) return
  response.write(`${JSON.stringify({ type, object })}\n`)
}

/** The server puts an object into the namespace of its URL. */
function inNamespace(path: string, body: JsonRecord): JsonRecord {
  const namespace = /\/namespaces\/(?<name>[^/]+)\//.exec(path)?.groups?.name
  const metadata = isRecord(body.metadata) ? body.metadata : {}
  return namespace === undefined ? body : { ...body, metadata: { ...metadata, namespace } }
}

export async function openApiServerDouble(port = 0): Promise<ApiServerDouble> {
  const double = new Double()
  const server = createServer((request, response) => {
    double.answer(request, response).catch((error: unknown) => response.destroy(error as Error)) // seen by the caller as a broken connection
  })
  // As the real one does; Node would end connections after five seconds, also those of a client that is busy.
  server.keepAliveTimeout = 180_000
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as AddressInfo // a TCP listener has no pipe's name
  const each = (say: (watch: Watching) => unknown) => {
    for (const watch of double.watching) say(watch)
  }
  return {
    url: new URL(`http://127.0.0.1:${address.port}`),
    objects: double.objects,
    requests: double.requests,
    refuseNext: (code, headers = {}) => void double.refusals.push({ status: code, headers }),
    cut: () => server.closeAllConnections(),
    say: text => each(({ response }) => response.write(text)),
    bookmark: () => {
      const object = { metadata: { resourceVersion: String(double.objects.version) } }
      each(({ response }) => response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`))
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
