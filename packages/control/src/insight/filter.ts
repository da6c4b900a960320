import {
  FILTER_KEYS,
  type FilterKey,
  type FilterTerm,
  OUTCOMES,
  type Problem,
  parseFilter,
  REASONS,
  SekishoError,
} from '@sekisho/core'

/** Keys whose values are a closed list: another value would match nothing and look like "no such traffic". */
const VALUES: Partial<Record<FilterKey, (value: string) => string | undefined>> = {
  verdict: value => oneOf(OUTCOMES, value),
  why: value => oneOf(REASONS, value),
  port: value => (/^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? undefined : 'a port is 0 to 65535'),
}

const oneOf = (known: readonly string[], value: string): string | undefined =>
  known.includes(value) ? undefined : `must be one of ${known.join(', ')}`

/** @param word as it stands in the text after NFKC, which is what positions count in. */
function refuse(text: string, word: string, reason: string): never {
  const column = Math.max(0, text.normalize('NFKC').indexOf(word)) + 1
  const problem: Problem = { document: 0, path: 'filter', reason, line: 1, column }
  throw new SekishoError('bad-request', `filter, column ${column}: ${reason}`, [problem])
}

/**
 * Filter text as terms, see `parseFilter` of core for the grammar.
 * @throws SekishoError `bad-request` with the column of the first word that is not understood.
 */
export function readFilter(text = ''): readonly FilterTerm[] {
  const terms = parseFilter(text)
  if (!terms.ok)
    refuse(text, terms.error, `"${terms.error}" is not a key; keys are ${FILTER_KEYS.join(', ')}`)
  for (const { key, value } of terms.value) {
    const reason = VALUES[key]?.(value)
    if (reason !== undefined) refuse(text, `${key}:${value}`, `${key}: ${reason}`)
  }
  return terms.value
}
