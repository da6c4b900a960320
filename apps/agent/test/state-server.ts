import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { gunzipSync } from 'node:zlib'
import { type Authority, openAuthority } from '@sekisho/control'
import type { Batch, EpochMs, StateMessage } from '@sekisho/core'

/**
 * The server's side of the agent protocol, as little of it as an agent can notice: real certificates, a state that
 * the test sets, batches that it keeps. The real server is tested with real agents elsewhere.
 */
export interface StateServer extends AsyncDisposable {
  readonly url: URL
  readonly authority: Authority
  readonly batches: Batch[]
  /** Revisions that agents asked from. */
  readonly asked: (string | null)[]
  /** Names on the certificates of those who asked. */
  readonly callers: string[]
  /** Sent to all who follow, and to those who come later. */
  say(message: StateMessage): void
  /** Status with which batches are answered; 200 by itself. */
  answerBatches(status: number): void
  token(): string
  /** What the cluster vouches for. */
  readonly podToken: string
  /** Requests to join so far. */
  readonly joins: number
  /** As a server that lost its records: whoever has joined is unknown until it joins again. */
  forget(): void
}

export interface StateServerOptions {
  readonly directory: string
  readonly port?: number
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  return Buffer.concat(parts)
}

const SECRET = 'id.secret'
const POD_TOKEN = 'pod-token'

export async function startStateServer({ directory, port = 0 }: StateServerOptions): Promise<StateServer> {
  const authority = openAuthority(directory, { now: () => Date.now() as EpochMs })
  const batches: Batch[] = []
  const asked: (string | null)[] = []
  const callers: string[] = []
  const followers = new Set<ServerResponse>()
  let last: StateMessage | undefined
  let batchStatus = 200
  let joins = 0
  let forgotten = false
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'https://agents')
    const socket = request.socket as TLSSocket // the server speaks TLS only
    if (url.pathname !== '/agent/v1/join') {
      if (!socket.authorized || forgotten) return void response.writeHead(401).end()
      callers.push(socket.getPeerX509Certificate()?.subject ?? '')
    }
    const body = await readBody(request)
    switch (url.pathname) {
      case '/agent/v1/join': {
        joins++
        const { token, serviceAccountToken, node, publicKey } = JSON.parse(body.toString()) as Record<
          string,
          string
        >
        if (token !== `${SECRET}.${authority.fingerprint}` && serviceAccountToken !== POD_TOKEN)
          return void response.writeHead(401).end('no such token')
        const certificate = authority.issueAgent(node ?? '', publicKey ?? '')
        forgotten = false
        return void response.end(JSON.stringify({ certificate, ca: authority.certificate }))
      }
      case '/agent/v1/state':
        asked.push(url.searchParams.get('revision'))
        followers.add(response)
        response.writeHead(200).flushHeaders()
        if (last) response.write(`${JSON.stringify(last)}\n`)
        return
      case '/agent/v1/batches': {
        if (batchStatus !== 200) return void response.writeHead(batchStatus).end()
        const batch = JSON.parse(gunzipSync(body).toString()) as Batch
        batches.push(batch)
        return void response.end(JSON.stringify({ sequence: batch.sequence }))
      }
      default:
        response.writeHead(404).end()
    }
  }
  const { cert, key, ca } = authority.issueServer(['127.0.0.1'])
  const tls = { cert: cert + ca, key, ca, requestCert: true, rejectUnauthorized: false }
  const server: Server = createServer(tls, (request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error)) // the test then fails
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const { port: bound } = server.address() as AddressInfo // it listens on TCP
  return {
    url: new URL(`https://127.0.0.1:${bound}/`),
    authority,
    batches,
    asked,
    callers,
    say(message) {
      last = message
      for (const response of followers) response.write(`${JSON.stringify(message)}\n`)
    },
    answerBatches(status) {
      batchStatus = status
    },
    token: () => `${SECRET}.${authority.fingerprint}`,
    podToken: POD_TOKEN,
    get joins() {
      return joins
    },
    forget() {
      forgotten = true
      for (const response of followers) response.destroy()
      followers.clear()
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
