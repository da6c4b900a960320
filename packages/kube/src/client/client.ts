import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { LIMITS, pause, type Timers } from '@sekisho/core'
import type { ClusterAccess, Credentials } from './access.ts'
import { KubeError, KubeMalformed, kubeError } from './errors.ts'
import { lines } from './lines.ts'

export interface KubeCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: unknown
  /** Of the body; JSON where nothing is said. */
  readonly contentType?: string
  readonly signal?: AbortSignal | undefined
}

/** What an API server is asked with. Connections are kept and shared; disposing ends all of them. */
export interface KubeClient extends Disposable {
  /**
   * The JSON of one answer. A server that is overloaded (429) did nothing, and is asked again when it said.
   * @throws KubeError for what the server refuses, KubeMalformed for what is no answer, others for the network.
   */
  call(call: KubeCall): Promise<unknown>
  /** The lines of an answer without end. Throws like `call`, also later, and when nothing came for `idleMs`. */
  stream(call: KubeCall, idleMs: number): AsyncGenerator<string>
}

export interface KubeClientOptions {
  readonly access: ClusterAccess
  /** As the API server's log and metrics name us: `sekisho-server/0.1.0`. */
  readonly userAgent: string
  readonly timers: Timers
}

const ANSWER_MS = 30_000
const TRIES = 5
const RETRY_MS = 1_000
const RETRY_MOST_MS = 30_000
const ERROR_BYTES = 65_536

const authorization = (credentials: Credentials): Readonly<Record<string, string>> =>
  credentials.kind === 'token' ? { authorization: `Bearer ${credentials.read()}` } : {}

class Client implements KubeClient {
  readonly #options: KubeClientOptions
  readonly #agent: HttpAgent

  constructor(options: KubeClientOptions) {
    const { server, authority, serverName, credentials } = options.access
    this.#options = options
    this.#agent =
      server.protocol === 'https:'
        ? new HttpsAgent({
            keepAlive: true,
            minVersion: 'TLSv1.2',
            ...(authority !== undefined && { ca: authority }),
            ...(serverName !== undefined && { servername: serverName }),
            ...(credentials.kind === 'certificate' && {
              cert: credentials.certificate,
              key: credentials.key,
            }),
          })
        : new HttpAgent({ keepAlive: true })
  }

  async call(call: KubeCall): Promise<unknown> {
    const { timers } = this.#options
    const signal = call.signal ?? new AbortController().signal
    for (let tries = 1; ; tries++) {
      try {
        const response = await this.#send(call, ANSWER_MS)
        return parseJson(await readAll(response, LIMITS.kubeAnswerBytes.value))
      } catch (error) {
        // API priority and fairness: a request that found no place in its queue was not begun.
        const isBusy = error instanceof KubeError && error.status === 429
        if (!isBusy || tries >= TRIES || signal.aborted) throw error
        await pause(timers, Math.min(error.retryAfterMs ?? RETRY_MS, RETRY_MOST_MS), signal)
      }
    }
  }

  async *stream(call: KubeCall, idleMs: number): AsyncGenerator<string> {
    const response = await this.#send(call, idleMs)
    try {
      yield* lines(response as AsyncIterable<Buffer>, LIMITS.kubeObjectBytes.value)
    } finally {
      response.destroy()
    }
  }

  async #send({ method, path, query = {}, body, contentType, signal }: KubeCall, idleMs: number) {
    const { access, userAgent } = this.#options
    const url = new URL(access.server.pathname.replace(/\/$/, '') + path, access.server)
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(key, String(value))
    }
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    const headers = {
      accept: 'application/json',
      'user-agent': userAgent,
      ...authorization(access.credentials),
      ...(body !== undefined && { 'content-type': contentType ?? 'application/json' }),
    }
    const outgoing = send(url, { method, agent: this.#agent, headers, ...(signal && { signal }) }, resolve)
    outgoing.once('error', reject)
    outgoing.setTimeout(idleMs, () => outgoing.destroy(new Error(`${access.server.host} does not answer`)))
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    const response = await promise
    const status = response.statusCode ?? 0
    if (status >= 200 && status < 300) return response
    throw kubeError(
      status,
      jsonOrNothing(await readAll(response, ERROR_BYTES)),
      response.headers['retry-after'],
    )
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

async function readAll(response: IncomingMessage, most: number): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length
    if (length > most) throw new KubeMalformed(`an answer of more than ${most} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** @throws KubeMalformed */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new KubeMalformed('the API server answered something that is not JSON')
  }
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const openKubeClient = (options: KubeClientOptions): KubeClient => new Client(options)
