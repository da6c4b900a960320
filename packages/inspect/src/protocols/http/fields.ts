import { Malformed } from '@sekisho/core'
import { asciiBytes } from '../../ascii.ts'

/*
 * Field lines of HTTP/1 (RFC 9112 section 5), in heads and trailers, until an empty line:
 *   field-name ":" OWS field-value OWS CR LF
 * Everything on which receivers are known to disagree is refused, because a request that its server sees and we do not
 * ("smuggling") begins with such a disagreement: bare CR or LF, NUL, blanks before the colon, folded lines (RFC 9112
 * section 5.2), names that are no tokens.
 */

/** What is looked for while the lines are scanned: fields that frame a message or tell whose it is. */
export const NOTED = [
  'connection',
  'content-length',
  'content-type',
  'host',
  'server',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'x-clickhouse-database',
  'x-clickhouse-key',
  'x-clickhouse-query-id',
  'x-clickhouse-server-display-name',
  'x-clickhouse-summary',
  'x-clickhouse-user',
  'x-consul-effective-consistency',
  'x-consul-index',
  'x-consul-token',
  'x-elastic-product',
  'x-etcd-cluster-id',
  'x-etcd-index',
  'x-kubernetes-pf-flowschema-uid',
] as const
export type Noted = (typeof NOTED)[number]

/** Names and the value of the first such field. */
export type Notes = { -readonly [N in Noted]?: string }

export const CR = 0x0d
export const LF = 0x0a
export const SP = 0x20
/** Bytes that end the last field line, and the empty line behind it. */
export const EMPTY_LINE = 4
const TAB = 0x09
const COLON = 0x3a

/** RFC 9110 section 5.6.2: by byte, whether a token has it. */
export const TOKEN = new Uint8Array(256)
for (const code of asciiBytes("!#$%&'*+-.^_`|~0123456789")) TOKEN[code] = 1
for (let code = 0x41; code <= 0x5a; code++) TOKEN[code] = TOKEN[code + 0x20] = 1
/** RFC 9110 section 5.5: visible, blank, or beyond ASCII. */
const VALUE = new Uint8Array(256).fill(1, 0x20)
VALUE[TAB] = 1
VALUE[0x7f] = 0

const BY_LENGTH: readonly (readonly Noted[])[] = Array.from({ length: 33 }, (_, length) =>
  NOTED.filter(name => name.length === length),
)

/** The field of that name, or none that is looked for. */
function noted(bytes: Uint8Array, at: number, end: number): Noted | undefined {
  const candidates = BY_LENGTH[end - at]
  if (!candidates) return undefined
  for (const name of candidates) if (equalsIgnoringCase(bytes, at, name)) return name
  return undefined
}

function equalsIgnoringCase(bytes: Uint8Array, at: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    const byte = bytes[at + i] ?? 0
    if (lower.charCodeAt(i) !== (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte)) return false
  }
  return true
}

/** Where the value of a field that is looked for lies, with the blanks around it. */
export interface Mark {
  readonly name: Noted
  readonly start: number
  readonly end: number
}

/**
 * @param at where the first field line begins.
 * @returns where the empty line ends, or -1 while it has not come.
 */
export function scanFields(bytes: Uint8Array, at: number, limit: number, marks: Mark[]): number {
  for (let count = 0; ; count++) {
    if (at >= bytes.length) return -1
    if (bytes[at] === CR) return lineEnd(bytes, at)
    if (count === limit) throw new Malformed('more header fields than are read', at)
    const colon = nameEnd(bytes, at)
    if (colon < 0) return -1
    const end = valueEnd(bytes, colon + 1)
    if (end < 0) return -1
    const name = noted(bytes, at, colon)
    if (name) marks.push({ name, start: colon + 1, end })
    at = lineEnd(bytes, end)
    if (at < 0) return -1
  }
}

/** Where a field line ends of a field that is not looked for; -1 where there is none, or not all of it. */
export function unnotedEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at] === CR) return -1
  const colon = nameEnd(bytes, at)
  if (colon < 0 || noted(bytes, at, colon)) return -1
  const end = valueEnd(bytes, colon + 1)
  return end < 0 ? -1 : lineEnd(bytes, end)
}

function nameEnd(bytes: Uint8Array, start: number): number {
  let at = start
  while (at < bytes.length && TOKEN[bytes[at] ?? 0] === 1) at++
  if (at === bytes.length) return -1
  if (bytes[at] === COLON && at > start) return at
  throw new Malformed(whyNoName(bytes[at] ?? 0, at === start), at)
}

function whyNoName(byte: number, first: boolean): string {
  const blank = byte === SP || byte === TAB
  if (blank) return first ? 'folded header line' : 'blank before the colon of a header'
  if (byte === LF) return 'bare line feed'
  if (byte === CR) return 'header line without a colon'
  return byte === COLON ? 'header without a name' : 'character that no header name may have'
}

function valueEnd(bytes: Uint8Array, start: number): number {
  let at = start
  while (at < bytes.length && VALUE[bytes[at] ?? 0] === 1) at++
  if (at === bytes.length) return -1
  if (bytes[at] === CR) return at
  throw new Malformed(bytes[at] === LF ? 'bare line feed' : 'control character in a header', at)
}

/** Where the line that ends at `at` with CR LF is over; -1 while the line feed has not come. */
export function lineEnd(bytes: Uint8Array, at: number): number {
  if (at + 1 >= bytes.length) return -1
  if (bytes[at + 1] !== LF) throw new Malformed('bare carriage return', at)
  return at + 2
}

/** Fields that a receiver may take from the first or from the last line are ambiguous when they are there twice. */
const SINGLE: ReadonlySet<Noted> = new Set(['content-length', 'host', 'transfer-encoding'])

/** @param text in which the marked values lie, as characters of the same number as its bytes. */
export function notesOf(text: string, marks: readonly Mark[]): Notes {
  const notes: Notes = {}
  for (const { name, start, end } of marks) {
    const value = withoutBlanks(text.slice(start, end))
    const before = notes[name]
    if (before === undefined) notes[name] = value
    else if (name === 'connection' || name === 'upgrade') notes[name] = `${before},${value}`
    else if (SINGLE.has(name) && (name !== 'content-length' || before !== value))
      throw new Malformed(`more than one ${name}`, start)
  }
  return notes
}

/** Blanks are SP and HTAB; `trim` would take more. */
function withoutBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}
const isBlank = (code: number): boolean => code === SP || code === TAB

/**
 * All fields of a head that was scanned.
 * @param lines the field lines as characters of the same number, without start line and empty line.
 */
export function fieldsOf(lines: string): Readonly<Record<string, readonly string[]>> {
  // Without a prototype: a header "constructor" or "__proto__" is a header and nothing else.
  const fields: Record<string, string[]> = Object.create(null)
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon < 1) continue
    const name = line.slice(0, colon).toLowerCase()
    const value = withoutBlanks(line.slice(colon + 1))
    const values = fields[name]
    if (values) values.push(value)
    else fields[name] = [value]
  }
  return fields
}
