import { Malformed } from '@sekisho/core'

/*
 * What a request is for (RFC 9112 section 3.2), in the form in which rules compare it.
 *
 * Servers disagree on what a path means: some resolve "..", some merge slashes, some decode "%2F" before they look for a
 * handler and some after. A rule must hold for whatever the server makes of the path, so
 *   - escapes are decoded once, as UTF-8, also "%2F"; slashes in a row are one (nginx, Go, Envoy's strictest setting);
 *   - what could lead to two different places is refused: dot segments, plain or escaped or with a parameter ("..;"),
 *     backslashes, escaped escapes, fragments, control characters, escapes that are none. Browsers, curl and the
 *     libraries resolve dot segments before they send; who sends them wants them read in two ways.
 */

export interface Resource {
  readonly path: string
  /** What follows the first "?"; empty where there is none. */
  readonly query: string
}

export interface Target extends Resource {
  /** Lower case, without port; absent where the target names none. */
  readonly host?: string
}

const SEGMENT = "[\\w~!$&'()*+,=:@-][\\w.~!$&'()*+,;=:@-]*"
/** A path that every server reads alike and that is written as rules compare it; no part of it can match in two ways. */
const PLAIN = new RegExp(`^/(?:${SEGMENT}(?:/${SEGMENT})*/?)?$`)
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)(.*)$/is
const AUTHORITY = /^(?:\[([0-9a-f:.]+)\]|([\w.~!$&'()*+;=-]*))(?::\d{0,5})?$/i
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @param target as characters of the same number as its bytes. */
export function parseTarget(method: string, target: string): Target {
  if (target.startsWith('/')) return parseResource(target)
  if (method === 'CONNECT') return { path: '', query: '', host: parseHost(target) }
  if (target === '*' && method === 'OPTIONS') return SERVER_AS_A_WHOLE
  const [, authority, rest = ''] = ABSOLUTE.exec(target) ?? []
  if (authority === undefined) throw new Malformed('request target of no known form', 0)
  const resource = parseResource(rest.startsWith('/') ? rest : `/${rest}`)
  return { ...resource, host: parseHost(authority) }
}

export const SERVER_AS_A_WHOLE: Resource = { path: '*', query: '' }

/** @param target that begins with "/". */
export function parseResource(target: string): Resource {
  if (target.includes('#')) throw new Malformed('fragment in a request target', 0)
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const query = mark < 0 ? '' : normalQuery(target.slice(mark + 1))
  return { path: PLAIN.test(path) ? path : normalPath(path), query }
}

const UNRESERVED = /^[\w.~-]$/

/** Only escapes of what needs none are decoded (RFC 3986 section 6.2.2.2): an escaped "&" separates nothing. */
function normalQuery(query: string): string {
  if (!query.includes('%')) return query
  return query.replaceAll(/%([0-9a-f]{2})/gi, code => {
    const character = String.fromCharCode(Number.parseInt(code.slice(1), 16))
    return UNRESERVED.test(character) ? character : code.toUpperCase()
  })
}

function normalPath(raw: string): string {
  const path = decodePath(raw)
  if (/[\p{Cc}\\]/u.test(path)) throw new Malformed('backslash or control character in a path', 0)
  if (/%(?:2e|2f|5c|25|00)/i.test(path)) throw new Malformed('path is escaped twice', 0)
  if (/(?:^|\/)\.{1,2}(?:[/;]|$)/.test(path)) throw new Malformed('dot segment in a path', 0)
  return path.replaceAll(/\/{2,}/g, '/')
}

function decodePath(raw: string): string {
  const bytes = new Uint8Array(raw.length)
  let length = 0
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i)
    if (code === 0x25) {
      const digits = raw.slice(i + 1, i + 3)
      if (!/^[0-9a-f]{2}$/i.test(digits)) throw new Malformed('escape that is none in a path', i)
      bytes[length++] = Number.parseInt(digits, 16)
      i += 2
    } else bytes[length++] = code
  }
  try {
    return UTF8.decode(bytes.subarray(0, length))
  } catch {
    throw new Malformed('path is not UTF-8', 0)
  }
}

/** What was read last: requests in a row are mostly for one host. */
let last = { authority: '', host: '' }

/** A host as names are compared: lower case, without port and last dot. */
export function parseHost(authority: string): string {
  if (authority !== last.authority) last = { authority, host: readHost(authority) }
  return last.host
}

function readHost(authority: string): string {
  const [, ipv6, name] = AUTHORITY.exec(authority) ?? []
  const host = ipv6 ?? name
  if (host === undefined) throw new Malformed('host that is none', 0)
  const lower = host.toLowerCase()
  return lower.endsWith('.') ? lower.slice(0, -1) : lower
}
