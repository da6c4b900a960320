import { describe } from 'vitest'

/**
 * `describe` for tests that need root. On a desk they are skipped, and say so; in CI a missing privilege is a
 * failure, because a suite that skips itself proves nothing.
 */
export const describeAsRoot: typeof describe | typeof describe.skip = choose()

function choose(): typeof describe | typeof describe.skip {
  if (process.getuid?.() === 0) return describe
  const reason = 'needs root: network namespaces and CAP_NET_ADMIN'
  if (process.env.CI === 'true') throw new Error(reason)
  process.stderr.write(`skipped, ${reason}\n`)
  return describe.skip
}
