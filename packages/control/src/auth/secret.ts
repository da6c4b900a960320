import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** 256 random bits as text that survives URLs, cookies and shells. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

/**
 * What the store keeps of a secret. A plain hash is enough: the input has 256 random bits, so there is nothing
 * to guess; a look-up by the hash tells a timing attacker nothing about the secret.
 */
export const digest = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** Derived from the session's secret, so it is bound to the session and needs no storage. */
export const csrfToken = (sessionSecret: string): string =>
  createHmac('sha256', sessionSecret).update('sekisho csrf').digest('base64url')

/** Takes the same time wherever the first difference is; the length of our own secrets is no secret. */
export function equalSecrets(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)]
  return x.length === y.length && timingSafeEqual(x, y)
}
