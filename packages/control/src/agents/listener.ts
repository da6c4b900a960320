import { once } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { type Clock, ERRORS, LIMITS, type NodeName, SekishoError, type StatePosition } from '@sekisho/core'
import type { Store } from '@sekisho/store'
import { createLimiter, limiterAddress } from '../auth/limiter.ts'
import { type Duty, refuse } from '../duty.ts'
import { problemOf } from '../http/problem.ts'
import type { Pulse } from '../live/pulse.ts'
import { createTurns } from '../live/turns.ts'
import type { Log } from '../log.ts'
import type { Authority } from '../pki/authority.ts'
import { parseBatch } from './batch.ts'
import { gunzipBounded, parseJson, readBody } from './body.ts'
import type { Ingest } from './ingest.ts'
import { isKnown, join, type Roster, renew, type Shown, shownBy } from './join.ts'
import type { NodeStates } from './node-states.ts'
import { createPresence } from './presence.ts'
import type { Voucher } from './service-account.ts'
import { stateLines } from './stream.ts'

/** An agent that takes nothing for so long is cut off; it comes back and resumes by revision. */
const STALLED_MS = 60_000
export interface AgentsOptions {
  readonly store: Store
  readonly authority: Authority
  readonly ingest: Ingest
  /** What each agent is told of what is in force. */
  readonly states: NodeStates
  readonly pulse: Pulse
  readonly clock: Clock
  readonly log: Log
  /** An agent's stream was opened or closed. */
  readonly onPresence: (node: NodeName) => void
  /** Present where the server runs for a cluster. */
  readonly voucher?: Voucher | undefined
  readonly roster?: Roster | undefined
  readonly duty: Duty
}

export interface Agents extends Disposable {
  /** For an HTTPS server that asks for client certificates but lets those without one through (they may join). */
  readonly listener: RequestListener
  readonly connected: ReadonlySet<NodeName>
}

const answerJson = (response: ServerResponse, body: object): void => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function positionOf({ searchParams: query }: URL): StatePosition | undefined {
  const [history, revision] = [query.get('history'), query.get('revision')]
  return history !== null && revision !== null && /^\d{1,15}$/.test(revision)
    ? { history, revision: Number(revision) }
    : undefined
}

const peerOf = (request: IncomingMessage): string => request.socket.remoteAddress ?? ''

/** Writes lines as fast as they are taken; cuts off who takes nothing. Back-pressure reaches the generator. */
async function pour(
  lines: AsyncIterable<string>,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const line of lines) {
      if (response.write(line)) continue
      await once(response, 'drain', { signal: AbortSignal.any([signal, AbortSignal.timeout(STALLED_MS)]) })
    }
    response.end()
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AbortError')) throw error
    response.destroy()
  }
}

/** Uploads under way, counted by node: each holds a body in memory. */
function createUploads() {
  const counts = new Map<NodeName, number>()
  return {
    /** @throws SekishoError too-many */
    enter(node: NodeName): Disposable {
      const count = counts.get(node) ?? 0
      if (count >= LIMITS.uploadsPerAgent.value) throw new SekishoError('too-many')
      counts.set(node, count + 1)
      return {
        [Symbol.dispose]() {
          const left = (counts.get(node) ?? 0) - 1
          if (left > 0) counts.set(node, left)
          else counts.delete(node)
        },
      }
    },
  }
}

/** The agents' side of the server: join, state stream, batches. */
export function createAgents(options: AgentsOptions): Agents {
  const { store, clock, pulse, states, duty } = options
  const closing = new AbortController()
  const uploads = createUploads()
  const turns = createTurns()
  const presence = createPresence({ agents: store.agents, clock, onChange: options.onPresence })
  const joins = createLimiter({
    attempts: LIMITS.loginAttempts.value,
    windowMs: LIMITS.loginWindow.value * 1000,
    keys: LIMITS.limiterKeys.value,
    clock,
  })

  const known = { agents: store.agents, roster: options.roster }
  const shown = new WeakMap<TLSSocket, Shown | undefined>()
  const shownOn = (socket: TLSSocket): Shown | undefined => {
    if (!shown.has(socket)) {
      const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
      shown.set(socket, certificate && shownBy(certificate))
    }
    return shown.get(socket)
  }
  /** Whether it is known is asked at every request: a connection may be older than a revocation. */
  const caller = (request: IncomingMessage): Shown => {
    const own = shownOn(request.socket as TLSSocket) // the listener serves TLS only
    if (!own || !isKnown(own, known))
      throw new SekishoError('unauthenticated', 'No valid agent certificate was shown.')
    return own
  }

  const serveState = async (own: Shown, url: URL, response: ServerResponse) => {
    const { node } = own
    refuse(duty.unread)
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    using stream = presence.enter(node)
    const signal = AbortSignal.any([gone.signal, closing.signal, stream.replaced])
    const admitted = () => {
      if (duty.standby !== undefined || !isKnown(own, known)) return false
      stream.stillHere()
      return true
    }
    const position = positionOf(url)
    const reading = { states, node, pulse, turns, position, now: clock.now, admitted, signal }
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
    await pour(stateLines(reading), response, signal)
  }

  const serveBatch = async (
    { node }: Shown,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    using _upload = uploads.enter(node)
    const body = await readBody(request, LIMITS.requestBytes.value)
    const packed = request.headers['content-encoding'] === 'gzip'
    const bytes = packed ? await gunzipBounded(body, LIMITS.batchBytes.value) : body
    const batch = parseBatch(parseJson(bytes))
    // Others may have taken over while it came; who acknowledges a batch must be the one to keep it.
    refuse(duty.standby)
    await options.ingest.take(batch, node)
    answerJson(response, { sequence: batch.sequence })
  }

  const serveJoin = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const from = peerOf(request)
    const address = limiterAddress(from)
    if (!joins.take(address)) throw new SekishoError('too-many')
    const joined = await join(parseJson(await readBody(request, LIMITS.agentJsonBytes.value)), from, options)
    joins.clear(address)
    options.log.info('agent joined', { from })
    answerJson(response, joined)
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    refuse(duty.standby)
    const url = new URL(request.url ?? '/', 'https://agents')
    const route = `${request.method ?? ''} ${url.pathname}`
    switch (route) {
      case 'POST /agent/v1/join':
        return serveJoin(request, response)
      case 'POST /agent/v1/renew': {
        const { certificate, node } = caller(request)
        return answerJson(response, renew(certificate, node, options))
      }
      case 'GET /agent/v1/state':
        return serveState(caller(request), url, response)
      case 'POST /agent/v1/batches':
        return serveBatch(caller(request), request, response)
      default:
        throw new SekishoError('not-found')
    }
  }

  const fail = (error: unknown, request: IncomingMessage, response: ServerResponse): void => {
    // The agent went in the middle of its request: there is nobody to answer and nothing that failed here.
    if (request.socket.destroyed) return
    const problem = problemOf(error)
    if (problem.code === 'internal')
      options.log.error('an agent request failed', error, { url: request.url ?? '' })
    if (response.headersSent) return void response.destroy()
    // The rest of a refused body is not read: the connection cannot be used again.
    const headers = { 'content-type': 'application/problem+json', connection: 'close' }
    response.writeHead(ERRORS[problem.code].status, headers).end(JSON.stringify(problem))
  }

  return {
    connected: presence.connected,
    listener: (request, response) => {
      serve(request, response).catch((error: unknown) => fail(error, request, response))
    },
    [Symbol.dispose]: () => closing.abort(),
  }
}
