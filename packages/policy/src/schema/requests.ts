import { L7_KINDS, type L7Kind, LIMITS } from '@sekisho/core'
import { DNS_TYPES, STATEMENTS } from '../documents/l7-reader.ts'
import { exactlyOne, type JsonSchema, object, oneOf, some, text } from './schema.ts'

const WORDS = LIMITS.wordsPerList.value
const WORD = LIMITS.wordLength.value

const words = (shape?: RegExp): JsonSchema => some(text(WORD, shape), WORDS)
const NAMES = some(text(254), WORDS)

const COMPARISONS = ['exact', 'prefix', 'regex'] as const
const comparison = { exact: text(WORD), prefix: text(WORD), regex: text(WORD) }
const compared = (description: string): JsonSchema =>
  object(comparison, { ...exactlyOne(COMPARISONS), description })

const HEADER = object(
  { name: text(WORD, /^[a-z0-9!#$%&'*+.^_`|~-]+$/), ...comparison },
  { required: ['name'], description: 'A field by its name in lower case: present, or with this value.' },
)

/** What is said of the requests of each protocol: fields of which all must hold, lists of alternatives. */
const MATCHES = {
  http: {
    methods: words(/^[A-Z][A-Z0-9_-]*$/),
    path: compared('The path, without the query.'),
    query: compared('What follows the "?"; exactly "" where there is nothing.'),
    hosts: NAMES,
    headers: some(HEADER, WORDS),
  },
  grpc: { service: text(WORD, /^[A-Za-z_][\w.]*$/), methods: words(/^[A-Za-z_][\w.]*$/) },
  dns: { names: NAMES, types: some(oneOf(DNS_TYPES), DNS_TYPES.length) },
  tls: { sni: NAMES },
  sql: { statements: some(oneOf(STATEMENTS), STATEMENTS.length), databases: words(), tables: words() },
  redis: { commands: words(/^[A-Z][A-Z0-9._]*$/), keyPrefixes: words() },
  kafka: { apis: words(/^[A-Z][A-Za-z]*$/), topics: words(/^[A-Za-z0-9._-]{1,249}$/) },
  mongodb: { operations: words(/^[a-z][A-Za-z]*$/), databases: words(), collections: words() },
} as const satisfies Record<L7Kind, Readonly<Record<string, JsonSchema>>>

export const REQUESTS = some(
  object(Object.fromEntries(L7_KINDS.map(kind => [kind, object(MATCHES[kind])])), exactlyOne(L7_KINDS)),
  LIMITS.requestsPerRule.value,
  'Requests that the rule is about: any of the items, each of one protocol.',
)

/** Built in, or defined by an Application: only who has all documents knows. */
export const APPLICATION_NAMES = some(
  text(63, /^[a-z][a-z0-9-]*$/),
  LIMITS.wordsPerList.value,
  'Any of these applications is spoken, whatever the port.',
)
