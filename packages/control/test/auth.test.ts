import { type Clock, type EpochMs, LIMITS } from '@sekisho/core'
import { openStore } from '@sekisho/store'
import { beforeEach, describe, expect, test } from 'vitest'
import { createLimiter, limiterAddress } from '../src/auth/limiter.ts'
import { createLogin, type Login } from '../src/auth/login.ts'
import { createPasswords, type Passwords } from '../src/auth/password.ts'
import { csrfToken, equalSecrets, newSecret } from '../src/auth/secret.ts'

describe('passwords', () => {
  const passwords = createPasswords()

  test('are salted scrypt, and verified by their own cost', async () => {
    const hash = await passwords.hash('a barrier on the road')
    expect(hash).toMatch(/^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/)
    expect(await passwords.hash('a barrier on the road')).not.toBe(hash)
    expect(await passwords.verify('a barrier on the road', hash)).toBe(true)
    expect(await passwords.verify('another one', hash)).toBe(false)
  })

  test('typed as other code points are the same', async () => {
    const hash = await passwords.hash('箱根の関所がある'.normalize('NFD'))
    expect(await passwords.verify('箱根の関所がある'.normalize('NFC'), hash)).toBe(true)
  })

  test('nobody has no password, not even the empty one', async () => {
    expect(await passwords.verify('', undefined)).toBe(false)
  })

  test('a flood is refused instead of queued', async () => {
    const most = LIMITS.passwordChecks.value
    const results = await Promise.allSettled(
      Array.from({ length: most + 2 }, () => passwords.verify('x', undefined)),
    )
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(2)
  })
})

describe('secrets', () => {
  test('have 256 bits and are never the same', () => {
    const secrets = Array.from({ length: 100 }, newSecret)
    expect(new Set(secrets).size).toBe(100)
    expect(secrets.every(secret => Buffer.from(secret, 'base64url').length === 32)).toBe(true)
  })
  test('of different sessions give different CSRF tokens', () => {
    expect(csrfToken('a')).not.toBe(csrfToken('b'))
    expect(csrfToken('a')).toBe(csrfToken('a'))
  })
  test.each([
    ['same', 'same', true],
    ['same', 'Same', false],
    ['short', 'shorter', false],
    ['', '', true],
    ['é', 'e', false],
  ])('%s and %s are equal: %s', (a, b, equal) => expect(equalSecrets(a, b)).toBe(equal))
})

/** A clock that the test moves. */
function handClock() {
  let now = Date.UTC(2026, 0, 1)
  const clock: Clock = { now: () => now as EpochMs, monotonic: () => now }
  const advance = (ms: number) => {
    now += ms
  }
  return { clock, advance }
}

describe('the limiter', () => {
  const make = (keys = 3) => {
    const time = handClock()
    return { ...time, limiter: createLimiter({ attempts: 2, windowMs: 1_000, keys, clock: time.clock }) }
  }
  test('lets so many through in a window, per key', () => {
    const { limiter, advance } = make()
    expect([limiter.take('a'), limiter.take('a'), limiter.take('a'), limiter.take('b')]).toEqual([
      true,
      true,
      false,
      true,
    ])
    advance(1_000)
    expect(limiter.take('a')).toBe(true)
  })
  test('a refused attempt does not prolong the window', () => {
    const { limiter, advance } = make()
    for (let i = 0; i < 5; i++) limiter.take('a')
    advance(999)
    expect(limiter.take('a')).toBe(false)
    advance(1)
    expect(limiter.take('a')).toBe(true)
  })
  test('remembers no more keys than it may', () => {
    const { limiter } = make(3)
    for (let i = 0; i < 3; i++) limiter.take('first')
    for (const key of ['b', 'c']) limiter.take(key)
    expect(limiter.take('first')).toBe(false)
    limiter.take('d')
    expect(limiter.take('first')).toBe(true)
  })
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2::1', limiterAddress('2001:db8:1:2:ffff::9')],
  ])('counts %s as %s', (address, key) => expect(limiterAddress(address)).toBe(key))
  test('another IPv6 network is another key', () => {
    expect(limiterAddress('2001:db8:1:3::1')).not.toBe(limiterAddress('2001:db8:1:2::1'))
  })
})

describe('guessing a password', () => {
  /** The real check is slow on purpose; here only the counting is of interest. */
  const plain: Passwords = {
    hash: password => Promise.resolve(`plain ${password}`),
    verify: (password, hash) => Promise.resolve(hash === `plain ${password}`),
  }
  let login: Login
  let time: ReturnType<typeof handClock>
  const attempt = (name: string, password: string, from = '192.0.2.1') =>
    login.withPassword(name, password, { from }).then(
      () => 'in',
      (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
    )
  beforeEach(async () => {
    time = handClock()
    const store = openStore({ path: ':memory:', clock: time.clock })
    login = createLogin({ store, passwords: plain, clock: time.clock })
    store.accounts.ensureUser('admin')
    store.accounts.setPassword('admin', await plain.hash('right'))
  })
  const guess = async (times: number, name = 'admin', from?: string) => {
    for (let i = 0; i < times; i++) expect(await attempt(name, 'wrong', from)).toBe('unauthenticated')
  }

  test('is cut off per account and address, even when the next guess is right, and works again later', async () => {
    await guess(LIMITS.loginAttempts.value)
    expect(await attempt('admin', 'right')).toBe('too-many')
    expect(await attempt('admin', 'right', '192.0.2.2')).toBe('in')
    time.advance(LIMITS.loginWindow.value * 1000)
    expect(await attempt('admin', 'right')).toBe('in')
  })
  test('a success starts the count anew', async () => {
    await guess(LIMITS.loginAttempts.value - 1)
    expect(await attempt('admin', 'right')).toBe('in')
    await guess(LIMITS.loginAttempts.value)
  })
  test('one password on many accounts is cut off per address', async () => {
    for (let i = 0; i < LIMITS.loginAttemptsPerAddress.value; i++) await guess(1, `user-${i}`)
    expect(await attempt('admin', 'right')).toBe('too-many')
  })
  test('logging in often is no attack', async () => {
    for (let i = 0; i < 2 * LIMITS.loginAttemptsPerAddress.value; i++)
      expect(await attempt('admin', 'right')).toBe('in')
  })
  test('an account that does not exist looks like one that does', async () => {
    await guess(LIMITS.loginAttempts.value, 'nobody')
    expect(await attempt('nobody', 'wrong')).toBe('too-many')
  })
})
