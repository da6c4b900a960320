import { readFileSync } from 'node:fs'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { json as readJson, text as readText } from 'node:stream/consumers'
import type { Counts } from './counts.ts'
import { PATIENCE_MS } from './pool.ts'

export interface Call {
  readonly method?: 'GET' | 'POST'
  readonly body?: unknown
  /** Source address, where a host has several. */
  readonly localAddress?: string
}

const ca = process.env.CA_FILE === undefined ? undefined : readFileSync(process.env.CA_FILE)

/** One request on a connection of its own, so that every call is a new decision of the firewall. */
export function fetchText(url: string, { method = 'GET', body, localAddress }: Call = {}) {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const headers = {
    connection: 'close',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const options = {
    method,
    headers,
    signal,
    agent: false,
    ...(localAddress === undefined ? {} : { localAddress }),
  }
  return new Promise<string>((resolve, reject) => {
    const receive = (response: IncomingMessage) => {
      const status = response.statusCode ?? 0
      const done = (text: string) =>
        status < 400 ? resolve(text) : reject(new Error(`${method} ${url}: status ${status}`))
      readText(response).then(done, reject)
    }
    const request = url.startsWith('https:')
      ? httpsRequest(url, { ...options, ...(ca ? { ca } : {}) }, receive)
      : httpRequest(url, options, receive)
    const fail = (error: Error) =>
      reject(signal.aborted ? new Error(`${method} ${url}: no answer in ${PATIENCE_MS} ms`) : error)
    request.on('error', fail).end(body === undefined ? undefined : JSON.stringify(body))
  })
}

type Handler = (request: IncomingMessage) => Promise<unknown>

/** Serves `METHOD /path` handlers as JSON, and the program's own counts at `/metrics`. */
export function serve(port: number, counts: Counts, routes: Readonly<Record<string, Handler>>) {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0]
    if (path === '/metrics') return void response.end(counts.metrics())
    const handler = routes[`${request.method} ${path}`]
    if (!handler) return void response.writeHead(404).end()
    const answer = async () => {
      const body = JSON.stringify(await handler(request))
      response.writeHead(200, { 'content-type': 'application/json' }).end(body)
    }
    answer().catch((error: unknown) =>
      response.writeHead(503).end(error instanceof Error ? error.message : 'failed'),
    )
  })
  server.listen(port, '::')
  return server
}

export const bodyOf = (request: IncomingMessage): Promise<unknown> => readJson(request)

/** What the program cannot work without; a mistake in the lab's own plan, so it ends the program. */
export function env(name: string): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`the environment variable ${name} is missing`)
  return value
}
