import type { Clock, EpochMs } from '@sekisho/core'
import type { Accounts, ApiToken } from '@sekisho/store'
import type { Authority } from '../pki/authority.ts'
import { digest, newSecret } from './secret.ts'

const MINUTE = 60_000
const DAY = 86_400_000
export const LOGIN_LINK_MS = 15 * MINUTE
/** The account that a one-time link opens; whoever can write the server's database is its owner. */
export const OWNER = 'admin'

/** Makes a one-time login secret; the caller puts it into a link. */
export function issueLoginLink(accounts: Accounts, clock: Pick<Clock, 'now'>): string {
  const secret = newSecret()
  const expiresAt = (clock.now() + LOGIN_LINK_MS) as EpochMs
  accounts.ensureUser(OWNER)
  accounts.issue({ hash: digest(secret), purpose: 'login', subject: OWNER, expiresAt })
  return secret
}

/** Makes an API token of the owner. @returns what is sent as `Authorization: Bearer`; it is shown only once. */
export function issueToken(
  accounts: Accounts,
  clock: Pick<Clock, 'now'>,
  { user, name, days }: { readonly user: string; readonly name: string; readonly days: number },
): ApiToken & { readonly token: string } {
  const id = newSecret().slice(0, 12)
  const token = `sekisho_${newSecret()}`
  const expiresAt = (clock.now() + days * DAY) as EpochMs
  return { ...accounts.createToken({ id, hash: digest(token), user, name, expiresAt }), token }
}

/**
 * Makes a token that lets one agent join once: `<id>.<secret>.<CA fingerprint>`. The fingerprint lets the agent
 * know the server before it sends the secret.
 */
export function issueJoinToken(
  accounts: Accounts,
  authority: Pick<Authority, 'fingerprint'>,
  {
    clock,
    minutes,
    node,
  }: { readonly clock: Pick<Clock, 'now'>; readonly minutes: number; readonly node?: string | undefined },
): { readonly id: string; readonly token: string; readonly expiresAt: EpochMs } {
  const id = newSecret().slice(0, 8)
  const secret = `${id}.${newSecret()}`
  const expiresAt = (clock.now() + minutes * MINUTE) as EpochMs
  accounts.issue({ hash: digest(secret), purpose: 'join', subject: node ?? '', expiresAt })
  return { id, token: `${secret}.${authority.fingerprint}`, expiresAt }
}
