import { compilePattern, LIMITS } from '@sekisho/core'
import type { Spot } from '../../documents/spot.ts'
import type { Draft, Foreign } from '../foreign.ts'

/** Where it says what a person should know of. */
export type Note = Foreign['note']

/** What has a meaning in a pattern. */
const META = /[\\^$.|?*+()[\]{}]/
const isPlain = (text: string): boolean => !META.test(text)

/** The pattern without the anchors that a match of the whole text has by itself. */
const unanchored = (pattern: string): string => pattern.replace(/^\^/, '').replace(/(?<!\\)\$$/, '')

function readPattern(spot: Spot): string | undefined {
  const pattern = unanchored(spot.text() ?? '')
  const compiled = compilePattern(pattern)
  if (!compiled.ok) spot.refuse(compiled.error)
  return compiled.ok && pattern !== '' ? pattern : undefined
}

/** Parts of a pattern that also stand for "?", where Cilium's path ends and its query begins. */
const CROSSES = /\\[?SDW]|\[\^|(?<!\\)\./

/** Alternatives of the whole pattern, not of a group in it. */
function hasAlternatives(pattern: string): boolean {
  let depth = 0
  for (const [part] of pattern.matchAll(/\\.|\[(?:\\.|[^\]])*\]|./gsu)) {
    if (part === '(') depth++
    else if (part === ')') depth--
    else if (part === '|' && depth === 0) return true
  }
  return false
}

/**
 * Cilium compares the path with its query, Sekisho both on their own. A pattern that ends in `.*` leaves the query open;
 * any other one is about requests without a query.
 */
function readPath(spot: Spot, note: Note): Draft {
  const pattern = spot.absent ? undefined : readPattern(spot)
  if (pattern === undefined) return {}
  const isOpen = /(?<!\\)\.\*$/.test(pattern) && !hasAlternatives(pattern)
  const body = isOpen ? pattern.slice(0, -2) : pattern
  const query = isOpen ? {} : { query: { exact: '' } }
  if (/\\\?|\[[^\]]*\?/.test(body)) spot.refuse('a pattern that names the "?" has no translation')
  else if (CROSSES.test(body))
    note(spot, 'here "." and negated sets stand for letters of the path, not for "?"')
  if (body === '') return {}
  if (isPlain(body)) return { path: { [isOpen ? 'prefix' : 'exact']: body }, ...query }
  return { path: { regex: pattern }, ...query }
}

/** One method, or several as alternatives. */
function readMethods(spot: Spot): Draft {
  if (spot.absent || spot.value === '') return {}
  const text = unanchored(spot.text() ?? '').replace(/^\((.*)\)$/, '$1')
  if (/^[A-Z]+(?:\|[A-Z]+)*$/.test(text)) return { methods: text.split('|') }
  spot.refuse('only methods by name, as in "GET|HEAD", have a translation')
  return {}
}

/** The header as it is sent, so with its port where the client writes one. */
function readHost(spot: Spot): Draft[] {
  const pattern = spot.absent ? undefined : readPattern(spot)
  if (pattern === undefined) return []
  return [{ name: 'host', ...(isPlain(pattern) ? { exact: pattern } : { regex: pattern }) }]
}

/** `Name: value`, `Name value`, or the name of a header that has to be there. */
function readHeader(spot: Spot): Draft[] {
  const text = spot.text()
  if (text === undefined) return []
  const space = text.indexOf(' ')
  const name = (space < 0 ? text : text.slice(0, space)).replace(/:$/, '').toLowerCase()
  return [{ name, ...(space >= 0 && { exact: text.slice(space + 1) }) }]
}

function readHeaderMatch(spot: Spot): Draft[] {
  spot.fields(['name', 'value', 'mismatch', 'secret'])
  for (const key of ['mismatch', 'secret'])
    if (!spot.at(key).absent)
      spot.at(key).refuse('headers are compared, not changed, and values are not kept secret')
  const [name, value] = [spot.at('name').text(), spot.at('value').text()]
  return name === undefined || value === undefined ? [] : [{ name: name.toLowerCase(), exact: value }]
}

function readHttp(spot: Spot, note: Note): Draft {
  spot.fields(['path', 'method', 'host', 'headers', 'headerMatches'])
  const most = LIMITS.wordsPerList.value
  const headers = [
    ...readHost(spot.at('host')),
    ...spot.at('headers').list(most).flatMap(readHeader),
    ...spot.at('headerMatches').list(most).flatMap(readHeaderMatch),
  ]
  const http = { ...readMethods(spot.at('method')), ...readPath(spot.at('path'), note) }
  return { http: { ...http, ...(headers.length > 0 && { headers }) } }
}

/**
 * Sekisho's `*.` is one or more labels, which is Cilium's `**.`; its `*` is within one label, so that it has no
 * translation: allowing more names than were meant would open what was closed.
 */
export function readNamePattern(pattern: Spot): string {
  const text = (pattern.text() ?? '').replace(/\.$/, '').toLowerCase()
  const rest = text.startsWith('**.') ? text.slice(3) : text
  if (rest.includes('*'))
    pattern.refuse(
      '"*" stands for part of one label, which no name here does; write "**." at the start where any depth is meant',
    )
  return rest === text ? text : `*.${rest}`
}

/** A name, or a pattern of names; undefined for `*`, which is every name. */
export function readName(item: Spot): string | undefined {
  item.fields(['matchName', 'matchPattern'])
  const [name, pattern] = [item.at('matchName'), item.at('matchPattern')]
  if (pattern.absent) return (name.text() ?? '').replace(/\.$/, '').toLowerCase()
  return pattern.value === '*' ? undefined : readNamePattern(pattern)
}

function readDns(spot: Spot): Draft[] {
  const names = spot.list(LIMITS.wordsPerList.value).map(readName)
  return names.length === 0 ? [] : [{ dns: names.includes(undefined) ? {} : { names } }]
}

/** `rules` of a toPorts entry; undefined where nothing is written. */
export function readRules(spot: Spot, note: Note): readonly Draft[] | undefined {
  if (spot.absent || !spot.fields(['http', 'dns', 'kafka', 'l7', 'l7proto'])) return undefined
  const others = ['kafka', 'l7', 'l7proto'].filter(key => !spot.at(key).absent)
  for (const key of others) spot.at(key).refuse('has no translation')
  const http = spot.at('http').list(LIMITS.requestsPerRule.value)
  const requests = [...http.map(item => readHttp(item, note)), ...readDns(spot.at('dns'))]
  if (requests.length + others.length === 0) spot.refuse('without a rule has no translation')
  return requests
}

/** Names of servers that a TLS hello asks for. */
export function readServerNames(spot: Spot): readonly Draft[] | undefined {
  if (spot.absent) return undefined
  const sni = spot.list(LIMITS.wordsPerList.value).map(readNamePattern)
  return sni.length > 0 ? [{ tls: { sni } }] : undefined
}
