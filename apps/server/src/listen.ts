import { once } from 'node:events'
import { createServer as createHttp, type RequestListener, type Server } from 'node:http'
import { createServer as createHttps, type Server as HttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { SecureContextOptions, TlsOptions } from 'node:tls'
import type { Endpoint } from './options.ts'

/** More sockets than this are refused by the kernel's queue, before they cost a TLS handshake. */
const MAX_CONNECTIONS = 8_192
/** What a request in flight gets to end when the server stops. */
const GRACE_MS = 2_000

export interface Listening extends AsyncDisposable {
  readonly port: number
  /** Puts a new certificate in place; connections that are open keep the old one. */
  setCredentials(credentials: SecureContextOptions): void
}

/** @param tls plain HTTP without it. */
export async function listen(
  { host, port }: Endpoint,
  listener: RequestListener,
  tls?: TlsOptions,
): Promise<Listening> {
  const secure: HttpsServer | undefined = tls && createHttps(tls, listener)
  const server: Server | HttpsServer = secure ?? createHttp(listener)
  server.maxConnections = MAX_CONNECTIONS
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address() as AddressInfo // a TCP listener has no pipe's name
  return {
    port: address.port,
    setCredentials: credentials => secure?.setSecureContext(credentials),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      const force = setTimeout(() => server.closeAllConnections(), GRACE_MS)
      await closed
      clearTimeout(force)
    },
  }
}
