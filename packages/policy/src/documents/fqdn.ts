import { canonicalName, NamePatterns } from '@sekisho/core'
import type { Spot } from './spot.ts'

/** RFC 1035 section 2.3.4 bounds names; underscores occur in service names (RFC 2782). */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/

/** What is wrong with a canonical name or `*.` pattern, or nothing. */
function namePattern(text: string): string | undefined {
  if (text.length > 253) return 'must be at most 253 characters'
  const labels = (text.startsWith('*.') ? text.slice(2) : text).split('.')
  if (labels.some(label => label.includes('*')))
    return '"*" may only stand at the start, as in "*.example.com"'
  return labels.every(label => label.length <= 63 && LABEL.test(label))
    ? undefined
    : 'must be a name as in "www.example.com" or "*.example.com"'
}

/** Reads a name or pattern as it is compared. */
export function readNamePattern(spot: Spot): string | undefined {
  const text = spot.text()
  if (text === undefined) return undefined
  const pattern = canonicalName(text)
  const wrong = namePattern(pattern)
  if (wrong !== undefined) spot.refuse(wrong)
  return pattern
}

/** The same for a destination outside: a single label would be a whole top-level domain, or a name of a search list. */
export const outsidePattern = (text: string): string | undefined =>
  namePattern(text) ?? (text.replace('*.', '').includes('.') ? undefined : 'must have at least two parts')

/** Compiles patterns once. */
export function compileNames(patterns: readonly string[]): (name: string) => boolean {
  const compiled = new NamePatterns(patterns)
  return written => compiled.has(canonicalName(written))
}
