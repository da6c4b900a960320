import type { IncomingMessage } from 'node:http'
import { Agent, type RequestOptions, request } from 'node:https'

/** Who the agent is to the server, and whom it believes to be the server. PEM texts. */
export interface Credentials {
  readonly key: string
  readonly certificate: string
  readonly authority: string
}

export interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  readonly signal?: AbortSignal
}

/** The server answered something other than success. */
export class ServerError extends Error {
  override readonly name = 'ServerError'
  readonly status: number
  constructor(status: number, text: string) {
    super(`the server answered ${status}${text === '' ? '' : `: ${text.slice(0, 300)}`}`)
    this.status = status
  }
}

/** Answers are a few bytes, certificates at most; anything longer is not from our server. */
const ANSWER_MOST = 65_536
const ANSWER_TIMEOUT_MS = 30_000

export interface ServerClient extends Disposable {
  /** @throws ServerError for a status other than 200; others for the network. */
  call(call: Call): Promise<string>
  /** The body of a long answer, in pieces as they come. */
  stream(call: Call): Promise<AsyncIterable<string>>
}

export type TlsOptions = Pick<RequestOptions, 'ca' | 'cert' | 'key'>

/** A client for one server with one set of TLS options; connections are kept and reused. */
export function createClient(server: URL, tls: TlsOptions, timeout = ANSWER_TIMEOUT_MS): ServerClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 4, minVersion: 'TLSv1.3', ...tls })
  const send = async ({ method, path, headers = {}, body, signal }: Call): Promise<IncomingMessage> => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    // Unlike `setTimeout` this counts while it connects, too: the address of a pod that is gone answers nothing,
    // and the kernel would try it for two minutes, however soon the Service leads to another.
    const options = { method, agent, headers, timeout, ...(signal && { signal }) }
    const outgoing = request(new URL(path, server), options, resolve)
    outgoing.once('error', reject)
    outgoing.once('timeout', () => outgoing.destroy(new Error('the server does not answer')))
    outgoing.end(body)
    return promise
  }
  return {
    async call(call) {
      const response = await send(call)
      const text = await readAll(response)
      if (response.statusCode !== 200) throw new ServerError(response.statusCode ?? 0, text)
      return text
    },
    async stream(call) {
      const response = await send(call)
      if (response.statusCode !== 200)
        throw new ServerError(response.statusCode ?? 0, await readAll(response))
      return response.setEncoding('utf8') as AsyncIterable<string> // with an encoding it yields strings
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length
    if (length > ANSWER_MOST) throw new Error('the server’s answer is too long')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
