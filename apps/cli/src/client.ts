import type { ProblemJson } from '@sekisho/control'
import { ERRORS, type ErrorCode, type Problem, SekishoError } from '@sekisho/core'
import type { Connection } from './connection.ts'
import { readEvents, type ServerSentEvent } from './events.ts'

export type Query = Readonly<Record<string, string | number | undefined>>

export interface Client {
  get<T>(path: string, query?: Query): Promise<T>
  /** All items of a paged list, at most `limit` of them. */
  list<T>(path: string, query?: Query, limit?: number): Promise<T[]>
  post<T>(path: string, body: unknown): Promise<T>
  delete(path: string): Promise<void>
  /** Live messages until `signal` aborts; reconnects with the last id that was seen. */
  stream(signal: AbortSignal): AsyncIterable<ServerSentEvent>
}

/** The server answered, but not with success; `problems` say where the input is wrong. */
function refusal(body: unknown, status: number): SekishoError {
  const problem = body as Partial<ProblemJson> | undefined // shape checked field by field below
  const code = problem?.code
  const known: ErrorCode =
    code !== undefined && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'internal'
  const detail = problem?.detail ?? problem?.title ?? `the server answered with status ${status}`
  return new SekishoError(known, detail, (problem?.problems ?? []) as readonly Problem[])
}

const search = (values: Query): string => {
  const pairs = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, String(value)]],
  )
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs).toString()}`
}

async function unreachable(error: unknown, connection: Connection): Promise<never> {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
  throw new SekishoError(
    'unavailable',
    `${connection.server} (from ${connection.origin}) cannot be reached: ${cause}`,
  )
}

/**
 * `fetch` over the API. A server certificate signed by Sekisho's own authority is trusted through `ca`
 * of the connection file, never by switching verification off.
 */
export async function connect(connection: Connection): Promise<Client> {
  if (connection.ca !== undefined) {
    const tls = await import('node:tls')
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), connection.ca])
  }
  const headers: Record<string, string> = connection.token
    ? { authorization: `Bearer ${connection.token}` }
    : {}
  const request = async (path: string, init: RequestInit): Promise<Response> => {
    const url = `${connection.server}/api/v1/${path}`
    const response = await fetch(url, init).catch((error: unknown) => unreachable(error, connection))
    if (response.ok) return response
    throw refusal(await response.json().catch(() => undefined), response.status)
  }
  const get = async <T>(path: string, query: Query = {}): Promise<T> =>
    (await (await request(path + search(query), { headers })).json()) as T // the server's schema is the contract
  return {
    get,
    list: async <T>(path: string, query: Query = {}, limit = Number.POSITIVE_INFINITY) => {
      const items: T[] = []
      let cursor: string | undefined
      do {
        const page: Page<T> = await get(path, {
          ...query,
          cursor,
          limit: Math.min(PAGE, limit - items.length),
        })
        items.push(...page.items)
        cursor = page.nextCursor ?? undefined
      } while (cursor !== undefined && items.length < limit)
      return items
    },
    post: async <T>(path: string, body: unknown) => {
      const init = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' } }
      const response = await request(path, { ...init, body: JSON.stringify(body) })
      return (response.status === 204 ? undefined : await response.json()) as T // as above
    },
    delete: async path => {
      await request(path, { method: 'DELETE', headers })
    },
    stream: signal =>
      readEvents(lastId => {
        const resume: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId }
        const init = { headers: { ...headers, ...resume, accept: 'text/event-stream' }, signal }
        return request('stream', init)
      }, signal),
  }
}

interface Page<T> {
  readonly items: readonly T[]
  readonly nextCursor: string | null
}
const PAGE = 1000
