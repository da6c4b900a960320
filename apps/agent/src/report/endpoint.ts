import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer, get, type RequestListener, type Server } from 'node:http'
import type { ListenOptions } from 'node:net'
import { exposition, type LocalStatus } from './exposition.ts'

/** Who may ask: whoever can open the socket (root), or anyone on this machine for the metrics. */
export type Audience = 'socket' | 'metrics'

function listener(status: () => LocalStatus, audience: Audience): RequestListener {
  return ({ method, url }, response) => {
    const answer = (code: number, type: string, body: string) =>
      response.writeHead(code, { 'content-type': type }).end(body)
    const route = method === 'GET' ? url : undefined
    if (route === '/livez') return answer(200, 'text/plain', 'ok\n')
    if (route === '/readyz') {
      const { enforcing } = status()
      return answer(
        enforcing ? 200 : 503,
        'text/plain',
        enforcing ? 'ok\n' : 'the kernel is not programmed\n',
      )
    }
    if (route === '/metrics') return answer(200, 'text/plain; version=0.0.4', exposition(status()))
    // Policies' effects and the server's name are not for every user of the machine.
    if (route === '/status' && audience === 'socket') {
      return answer(200, 'application/json', JSON.stringify(status()))
    }
    return answer(404, 'text/plain', 'not found\n')
  }
}

async function listen(server: Server, where: ListenOptions): Promise<AsyncDisposable> {
  server.listen(where)
  await once(server, 'listening')
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The agent's unix socket; one left over from a crash is replaced (the lock says that nobody else has it). */
export async function openSocket(path: string, status: () => LocalStatus): Promise<AsyncDisposable> {
  rmSync(path, { force: true })
  const mask = process.umask(0o177)
  try {
    return await listen(createServer(listener(status, 'socket')), { path })
  } finally {
    process.umask(mask)
  }
}

export const openMetrics = (
  where: { readonly host: string; readonly port: number },
  status: () => LocalStatus,
): Promise<AsyncDisposable> => listen(createServer(listener(status, 'metrics')), where)

/** Asks a running agent. @throws when none listens. */
export async function askStatus(socketPath: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const request = get({ socketPath, path: '/status' }, response => {
    let body = ''
    response.setEncoding('utf8')
    response.on('data', (part: string) => {
      body += part
    })
    response.once('end', () => resolve(body))
    response.once('error', reject)
  })
  request.once('error', reject)
  return promise
}
