import type { Application, L7Request } from '@sekisho/core'

/** What joins the flow record besides the application. Closed, so that console and policy know each. */
export const DETAILS = [
  'alpn', // protocols that a TLS client offers, in its order, separated by blanks
  'certificate-names', // names of the server's certificate, separated by blanks
  'cipher', // suite that a TLS server chose, by its name or its number in hex
  'client-software', // as it names itself: User-Agent, SSH banner, driver name
  'command', // an FTP, SMTP, IMAP or POP3 command without its arguments
  'database',
  'dns-answer', // addresses or names of the answer, separated by blanks
  'ech', // the TLS hello hides another one; the name it shows is of the front
  'encrypted', // the conversation went over to TLS by STARTTLS or the like
  'host', // a name in clear that says where the client wants to go, outside HTTP and TLS
  'ja4', // fingerprint of a TLS client hello
  'protocol-version',
  'server-software',
  'status', // status or error code of an answer
  'user', // who signs in; never a password
] as const
export type Detail = (typeof DETAILS)[number]

/** One address that a name leads to, as an answer of a resolver says. */
export interface NameAddress {
  /** The name that was asked, lower case, without the last dot: not the alias that owns the record. */
  readonly name: string
  readonly ip: string
  /** Seconds. */
  readonly ttl: number
}

/** What was found in the bytes of one call, in their order. */
export type Reading =
  /**
   * A whole request: its receiver could not act on it before the last of these bytes. `isKept`: when it is made again, it is
   * said again, the same object; also with other headers, if nobody has looked at them.
   */
  | { readonly kind: 'request'; readonly request: L7Request; readonly isKept?: boolean }
  | { readonly kind: 'detail'; readonly detail: Detail; readonly value: string }
  /** An answer of a resolver. */
  | { readonly kind: 'names'; readonly names: readonly NameAddress[] }
  /** It is more than was thought, and the same reader reads on: gRPC in HTTP/2, Elasticsearch in HTTP. */
  | { readonly kind: 'refined'; readonly application: Application; readonly evidence: string }
  /**
   * From here on something else is spoken, after STARTTLS, Upgrade or CONNECT; without a name it is to be recognised
   * anew. `rest` is what the side that spoke has already said of it.
   */
  | { readonly kind: 'becomes'; readonly application?: Application; readonly rest: Uint8Array }
  /** The bytes are not what the protocol allows, or more than is held: the conversation cannot be followed further. */
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** Nothing that follows can be read or is of interest: encrypted, or bulk until the end. */
  | { readonly kind: 'opaque' }

export const NOTHING: readonly Reading[] = Object.freeze([])
const DETAIL_CHARACTERS = 256

/** Cut to what a flow record holds, and free of control characters: a terminal shows it. */
export const detail = (name: Detail, value: string): Reading => ({
  kind: 'detail',
  detail: name,
  value: value.slice(0, DETAIL_CHARACTERS).replaceAll(/\p{Cc}/gu, '\u{fffd}'),
})
export const unreadable = (reason: string): Reading => ({ kind: 'unreadable', reason })
