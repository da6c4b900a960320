import type { IncomingMessage } from 'node:http'
import { OpenAPIHono } from '@hono/zod-openapi'
import { SekishoError } from '@sekisho/core'
import type { Context } from 'hono'
import type { Principal } from '../auth/login.ts'

/** What the server's listener hands to each request, and what the guards find out about it. */
export interface Env {
  Bindings: { readonly incoming?: Pick<IncomingMessage, 'socket'> }
  Variables: { principal: Principal }
}
export type Api = OpenAPIHono<Env>
export type ApiContext = Context<Env>

/** Input that does not fit its schema is one `bad-request` with the path of the first mistake. */
export const createApi = (): Api =>
  new OpenAPIHono<Env>({
    defaultHook: result => {
      if (result.success) return
      const [issue] = result.error.issues
      const path = issue?.path.join('.') ?? ''
      throw new SekishoError('bad-request', path === '' ? issue?.message : `${path}: ${issue?.message ?? ''}`)
    },
  })

/** Address of the other end of the connection; headers of proxies are not believed. */
export const peerOf = (context: ApiContext): string => context.env?.incoming?.socket.remoteAddress ?? ''
