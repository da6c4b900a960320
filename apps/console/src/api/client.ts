import type { ProblemJson, Session } from '@sekisho/control'
import type { ErrorCode, Problem } from '@sekisho/core'

const BASE = '/api/v1'

/** `network`: no answer came, or one that is not ours (a proxy's page). */
export type FailureCode = ErrorCode | 'network'

export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: FailureCode
  readonly problems: readonly Problem[]
  constructor(code: FailureCode, detail?: string, problems: readonly Problem[] = []) {
    super(detail ?? code)
    this.code = code
    this.problems = problems
  }
}

export type Query = Readonly<Record<string, string | number | undefined>>

export interface Client {
  readonly get: <T>(path: string, query?: Query, signal?: AbortSignal) => Promise<T>
  readonly post: <T>(path: string, body?: unknown) => Promise<T>
  /** Opens the event stream, going on after `lastEventId`. */
  readonly open: (path: string, lastEventId: string | undefined, signal: AbortSignal) => Promise<Response>
}

function withQuery(path: string, query: Query = {}): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(key, String(value))
  }
  return search.size === 0 ? `${BASE}${path}` : `${BASE}${path}?${search}`
}

async function failure(response: Response): Promise<ApiError> {
  if (!response.headers.get('content-type')?.startsWith('application/problem+json')) {
    return new ApiError('network', `${response.status} ${response.statusText}`)
  }
  // The server that sent it is built from the same schema.
  const { code, detail, problems } = (await response.json()) as ProblemJson
  return new ApiError(code as ErrorCode, detail, problems as readonly Problem[] | undefined)
}

/**
 * @param csrf the token of the session that is open now; asked at each write, because a new login changes it.
 */
export function createClient(
  fetch: typeof globalThis.fetch,
  csrf: () => Session['csrf'] | undefined,
): Client {
  async function request(url: string, init: RequestInit): Promise<Response> {
    const response = await fetch(url, { credentials: 'same-origin', ...init }).catch((error: unknown) => {
      if (init.signal?.aborted) throw error
      throw new ApiError('network', String(error))
    })
    if (!response.ok) throw await failure(response)
    return response
  }

  return {
    async get<T>(path: string, query?: Query, signal?: AbortSignal) {
      const response = await request(withQuery(path, query), { signal: signal ?? null })
      return (await response.json()) as T
    },
    async post<T>(path: string, body: unknown = {}) {
      const headers = { 'content-type': 'application/json', 'x-csrf-token': csrf() ?? '' }
      const response = await request(`${BASE}${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      })
      return (response.status === 204 ? undefined : await response.json()) as T
    },
    open(path, lastEventId, signal) {
      const headers = {
        accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      }
      return request(`${BASE}${path}`, { headers, signal, cache: 'no-store' })
    },
  }
}
