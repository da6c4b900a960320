import type { Application } from './documents/application.ts'
import type { L7Kind } from './documents/l7.ts'

/** One request inside a conversation, as inspection reads it. Texts are as the protocol's own rules compare them. */
export type L7Request =
  | {
      readonly kind: 'http'
      readonly method: string
      /** Without the query. */
      readonly path: string
      readonly host: string
      /** Names in lower case; a header that is repeated has several values. */
      readonly headers: Readonly<Record<string, readonly string[]>>
    }
  | { readonly kind: 'grpc'; readonly service: string; readonly method: string }
  | { readonly kind: 'dns'; readonly name: string; readonly type: string }
  /** Without a server name the hello named none. */
  | { readonly kind: 'tls'; readonly sni?: string }
  | {
      readonly kind: 'sql'
      /** Lower case, as in `select`. */
      readonly statement: string
      readonly database?: string
      readonly tables: readonly string[]
    }
  /** The command in upper case. */
  | { readonly kind: 'redis'; readonly command: string; readonly keys: readonly string[] }
  | { readonly kind: 'kafka'; readonly api: string; readonly topics: readonly string[] }
  | {
      readonly kind: 'mongodb'
      readonly operation: string
      readonly database: string
      readonly collection?: string
    }

/** What is known of a conversation besides its ends and port. What is absent is not known yet. */
export interface FlowFacts {
  readonly application?: Application
  /** Names that led to the destination's address; `[]` where it is known that none did. */
  readonly names?: readonly string[]
  /** The request that is asked about. */
  readonly request?: L7Request
}

/** A fact that a rule asks for: the destination's name, the application, or a request of one protocol. */
export type Need = 'name' | 'application' | L7Kind

/** Facts that could change a verdict which holds for as long as they are not known. */
export interface Inspect {
  /** Sorted. */
  readonly needs: readonly Need[]
  /** What is to be done where they cannot be found out: `closed` where any of the policies that ask says so. */
  readonly onFailure: 'open' | 'closed'
}
