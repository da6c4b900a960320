/** Which names an entry of a list is about: the name, those below it, or all of them. */
export type Scope = 'exact' | 'below' | 'both'

export interface ListEntry {
  /** Lower case, without the last dot, in ASCII. */
  readonly name: string
  readonly scope: Scope
  /** Names that the same list would else be about, and is not. */
  readonly isException: boolean
}

/** What a line of a list says: names, nothing (a comment), or why it cannot be read. */
export type LineReading =
  | { readonly kind: 'entries'; readonly entries: readonly ListEntry[] }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refused'; readonly reason: string }

export const NOTHING: LineReading = Object.freeze({ kind: 'nothing' })
export const refused = (reason: string): LineReading => ({ kind: 'refused', reason })

const NAME =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/** Names in other scripts become what DNS is asked; a port or path makes a text no name. */
function toAscii(text: string): string {
  if (/^\p{ASCII}*$/u.test(text)) return text
  const url = /[\s/:@?#\\%[\]]/.test(text) ? null : URL.parse(`http://${text}/`)
  return url?.hostname ?? ''
}

/** A name in the form in which names are compared, or why it is none. */
export function readName(
  text: string,
): { readonly ok: true; readonly name: string } | { readonly ok: false; readonly reason: string } {
  const name = toAscii(text.toLowerCase()).replace(/\.$/, '')
  if (!NAME.test(name)) return { ok: false, reason: 'is no domain name' }
  if (/(?:^|\.)\d+$/.test(name)) return { ok: false, reason: 'is an address, not a name' }
  return { ok: true, name }
}

/** One entry of a name. A single label is refused unless it was meant: it would be about a whole top-level domain. */
export function entryOf(text: string, scope: Scope = 'both', isException = false): LineReading {
  const read = readName(text)
  if (!read.ok) return refused(read.reason)
  if (scope === 'both' && !read.name.includes('.')) return refused('is about a whole top-level domain')
  return { kind: 'entries', entries: [{ name: read.name, scope, isException }] }
}
