import { fail, ok, type Result } from './result.ts'

/**
 * Filter text for flows: `ns:shop verdict:denied port:5432 not:dst:kube-dns redis`.
 * Terms with one key are alternatives, different keys must all hold, and no `not:` term may hold.
 * A value with spaces is quoted; a word without a key is looked for in the names and addresses of both ends.
 */
export const FILTER_KEYS = [
  'ns', // namespace of either end
  'src', // source: name, namespace/name, or address
  'dst', // destination, likewise
  'workload', // either end, likewise
  'port', // destination port
  'proto', // TCP, UDP, …
  'app', // what is really spoken
  'verdict', // allowed, audited, denied
  'why', // a reason
  'by', // policy or rule that decided
  'text', // a word without a key
] as const
export type FilterKey = (typeof FILTER_KEYS)[number]

export interface FilterTerm {
  readonly key: FilterKey
  readonly value: string
  readonly not: boolean
}

/** The end of a flow as a filter sees it. */
export interface FilterEnd {
  readonly namespace: string
  readonly name: string
  readonly ip: string
}
/** What a filter is matched against; `FlowView` of the API is one. */
export interface FilterSubject {
  readonly source: FilterEnd
  readonly destination: FilterEnd
  readonly protocol: string
  readonly port: number
  readonly application?: string | undefined
  readonly outcome: string
  readonly why: string
  readonly by?: string | undefined
}

const WORD = /(?:[^\s"]|"[^"]*")+/g
const isKey = (key: string): key is FilterKey => (FILTER_KEYS as readonly string[]).includes(key)

/** Full-width input of Japanese keyboards (`ｎｓ：ｓｈｏｐ`) means the same as its ASCII form. */
const words = (text: string): string[] => text.normalize('NFKC').match(WORD) ?? []

function parseTerm(word: string): Result<FilterTerm, string> {
  const not = word.startsWith('not:')
  const rest = not ? word.slice('not:'.length) : word
  const colon = rest.startsWith('"') ? -1 : rest.indexOf(':')
  const key = rest.slice(0, Math.max(colon, 0))
  // An IPv6 address is a word with colons, not a key with a value.
  const keyed = colon > 0 && /^[a-z]+$/.test(key) && !/^[\da-f:.]+$/.test(rest)
  if (keyed && !isKey(key)) return fail(key)
  const value = (keyed ? rest.slice(colon + 1) : rest).replaceAll('"', '')
  if (value === '') return fail(word)
  return ok({ key: keyed && isKey(key) ? key : 'text', value, not })
}

/** @returns the terms, or the first word that is not understood: filters never silently widen. */
export function parseFilter(text: string): Result<readonly FilterTerm[], string> {
  const terms: FilterTerm[] = []
  for (const word of words(text)) {
    const term = parseTerm(word)
    if (!term.ok) return term
    terms.push(term.value)
  }
  return ok(terms)
}

const quoted = (value: string, ambiguous: RegExp): string => (ambiguous.test(value) ? `"${value}"` : value)

/** A word with a colon would be read as a key, so it is quoted as one with spaces is. */
export const formatFilterTerm = ({ key, value, not }: FilterTerm): string =>
  `${not ? 'not:' : ''}${key === 'text' ? quoted(value, /[\s:]/) : `${key}:${quoted(value, /\s/)}`}`

/** The reverse of `parseFilter`. */
export const formatFilter = (terms: readonly FilterTerm[]): string => terms.map(formatFilterTerm).join(' ')

const isEnd = (end: FilterEnd, value: string): boolean =>
  end.name === value || `${end.namespace}/${end.name}` === value || end.ip === value
const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()
const holds = (text: string, value: string): boolean => text.toLowerCase().includes(value.toLowerCase())

const MATCH = {
  ns: (flow, value) => flow.source.namespace === value || flow.destination.namespace === value,
  src: (flow, value) => isEnd(flow.source, value),
  dst: (flow, value) => isEnd(flow.destination, value),
  workload: (flow, value) => isEnd(flow.source, value) || isEnd(flow.destination, value),
  port: (flow, value) => String(flow.port) === value,
  proto: (flow, value) => same(flow.protocol, value),
  app: (flow, value) => same(flow.application ?? '', value),
  verdict: (flow, value) => flow.outcome === value,
  why: (flow, value) => flow.why === value,
  by: (flow, value) => holds(flow.by ?? '', value),
  text: (flow, value) =>
    [flow.source, flow.destination].some(end => holds(`${end.namespace}/${end.name} ${end.ip}`, value)),
} satisfies Record<FilterKey, (flow: FilterSubject, value: string) => boolean>

/** Compiles a filter once; see the top of this file for its meaning. */
export function compileFilter(terms: readonly FilterTerm[]): (flow: FilterSubject) => boolean {
  const wanted = Map.groupBy(
    terms.filter(term => !term.not),
    term => term.key,
  )
  const groups = [...wanted.values()]
  const unwanted = terms.filter(term => term.not)
  return flow =>
    groups.every(group => group.some(term => MATCH[term.key](flow, term.value))) &&
    !unwanted.some(term => MATCH[term.key](flow, term.value))
}
