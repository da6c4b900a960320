/**
 * Whether tests that need root may run. On a desk without root they are skipped, and say so;
 * in CI a missing privilege is a failure: a suite that silently skips proves nothing.
 */
export function requireRoot(what: string): boolean {
  if (process.getuid?.() === 0) return true
  const reason = `${what}: needs root for network namespaces`
  if (process.env.CI === 'true') throw new Error(reason)
  process.stderr.write(`SKIPPED ${reason}\n`)
  return false
}
