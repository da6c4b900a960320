import { compilePattern, L7_KINDS, type L7Kind, LIMITS } from '@sekisho/core'
import { readNamePattern } from './fqdn.ts'
import type { HeaderMatch, L7Match, TextMatch } from './l7.ts'
import { readList } from './own-peer.ts'
import type { Spot } from './spot.ts'

export const STATEMENTS = [
  'alter',
  'analyze',
  'begin',
  'call',
  'commit',
  'copy',
  'create',
  'declare',
  'delete',
  'drop',
  'execute',
  'explain',
  'fetch',
  'grant',
  'insert',
  'lock',
  'merge',
  'replace',
  'revoke',
  'rollback',
  'savepoint',
  'select',
  'set',
  'show',
  'start',
  'truncate',
  'update',
  'use',
  'with',
] as const

/** RFC 1035 section 3.2.2 and its successors, as far as applications ask for them. */
export const DNS_TYPES = [
  'A',
  'AAAA',
  'ANY',
  'AXFR',
  'CAA',
  'CNAME',
  'DNSKEY',
  'DS',
  'HTTPS',
  'IXFR',
  'MX',
  'NAPTR',
  'NS',
  'NULL',
  'PTR',
  'SOA',
  'SRV',
  'SVCB',
  'TLSA',
  'TXT',
] as const

interface Shape {
  readonly shape: RegExp
  readonly wrong: string
}

/** RFC 9110 section 5.6.2, in the case in which methods and header names are compared. */
const METHOD: Shape = { shape: /^[A-Z][A-Z0-9_-]*$/, wrong: 'must be a method in upper case, as in "GET"' }
const HEADER: Shape = { shape: /^[a-z0-9!#$%&'*+.^_`|~-]+$/, wrong: 'must be a header name in lower case' }
const COMMAND: Shape = { shape: /^[A-Z][A-Z0-9._]*$/, wrong: 'must be a command in upper case, as in "GET"' }
const API: Shape = {
  shape: /^[A-Z][A-Za-z]*$/,
  wrong: 'must be a name of the Kafka protocol, as in "Produce"',
}
const TOPIC: Shape = { shape: /^[A-Za-z0-9._-]{1,249}$/, wrong: 'must be letters, digits, ".", "_" and "-"' }
const OPERATION: Shape = { shape: /^[a-z][A-Za-z]*$/, wrong: 'must be a command name, as in "find"' }
const IDENTIFIER: Shape = { shape: /^[A-Za-z_][\w.]*$/, wrong: 'must be a name as in "shop.v1.Orders"' }
/** Control characters never occur in what they name, and make a list unreadable. */
const NAME: Shape = { shape: /^\P{Cc}+$/u, wrong: 'must be text without control characters' }

function word(spot: Spot, { shape, wrong }: Shape): string | undefined {
  const text = spot.text()
  if (text === undefined) return undefined
  if (text.length > LIMITS.wordLength.value)
    spot.refuse(`must be at most ${LIMITS.wordLength.value} characters`)
  else if (!shape.test(text)) spot.refuse(wrong)
  return text
}

const list = <T>(spot: Spot, read: (item: Spot) => T | undefined): readonly T[] | undefined =>
  readList(spot, LIMITS.wordsPerList.value, read)
const words = (spot: Spot, shape: Shape): readonly string[] | undefined =>
  list(spot, item => word(item, shape))

const COMPARISONS = ['exact', 'prefix', 'regex'] as const

/** Exactly one of exact, prefix and regex; the spot's other fields are the caller's. */
function textMatch(spot: Spot, shape: Shape): TextMatch | undefined {
  const written = COMPARISONS.filter(kind => !spot.at(kind).absent)
  const [kind] = written
  if (kind === undefined || written.length > 1) {
    spot.refuse('must have exactly one of exact, prefix, regex')
    return undefined
  }
  const value = word(spot.at(kind), kind === 'regex' ? NAME : shape)
  if (value === undefined) return undefined
  const pattern = kind === 'regex' ? compilePattern(value) : undefined
  if (pattern && !pattern.ok) spot.at(kind).refuse(pattern.error)
  return { kind, value }
}

const PATH: Shape = { shape: /^\/\P{Cc}*$/u, wrong: 'must start with "/"' }

/** Empty is a query too: none. */
const QUERY: Shape = { shape: /^\P{Cc}*$/u, wrong: 'must be text without control characters' }

/** An object with one comparison. */
const compared =
  (shape: Shape) =>
  (spot: Spot): TextMatch | undefined =>
    spot.value === undefined || !spot.fields(COMPARISONS) ? undefined : textMatch(spot, shape)

function header(spot: Spot): HeaderMatch | undefined {
  if (!spot.fields(['name', ...COMPARISONS])) return undefined
  const headerName = word(spot.at('name'), HEADER)
  const asks = COMPARISONS.some(kind => !spot.at(kind).absent)
  const value = asks ? textMatch(spot, NAME) : undefined
  return headerName === undefined ? undefined : { name: headerName, ...(value && { value }) }
}

/** Fields of each protocol's matches and how each is read; what returns undefined is not asked. */
const FIELDS = {
  http: {
    methods: spot => words(spot, METHOD),
    path: compared(PATH),
    query: compared(QUERY),
    hosts: spot => list(spot, readNamePattern),
    headers: spot => list(spot, header),
  },
  grpc: {
    service: spot => (spot.value === undefined ? undefined : word(spot, IDENTIFIER)),
    methods: spot => words(spot, IDENTIFIER),
  },
  dns: {
    names: spot => list(spot, readNamePattern),
    types: spot => list(spot, item => item.oneOf(DNS_TYPES)),
  },
  tls: { sni: spot => list(spot, readNamePattern) },
  sql: {
    statements: spot => list(spot, item => item.oneOf(STATEMENTS)),
    databases: spot => words(spot, NAME),
    tables: spot => words(spot, NAME),
  },
  redis: { commands: spot => words(spot, COMMAND), keyPrefixes: spot => words(spot, NAME) },
  kafka: { apis: spot => words(spot, API), topics: spot => words(spot, TOPIC) },
  mongodb: {
    operations: spot => words(spot, OPERATION),
    databases: spot => words(spot, NAME),
    collections: spot => words(spot, NAME),
  },
} as const satisfies {
  readonly [K in L7Kind]: Readonly<
    Record<Exclude<keyof Extract<L7Match, { kind: K }>, 'kind'>, (spot: Spot) => unknown>
  >
}

function readMatch(spot: Spot): L7Match | undefined {
  if (!spot.fields(L7_KINDS)) return undefined
  const [kind, ...others] = L7_KINDS.filter(candidate => spot.at(candidate).value !== undefined)
  if (kind === undefined || others.length > 0) {
    spot.refuse(`must have exactly one of ${L7_KINDS.join(', ')}`)
    return undefined
  }
  const inner = spot.at(kind)
  const fields: Readonly<Record<string, (spot: Spot) => unknown>> = FIELDS[kind]
  if (!inner.fields(Object.keys(fields))) return undefined
  const read = Object.entries(fields).map(([field, of]) => [field, of(inner.at(field))] as const)
  // The table says for each kind exactly the fields of its match.
  return { kind, ...Object.fromEntries(read.filter(([, value]) => value !== undefined)) } as L7Match
}

/** What requests a rule is about: any of the items, each of one protocol; `{ http: {} }` is any request over HTTP. */
export const readL7 = (spot: Spot): readonly L7Match[] | undefined =>
  readList(spot, LIMITS.requestsPerRule.value, readMatch)
