import { FILTER_KEYS, type FilterKey, type FilterTerm, OUTCOMES, REASONS } from '@sekisho/core'

/** Values that are offered for a key: what the page has on the screen. */
export type FilterValues = Partial<Readonly<Record<FilterKey, readonly string[]>>>

const FIXED: FilterValues = { verdict: OUTCOMES, why: REASONS, proto: ['TCP', 'UDP', 'ICMP', 'SCTP'] }
const MOST = 8

/** Completions of what is being typed: keys first, then the values of a key. They are whole words of the grammar. */
export function complete(input: string, values: FilterValues): readonly string[] {
  const typed = input.normalize('NFKC').trimStart()
  const not = typed.startsWith('not:') ? 'not:' : ''
  const rest = typed.slice(not.length)
  const colon = rest.indexOf(':')
  if (colon < 0) {
    const keys = [...FILTER_KEYS.filter(key => key !== 'text'), ...(not ? [] : ['not'])]
    return keys.filter(key => key.startsWith(rest)).map(key => `${not}${key}:`)
  }
  const key = FILTER_KEYS.find(candidate => candidate === rest.slice(0, colon))
  if (!key) return []
  const start = rest.slice(colon + 1).toLowerCase()
  const known = new Set([...(FIXED[key] ?? []), ...(values[key] ?? [])])
  return [...known]
    .filter(value => value.toLowerCase().includes(start) && value.toLowerCase() !== start)
    .slice(0, MOST)
    .map(value => `${not}${key}:${/\s/.test(value) ? `"${value}"` : value}`)
}

export const sameTerm = (a: FilterTerm, b: FilterTerm): boolean =>
  a.key === b.key && a.value === b.value && a.not === b.not

/** Adds a term once; its opposite, if there, gives way. */
export const withTerm = (terms: readonly FilterTerm[], term: FilterTerm): readonly FilterTerm[] => [
  ...terms.filter(other => !sameTerm(other, term) && !sameTerm(other, { ...term, not: !term.not })),
  term,
]
