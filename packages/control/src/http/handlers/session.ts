import { SekishoError, VERSION } from '@sekisho/core'
import { issueJoinToken } from '../../auth/issue.ts'
import type { Principal } from '../../auth/login.ts'
import { routes } from '../../routes.ts'
import type { Session } from '../../schema/session.ts'
import { timestampOf, tokenView } from '../../views.ts'
import type { Dependencies } from '../dependencies.ts'
import { endSession, setSession } from '../guard.ts'
import { type Api, type ApiContext, peerOf } from '../hono.ts'

/** Routes that need no login. */
export function serveLogin(api: Api, dependencies: Dependencies): void {
  const { login, counters } = dependencies
  const counted = async (work: () => Principal | Promise<Principal>): Promise<Principal> => {
    try {
      const principal = await work()
      counters.logins.ok++
      return principal
    } catch (error) {
      counters.logins.refused++
      throw error
    }
  }
  api.openapi(routes.loginLink, async context => {
    const { token } = context.req.valid('json')
    const principal = await counted(() => login.withLink(token, { from: peerOf(context) }))
    return context.json(openSession(context, principal, dependencies), 200)
  })
  api.openapi(routes.loginPassword, async context => {
    const { name, password } = context.req.valid('json')
    const principal = await counted(() => login.withPassword(name, password, { from: peerOf(context) }))
    return context.json(openSession(context, principal, dependencies), 200)
  })
}

function sessionView({ user, session }: Principal, lab: boolean): Session {
  if (!session) throw new SekishoError('forbidden', 'This needs a session, not an API token.')
  const { csrf, expiresAt, mustSetPassword } = session
  return { user, csrf, mustSetPassword, expiresAt: timestampOf(expiresAt), version: VERSION, lab }
}

function openSession(
  context: ApiContext,
  principal: Principal,
  { reach, clock, lab }: Dependencies,
): Session {
  const view = sessionView(principal, lab)
  const { secret = '', expiresAt = clock.now() } = principal.session ?? {}
  setSession(context, reach, { secret, seconds: Math.floor((expiresAt - clock.now()) / 1000) })
  return view
}

/** A token that leaks must not be able to make more of itself or to lock its owner out. */
function needSession(principal: Principal): Principal {
  if (!principal.session) throw new SekishoError('forbidden', 'This needs a session, not an API token.')
  return principal
}

export function serveAccount(api: Api, dependencies: Dependencies): void {
  const { login, store, authority, clock, lab, reach } = dependencies
  api.openapi(routes.session, context => context.json(sessionView(context.var.principal, lab), 200))
  api.openapi(routes.logout, context => {
    login.logout(context.var.principal)
    endSession(context, reach)
    return context.body(null, 204)
  })
  api.openapi(routes.password, async context => {
    const principal = await login.changePassword(
      needSession(context.var.principal),
      context.req.valid('json'),
    )
    return context.json(openSession(context, principal, dependencies), 200)
  })
  api.openapi(routes.tokens, context => {
    const items = login.tokens(context.var.principal).map(tokenView)
    return context.json({ items, nextCursor: null }, 200)
  })
  api.openapi(routes.createToken, context => {
    const token = login.createToken(needSession(context.var.principal), context.req.valid('json'))
    return context.json({ ...tokenView(token), token: token.token }, 201)
  })
  api.openapi(routes.deleteToken, context => {
    login.deleteToken(context.var.principal, context.req.valid('param').id)
    return context.body(null, 204)
  })
  api.openapi(routes.createJoinToken, context => {
    const { expiresInMinutes: minutes, node } = context.req.valid('json')
    const { user, from } = needSession(context.var.principal)
    const { id, token, expiresAt } = issueJoinToken(store.accounts, authority, { clock, minutes, node })
    store.audit.append({
      actor: user,
      action: 'join-token.create',
      target: id,
      result: 'ok',
      from,
      details: node ?? '',
    })
    return context.json({ token, expiresAt: timestampOf(expiresAt) }, 201)
  })
}
