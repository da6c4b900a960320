import { ERRORS, type ErrorCode, LIMITS, SekishoError, VERSION } from '@sekisho/core'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import { refuse } from '../duty.ts'
import type { Dependencies } from './dependencies.ts'
import { authenticate, cookieName, hostCheck, originCheck, type Reach, securityHeaders } from './guard.ts'
import { serveHealth } from './handlers/health.ts'
import { serveInsight } from './handlers/insight.ts'
import { servePolicies } from './handlers/policies.ts'
import { serveRecords } from './handlers/records.ts'
import { serveResponses } from './handlers/responses.ts'
import { serveAccount, serveLogin } from './handlers/session.ts'
import { type Api, createApi } from './hono.ts'
import { problemOf } from './problem.ts'

/** The framework's own refusals (malformed JSON, …) as ours. */
const CODES: Readonly<Record<number, ErrorCode>> = { 400: 'bad-request', 404: 'not-found', 413: 'too-large' }

const asKnown = (error: unknown): unknown =>
  error instanceof HTTPException
    ? new SekishoError(CODES[error.status] ?? 'bad-request', error.message)
    : error

function answerError(error: unknown, context: Context, { log, counters }: Dependencies): Response {
  const problem = problemOf(asKnown(error))
  // A client that went in the middle of its request is no failure of ours.
  if (problem.code === 'internal' && !context.req.raw.signal.aborted) {
    counters.failures++
    log.error('a request failed', error, { method: context.req.method, path: context.req.path })
  }
  const headers = { 'content-type': 'application/problem+json', ...RETRY[problem.code] }
  return context.body(JSON.stringify(problem), ERRORS[problem.code].status, headers)
}

const RETRY: Readonly<Partial<Record<ErrorCode, Record<string, string>>>> = {
  'too-many': { 'retry-after': String(LIMITS.loginWindow.value) },
  unavailable: { 'retry-after': '1' },
}

function document(api: Api, reach: Reach): void {
  const schemes = api.openAPIRegistry
  schemes.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' })
  schemes.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: cookieName(reach),
  })
  api.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: { title: 'Sekisho', version: VERSION, license: { name: 'Apache-2.0' } },
    security: [{ token: [] }, { session: [] }],
  })
}

/** The whole HTTP side of the server, in the order in which a request meets it. */
export function createHttp(dependencies: Dependencies): Api {
  const { reach, counters, files, login, duty } = dependencies
  const app = createApi()
  app.onError((error, context) => answerError(error, context, dependencies))
  app.notFound(context => answerError(new SekishoError('not-found'), context, dependencies))
  app.use(async (_context, next) => {
    counters.requests++
    await next()
  })
  app.use(securityHeaders(reach))
  app.use(hostCheck(reach))
  serveHealth(app, dependencies)
  app.use(originCheck)
  app.use(
    bodyLimit({
      maxSize: LIMITS.requestBytes.value,
      onError: () => {
        throw new SekishoError('too-large')
      },
    }),
  )

  const api = createApi()
  api.use(async (_context, next) => {
    refuse(duty.standby)
    await next()
  })
  serveLogin(api, dependencies)
  api.use(authenticate(login, reach))
  serveAccount(api, dependencies)
  serveRecords(api, dependencies)
  servePolicies(api, dependencies)
  serveResponses(api, dependencies)
  serveInsight(api, dependencies)
  app.route('/api/v1', api)
  app.all('/api/*', () => {
    throw new SekishoError('not-found')
  })
  document(app, reach)
  app.use(files.middleware)
  return app
}
