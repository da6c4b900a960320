import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { LIMITS, SekishoError } from '@sekisho/core'

/** OWASP Password Storage Cheat Sheet: N=2^15, r=8, p=3 is as strong as 2^17, 8, 1 in a quarter of the memory. */
const COST = { N: 2 ** 15, r: 8, p: 3 } as const
const SALT_BYTES = 16
const KEY_BYTES = 32

export interface Passwords {
  hash(password: string): Promise<string>
  /** Takes as long without a hash (no such account, no password yet) as with one, so names cannot be probed. */
  verify(password: string, hash: string | undefined): Promise<boolean>
}

const derive = (password: string, salt: Buffer, cost: { N: number; r: number; p: number }): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const options: ScryptOptions = { ...cost, maxmem: 256 * cost.N * cost.r }
    // NFC: the same password typed on another keyboard may arrive as other code points.
    scrypt(password.normalize('NFC'), salt, KEY_BYTES, options, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })

const format = (salt: Buffer, key: Buffer): string =>
  ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$')

/** The cost is stored with each hash, so that raising it later leaves old passwords usable. */
function parse(hash: string) {
  const [scheme, N, r, p, salt, key] = hash.split('$')
  if (scheme !== 'scrypt' || !salt || !key) throw new Error('unknown password hash')
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  return { cost, salt: Buffer.from(salt, 'base64url'), key: Buffer.from(key, 'base64url') }
}

/** Each derivation takes 32 MiB and a thread of the pool, so only a few run at once; more are refused. */
export function createPasswords(): Passwords {
  let running = 0
  const bounded = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= LIMITS.passwordChecks.value) throw new SekishoError('too-many')
    running++
    try {
      return await work()
    } finally {
      running--
    }
  }
  const nobody = format(Buffer.alloc(SALT_BYTES), Buffer.alloc(KEY_BYTES))
  return {
    hash: password =>
      bounded(async () => {
        const salt = randomBytes(SALT_BYTES)
        return format(salt, await derive(password, salt, COST))
      }),
    verify: (password, hash) =>
      bounded(async () => {
        const { cost, salt, key } = parse(hash ?? nobody)
        const derived = await derive(password, salt, cost)
        return timingSafeEqual(derived, key) && hash !== undefined
      }),
  }
}
