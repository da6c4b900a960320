import { type Clock, type EpochMs, SekishoError } from '@sekisho/core'
import type { Accounts, ApiToken, OneTimePurpose, Session, User } from './api.ts'
import type { Database } from './database.ts'
import type { Tables } from './tables.ts'

const userOf = (row: Tables['users']): User => ({
  name: row.name,
  passwordHash: row.password_hash ?? undefined,
  createdAt: row.created_at as EpochMs,
})
const sessionOf = (row: Tables['sessions']): Session => ({
  user: row.user,
  createdAt: row.created_at as EpochMs,
  expiresAt: row.expires_at as EpochMs,
})
const tokenOf = (row: Tables['api_tokens']): ApiToken => ({
  id: row.id,
  user: row.user,
  name: row.name,
  createdAt: row.created_at as EpochMs,
  expiresAt: row.expires_at as EpochMs,
})

/** Who may come in, and by which secret. Expired rows are dropped whenever one of their kind is made. */
class AccountTables implements Accounts {
  readonly #database: Database
  readonly #clock: Clock

  constructor(database: Database, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  user(name: string): User | undefined {
    const row = this.#database.first(this.#users().where('name', '=', name))
    return row && userOf(row)
  }

  users(): readonly User[] {
    return this.#database.all(this.#users().orderBy('name')).map(userOf)
  }

  ensureUser(name: string): User {
    const created_at = this.#clock.now()
    this.#database.run(
      this.#database.build
        .insertInto('users')
        .values({ name, password_hash: null, created_at })
        .onConflict(conflict => conflict.doNothing()),
    )
    return this.user(name) ?? { name, passwordHash: undefined, createdAt: created_at }
  }

  setPassword(name: string, passwordHash: string): void {
    const query = this.#database.build.updateTable('users').set({ password_hash: passwordHash })
    if (this.#database.run(query.where('name', '=', name)) === 0) {
      throw new SekishoError('not-found', `there is no user ${name}`)
    }
  }

  openSession({ hash, user, expiresAt }: Parameters<Accounts['openSession']>[0]): Session {
    const row = { hash, user, created_at: this.#clock.now(), expires_at: expiresAt }
    this.#database.transaction(() => {
      this.#database.run(
        this.#database.build.deleteFrom('sessions').where('expires_at', '<=', this.#clock.now()),
      )
      this.#database.run(this.#database.build.insertInto('sessions').values(row))
    })
    return sessionOf(row)
  }

  session(hash: string): Session | undefined {
    const query = this.#database.build.selectFrom('sessions').selectAll().where('hash', '=', hash)
    const row = this.#database.first(query.where('expires_at', '>', this.#clock.now()))
    return row && sessionOf(row)
  }

  extendSession(hash: string, expiresAt: EpochMs): void {
    const query = this.#database.build.updateTable('sessions').set({ expires_at: expiresAt })
    this.#database.run(query.where('hash', '=', hash))
  }

  closeSession(hash: string): void {
    this.#database.run(this.#database.build.deleteFrom('sessions').where('hash', '=', hash))
  }

  closeSessions(user: string, except = ''): number {
    const query = this.#database.build.deleteFrom('sessions').where('user', '=', user)
    return this.#database.run(query.where('hash', '<>', except))
  }

  createToken({ id, hash, user, name, expiresAt }: Parameters<Accounts['createToken']>[0]): ApiToken {
    const row = { id, hash, user, name, created_at: this.#clock.now(), expires_at: expiresAt }
    this.#database.run(this.#database.build.insertInto('api_tokens').values(row))
    return tokenOf(row)
  }

  token(hash: string): ApiToken | undefined {
    const query = this.#database.build.selectFrom('api_tokens').selectAll().where('hash', '=', hash)
    const row = this.#database.first(query.where('expires_at', '>', this.#clock.now()))
    return row && tokenOf(row)
  }

  tokens(user: string): readonly ApiToken[] {
    const query = this.#database.build.selectFrom('api_tokens').selectAll().where('user', '=', user)
    return this.#database.all(query.orderBy('created_at').orderBy('id')).map(tokenOf)
  }

  revokeToken(id: string, user: string): boolean {
    const query = this.#database.build.deleteFrom('api_tokens').where('id', '=', id).where('user', '=', user)
    return this.#database.run(query) > 0
  }

  issue({ hash, purpose, subject, expiresAt }: Parameters<Accounts['issue']>[0]): void {
    const { build } = this.#database
    this.#database.transaction(() => {
      this.#database.run(build.deleteFrom('one_time_secrets').where('expires_at', '<=', this.#clock.now()))
      const row = { hash, purpose, subject, expires_at: expiresAt }
      this.#database.run(build.insertInto('one_time_secrets').values(row))
    })
  }

  /** One DELETE that returns its row: of two requests with one link, SQLite lets one have it. */
  redeem(hash: string, purpose: OneTimePurpose): string | undefined {
    const row = this.#database.first(
      this.#database.build
        .deleteFrom('one_time_secrets')
        .where('hash', '=', hash)
        .where('purpose', '=', purpose)
        .returning(['subject', 'expires_at']),
    )
    return row && row.expires_at > this.#clock.now() ? row.subject : undefined
  }

  #users() {
    return this.#database.build.selectFrom('users').selectAll()
  }
}

export const openAccounts = (database: Database, clock: Clock): Accounts => new AccountTables(database, clock)
