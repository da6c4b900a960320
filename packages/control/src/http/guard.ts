import { parseIp, SekishoError } from '@sekisho/core'
import type { MiddlewareHandler } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import type { Login, Principal } from '../auth/login.ts'
import { equalSecrets } from '../auth/secret.ts'
import { type ApiContext, type Env, peerOf } from './hono.ts'

/** How the server is reached; decides which cookies, names and headers are right. */
export interface Reach {
  readonly https: boolean
  /** Host names it answers to, besides addresses. */
  readonly names: ReadonlySet<string>
  /** Part of the cookie's name: cookies do not tell ports apart, so two servers on one host would log each other out. */
  readonly port: number
}

type Guard = MiddlewareHandler<Env>

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  // React Aria and CodeMirror set style attributes; styles cannot run code.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

export const securityHeaders =
  ({ https }: Reach): Guard =>
  async (context, next) => {
    await next()
    const { headers } = context.res
    headers.set('content-security-policy', CONTENT_SECURITY_POLICY)
    headers.set('x-content-type-options', 'nosniff')
    headers.set('referrer-policy', 'no-referrer')
    headers.set('cross-origin-opener-policy', 'same-origin')
    headers.set('cross-origin-resource-policy', 'same-origin')
    if (https) headers.set('strict-transport-security', 'max-age=31536000')
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store')
  }

/** The host of `Host` or `Origin` without port and brackets; undefined when it is none. */
function hostOf(authority: string): string | undefined {
  if (!URL.canParse(`http://${authority}`)) return undefined
  return new URL(`http://${authority}`).hostname.replace(/^\[|\]$/g, '')
}

/**
 * DNS rebinding: a web page whose own name was made to point at this server would be of the same origin with it.
 * Such a request always carries a name; so a name must be one of ours, and an address is fine.
 */
export const hostCheck =
  ({ names }: Reach): Guard =>
  async (context, next) => {
    const host = hostOf(context.req.header('host') ?? '')
    if (host === undefined || (!names.has(host) && parseIp(host) === undefined)) {
      throw new SekishoError('forbidden', 'This server does not go by that host name.')
    }
    await next()
  }

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])
/** `none`: typed in by the user. Absent: not a browser, or one too old to say. */
const OWN_SITES = new Set(['same-origin', 'none', undefined])

/** A request that changes something must come from our own pages, not from another site in the same browser. */
export const originCheck: Guard = async (context, next) => {
  if (!SAFE_METHODS.has(context.req.method)) {
    const origin = context.req.header('origin')
    const own = origin === undefined || origin.replace(/^https?:\/\//, '') === context.req.header('host')
    if (!own || !OWN_SITES.has(context.req.header('sec-fetch-site'))) throw new SekishoError('csrf')
  }
  await next()
}

/** `__Host-` makes the browser refuse the cookie unless it is Secure, for this host only and for every path. */
export const cookieName = ({ https, port }: Reach): string => `${https ? '__Host-' : ''}sekisho-${port}`

export function setSession(
  context: ApiContext,
  reach: Reach,
  session: { secret: string; seconds: number },
): void {
  setCookie(context, cookieName(reach), session.secret, {
    path: '/',
    httpOnly: true,
    sameSite: 'Strict',
    secure: reach.https,
    maxAge: session.seconds,
  })
}

export const endSession = (context: ApiContext, reach: Reach): void =>
  setSession(context, reach, { secret: '', seconds: 0 })

const BEARER = /^Bearer ([\w.~+/-]+=*)$/i

function principalOf(context: ApiContext, login: Login, reach: Reach): Principal | undefined {
  const from = peerOf(context)
  const authorization = context.req.header('authorization')
  // A request that shows a token is judged by the token alone, so that a wrong one never falls back to a cookie.
  if (authorization !== undefined) {
    const token = BEARER.exec(authorization)?.[1]
    return token === undefined ? undefined : login.byToken(token, { from })
  }
  const cookie = getCookie(context, cookieName(reach))
  return cookie ? login.bySession(cookie, { from }) : undefined
}

/** Everything behind it needs a login; what changes something by a cookie needs the session's CSRF token too. */
export const authenticate =
  (login: Login, reach: Reach): Guard =>
  async (context, next) => {
    const principal = principalOf(context, login, reach)
    if (!principal) throw new SekishoError('unauthenticated')
    const { session } = principal
    if (session && !SAFE_METHODS.has(context.req.method)) {
      if (!equalSecrets(context.req.header('x-csrf-token') ?? '', session.csrf))
        throw new SekishoError('csrf')
    }
    context.set('principal', principal)
    await next()
  }
