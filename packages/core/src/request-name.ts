import type { L7Request } from './l7.ts'
import { LIMITS } from './limits.ts'

/** Equal requests that one flow record tells of; what became of them is the record's outcome. */
export interface CountedRequest {
  /** See `requestName`; empty for all that had no room for a name of their own. */
  readonly name: string
  readonly count: number
}

/** Controls, invisible and direction-changing characters, halves of pairs: they would steer whatever prints them. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu

/** What most texts are, and nothing else than that need be looked for. */
const PLAIN = /^[ -~]*$/

/** A text from the wire as it may be printed and stored, each character that cannot be seen as `\u{202e}`. */
export const printable = (text: string): string =>
  PLAIN.test(text)
    ? text
    : text.replace(UNPRINTABLE, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)

export const isPrintable = (text: string): boolean => text.search(UNPRINTABLE) < 0

/** What a cut leaves of a character that is two units long. */
const CUT_PAIR = /[\ud800-\udbff]$/

/** Part of a path that is long and has digits between letters: a key, a session or a signature rather than a word. */
const SECRET = /^(?=.*\d)(?=.*[A-Za-z])[\w.~+=%-]{20,}$/
/** What every such part has. */
const LONG = /[\w.~+=%-]{20}/
const maskPath = (path: string): string =>
  LONG.test(path)
    ? path
        .split('/')
        .map(part => (SECRET.test(part) ? '*' : part))
        .join('/')
    : path

/** A name that somebody signs in under, unless it looks like a key. */
export const maskUser = (name: string): string => (SECRET.test(name) ? '*' : name)

/**
 * What a person calls a request, as in `GET api.shop/orders` or `select orders`: no headers, queries, keys or values,
 * nothing that looks like a secret, printable, of bounded length.
 */
export function requestName(request: L7Request): string {
  const name = printable(wordsOf(request))
  const { value: limit } = LIMITS.requestName
  return name.length <= limit ? name : name.slice(0, limit).replace(CUT_PAIR, '')
}

function wordsOf(request: L7Request): string {
  switch (request.kind) {
    case 'http':
      return `${request.method} ${request.host}${maskPath(request.path)}`
    case 'grpc':
      return `${request.service}/${request.method}`
    case 'dns':
      return `${request.type} ${request.name}`
    case 'tls':
      return request.sni ?? ''
    case 'sql':
      return `${request.statement} ${request.tables.join(',')}`
    case 'redis':
      return request.command
    case 'kafka':
      return `${request.api} ${request.topics.join(',')}`
    case 'mongodb':
      return `${request.operation} ${request.database}.${request.collection ?? ''}`
  }
}
