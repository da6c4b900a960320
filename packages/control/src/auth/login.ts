import { type Clock, type EpochMs, LIMITS, SekishoError } from '@sekisho/core'
import type { ApiToken, AuditNote, Store } from '@sekisho/store'
import { issueToken } from './issue.ts'
import { createLimiter, limiterAddress } from './limiter.ts'
import type { Passwords } from './password.ts'
import { csrfToken, digest, newSecret } from './secret.ts'

const SESSION_MS = 12 * 3_600_000

/** Someone who proved who they are. Only `createLogin` makes one. */
export interface Principal {
  readonly user: string
  /** Address the request came from. */
  readonly from: string
  /** Absent for an API token: it is never sent by a browser on its own, so it needs no CSRF check. */
  readonly session?: OpenSession
}

export interface OpenSession {
  /** The cookie's value. */
  readonly secret: string
  readonly csrf: string
  readonly expiresAt: EpochMs
  /** Opened by a one-time link: may set a password without knowing the old one. */
  readonly byLink: boolean
  readonly mustSetPassword: boolean
}

export interface Attempt {
  readonly from: string
}

export interface Login {
  /** @throws SekishoError link-used, too-many */
  withLink(token: string, attempt: Attempt): Principal
  /** @throws SekishoError unauthenticated, too-many */
  withPassword(name: string, password: string, attempt: Attempt): Promise<Principal>
  /** Undefined when the session is unknown or over. */
  bySession(secret: string, attempt: Attempt): Principal | undefined
  byToken(token: string, attempt: Attempt): Principal | undefined
  logout(principal: Principal): void
  /** Ends all other sessions of the account. @returns a new session. @throws SekishoError unauthenticated, too-many */
  changePassword(
    principal: Principal,
    change: { current?: string | undefined; password: string },
  ): Promise<Principal>
  createToken(
    principal: Principal,
    token: { name: string; expiresInDays: number },
  ): ApiToken & { token: string }
  tokens(principal: Principal): readonly ApiToken[]
  /** @throws SekishoError not-found */
  deleteToken(principal: Principal, id: string): void
}

export interface LoginOptions {
  readonly store: Pick<Store, 'accounts' | 'audit' | 'transaction'>
  readonly passwords: Passwords
  readonly clock: Clock
}

// How a session was opened is part of its secret, and the stored hash covers it: it cannot be changed afterwards.
const LINK = 'link.'
const PASSWORD = 'password.'

export function createLogin({ store, passwords, clock }: LoginOptions): Login {
  const { accounts, audit } = store
  const limits = { windowMs: LIMITS.loginWindow.value * 1000, keys: LIMITS.limiterKeys.value, clock }
  const perAccount = createLimiter({ ...limits, attempts: LIMITS.loginAttempts.value })
  const perAddress = createLimiter({ ...limits, attempts: LIMITS.loginAttemptsPerAddress.value })
  const note = (
    entry: Omit<AuditNote, 'target' | 'details'> & { readonly details?: string; target?: string },
  ) => audit.append({ target: '', details: '', ...entry })

  const admit = (name: string, from: string): string => {
    const address = limiterAddress(from)
    const key = `${name}\n${address}`
    if (!perAddress.take(address) || !perAccount.take(key)) throw new SekishoError('too-many')
    return key
  }
  /** Logging in is no attack: only what failed is held against an address, and nothing against the account. */
  const forgive = (key: string, from: string) => {
    perAccount.clear(key)
    perAddress.giveBack(limiterAddress(from))
  }
  const describe = (user: string, secret: string, session: { expiresAt: EpochMs }): OpenSession => ({
    secret,
    csrf: csrfToken(secret),
    expiresAt: session.expiresAt,
    byLink: secret.startsWith(LINK),
    mustSetPassword: accounts.user(user)?.passwordHash === undefined,
  })
  const open = (user: string, prefix: string, from: string): Principal => {
    const secret = prefix + newSecret()
    const expiresAt = (clock.now() + SESSION_MS) as EpochMs
    const session = accounts.openSession({ hash: digest(secret), user, expiresAt })
    return { user, from, session: describe(user, secret, session) }
  }
  const checkCurrent = async ({ user, from, session }: Principal, current: string | undefined) => {
    const hash = accounts.user(user)?.passwordHash
    if (hash === undefined || session?.byLink) return
    const key = admit(user, from)
    if (await passwords.verify(current ?? '', hash)) return forgive(key, from)
    note({ actor: user, action: 'account.password', result: 'refused', from })
    throw new SekishoError('unauthenticated', 'The current password is wrong.')
  }

  return {
    withLink(token, { from }) {
      const key = admit('', from)
      const user = accounts.redeem(digest(token), 'login')
      note({ actor: user ?? '', action: 'login.link', result: user === undefined ? 'refused' : 'ok', from })
      if (user === undefined) throw new SekishoError('link-used')
      forgive(key, from)
      return open(user, LINK, from)
    },
    async withPassword(name, password, { from }) {
      const key = admit(name, from)
      const right = await passwords.verify(password, accounts.user(name)?.passwordHash)
      note({ actor: name, action: 'login.password', result: right ? 'ok' : 'refused', from })
      if (!right) throw new SekishoError('unauthenticated', 'The name or the password is wrong.')
      forgive(key, from)
      return open(name, PASSWORD, from)
    },
    bySession(secret, { from }) {
      const session = accounts.session(digest(secret))
      return session && { user: session.user, from, session: describe(session.user, secret, session) }
    },
    byToken(token, { from }) {
      const found = accounts.token(digest(token))
      return found && { user: found.user, from }
    },
    logout({ user, from, session }) {
      if (session) accounts.closeSession(digest(session.secret))
      note({ actor: user, action: 'logout', result: 'ok', from })
    },
    async changePassword(principal, { current, password }) {
      await checkCurrent(principal, current)
      const { user, from } = principal
      const hash = await passwords.hash(password)
      return store.transaction(() => {
        accounts.setPassword(user, hash)
        accounts.closeSessions(user)
        note({ actor: user, action: 'account.password', result: 'ok', from })
        return open(user, PASSWORD, from)
      })
    },
    createToken({ user, from }, { name, expiresInDays }) {
      const token = issueToken(accounts, clock, { user, name, days: expiresInDays })
      note({ actor: user, action: 'token.create', target: token.id, result: 'ok', from, details: name })
      return token
    },
    tokens: ({ user }) => accounts.tokens(user),
    deleteToken({ user, from }, id) {
      if (!accounts.revokeToken(id, user)) throw new SekishoError('not-found')
      note({ actor: user, action: 'token.delete', target: id, result: 'ok', from })
    },
  }
}
