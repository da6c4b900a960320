import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent as Connections, request } from 'node:https'
import { createInterface } from 'node:readline'
import { gzipSync } from 'node:zlib'
import type { JoinTokenCreated } from '@sekisho/control'
import {
  type Batch,
  type EpochMs,
  type Flow,
  type NodeName,
  namespace,
  type StateMessage,
  type StatePosition,
  type Workload,
  workloadId,
} from '@sekisho/core'
import type { TestServer } from './harness.ts'

/** What an agent does on the wire, and what a broken or hostile one might. */

export interface Answer {
  readonly status: number
  readonly body: string
}
export interface Identity {
  readonly key: string
  readonly cert?: string
  readonly ca?: string
}

export interface Wire {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly identity?: Identity
  readonly body?: Uint8Array | string
  readonly headers?: Readonly<Record<string, string>>
}

const pem = (key: KeyObject): string =>
  key
    .export(key.type === 'private' ? { type: 'pkcs8', format: 'pem' } : { type: 'spki', format: 'pem' })
    .toString()
export const newKey = (): string => pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
export const publicPem = (key: string): string => pem(createPublicKey(key))

/** Where agents reach a server. */
type Reached = Pick<TestServer, 'agentsPort'>

function begin(server: Reached, wire: Wire): ClientRequest {
  const { identity } = wire
  return request({
    host: '127.0.0.1',
    port: server.agentsPort,
    method: wire.method,
    path: wire.path,
    headers: wire.headers,
    // A connection of its own: TLS sessions are not shared between identities.
    agent: new Connections({ maxCachedSessions: 0 }),
    rejectUnauthorized: identity?.ca !== undefined,
    ...(identity?.cert ? { key: identity.key, cert: identity.cert } : {}),
    ...(identity?.ca ? { ca: identity.ca } : {}),
  })
}

async function open(server: Reached, wire: Wire): Promise<IncomingMessage> {
  const outgoing = begin(server, wire)
  outgoing.end(wire.body)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  return response
}

export async function send(server: Reached, wire: Wire): Promise<Answer> {
  const response = await open(server, wire)
  let body = ''
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) body += chunk
  return { status: response.statusCode ?? 0, body }
}

export async function joinToken(server: TestServer, request: object = {}): Promise<string> {
  const client = await server.login()
  return (await client.post<JoinTokenCreated>('join-tokens', request)).token
}

export const sendJoin = (server: Reached, body: object): Promise<Answer> =>
  send(server, { method: 'POST', path: '/agent/v1/join', body: JSON.stringify(body) })

export async function join(server: TestServer, node: string): Promise<Required<Identity>> {
  const key = newKey()
  const answer = await sendJoin(server, { token: await joinToken(server), node, publicKey: publicPem(key) })
  if (answer.status !== 200) throw new Error(answer.body)
  const { certificate, ca } = JSON.parse(answer.body) as { certificate: string; ca: string }
  return { key, cert: certificate, ca }
}

/** Whose revisions a snapshot counts. */
export function historyOf(message: StateMessage): string {
  if (message.kind !== 'snapshot' || message.history === undefined) throw new Error('no snapshot')
  return message.history
}

export const upload = (server: Reached, identity: Identity, batch: unknown): Promise<Answer> =>
  send(server, {
    method: 'POST',
    path: '/agent/v1/batches',
    identity,
    headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' },
    body: gzipSync(JSON.stringify(batch)),
  })

/** An upload whose body never comes. */
export function stall(server: Reached, identity: Identity): Disposable {
  const headers = { 'content-length': '1000' }
  const outgoing = begin(server, { method: 'POST', path: '/agent/v1/batches', identity, headers })
  outgoing.on('error', () => undefined).flushHeaders() // ended below, by the test
  return { [Symbol.dispose]: () => void outgoing.destroy() }
}

export interface Following extends Disposable {
  /** The next message that is no heartbeat. */
  next(): Promise<StateMessage>
  /** Resolves when the server ends the stream. */
  readonly ended: Promise<void>
}

export async function follow(
  server: Reached,
  identity: Identity,
  position?: StatePosition,
): Promise<Following> {
  const query = position && { history: position.history, revision: String(position.revision) }
  const path = `/agent/v1/state?${new URLSearchParams(query)}`
  const response = await open(server, { method: 'GET', path, identity })
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
  const ended = once(response, 'close').then(() => undefined)
  const lines = createInterface({ input: response })[Symbol.asyncIterator]()
  return {
    ended,
    async next() {
      for (;;) {
        const { value, done } = await lines.next()
        if (done === true) throw new Error('the stream ended')
        const message = JSON.parse(value) as StateMessage // the server under test wrote it
        if (message.kind !== 'heartbeat') return message
      }
    },
    [Symbol.dispose]: () => response.destroy(),
  }
}

export const workload = (node: string, name: string, ip: string): Workload => ({
  id: workloadId('pod', 'shop', name),
  kind: 'pod',
  namespace: 'shop',
  name,
  owner: { kind: 'Deployment', name },
  labels: { app: name },
  node: node as NodeName,
  addresses: [ip],
  hostNetwork: false,
  ports: [],
  state: 'running',
})

export const flow = (at: number, from: Workload, to: Workload): Flow => ({
  source: { workload: from.id, ip: from.addresses[0] ?? '' },
  destination: { workload: to.id, ip: to.addresses[0] ?? '' },
  protocol: 'TCP',
  port: 443,
  outcome: 'allowed',
  why: 'not-selected',
  connections: 3,
  packets: 30,
  bytesToDestination: 3_000,
  bytesToSource: 9_000,
  first: at as EpochMs,
  last: at as EpochMs,
})

export const batch = (node: string, sequence: number, rest: Partial<Batch> = {}): Batch => ({
  node: node as NodeName,
  epoch: 'e1',
  sequence,
  flows: [],
  events: [],
  ...rest,
})
export const shop = [namespace('shop')]
