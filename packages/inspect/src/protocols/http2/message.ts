import { type L7Request, Malformed } from '@sekisho/core'
import { NOTED, type Notes } from '../http/fields.ts'
import { parseHost, parseResource, type Resource, SERVER_AS_A_WHOLE } from '../http/target.ts'
import type { Field } from './hpack.ts'

/*
 * Fields of a message (RFC 9113 section 8): pseudo-header fields first, each once, then fields whose names are lower
 * case. What a gateway would turn into another HTTP/1 message than the one meant is malformed (section 8.2.1).
 */
export interface Message {
  readonly pseudo: ReadonlyMap<string, string>
  readonly headers: Readonly<Record<string, readonly string[]>>
}

const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** Of one connection of HTTP/1, meaningless here (section 8.2.2). */
const CONNECTION_FIELDS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

export function messageOf(fields: readonly Field[]): Message {
  const pseudo = new Map<string, string>()
  const headers: Record<string, string[]> = Object.create(null)
  let regular = false
  for (const [name, value] of fields) {
    if (!VALUE.test(value)) throw new Malformed('control character in a header', 0)
    if (name.startsWith(':')) {
      if (regular || pseudo.has(name)) throw new Malformed('pseudo-header twice or after others', 0)
      pseudo.set(name, value)
      continue
    }
    regular = true
    if (!NAME.test(name)) throw new Malformed('character that no header name may have', 0)
    if (CONNECTION_FIELDS.has(name)) throw new Malformed(`${name} in HTTP/2`, 0)
    const values = headers[name]
    if (values) values.push(value)
    else headers[name] = [value]
  }
  return { pseudo, headers }
}

/** What a request asks for: a method of a service where it is gRPC, which is HTTP with a content type of its own. */
export function requestOf({ pseudo, headers }: Message): L7Request {
  const method = pseudo.get(':method')?.toUpperCase()
  const target = pseudo.get(':path')
  if (!method) throw new Malformed('request without a method', 0)
  if (target === undefined && method !== 'CONNECT') throw new Malformed('request without a path', 0)
  const { path, query } = resourceOf(target)
  const grpc = isGrpc(headers) ? /^\/(.+)\/([^/]+)$/.exec(path) : undefined
  const host = hostOf(pseudo.get(':authority'), headers.host)
  if (grpc?.[1] && grpc[2]) return { kind: 'grpc', service: grpc[1], method: grpc[2], host }
  return { kind: 'http', method, path, query, host, headers }
}

function resourceOf(target: string | undefined): Resource {
  if (target === undefined) return { path: '', query: '' }
  if (target === '*') return SERVER_AS_A_WHOLE
  if (target.startsWith('/')) return parseResource(target)
  throw new Malformed('path that does not begin at the root', 0)
}

const isGrpc = (headers: Message['headers']): boolean =>
  /^application\/grpc(?:$|[+;-])/i.test(headers['content-type']?.[0] ?? '')

/** RFC 9113 section 8.3.1: both name the same host where both are there. */
function hostOf(authority: string | undefined, fields: readonly string[] = []): string {
  const [first, ...others] = [...(authority === undefined ? [] : [authority]), ...fields].map(parseHost)
  if (others.some(other => other !== first)) throw new Malformed('hosts that differ', 0)
  return first ?? ''
}

/** The fields that tell whose a message is. */
export function notesOf(headers: Message['headers']): Notes {
  const notes: Notes = {}
  for (const name of NOTED) {
    const value = headers[name]?.[0]
    if (value !== undefined) notes[name] = value
  }
  return notes
}
