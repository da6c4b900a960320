import { type Application, applicationsOf } from './application.ts'

/** Protocols whose requests a rule can be about. */
export const L7_KINDS = ['http', 'grpc', 'dns', 'tls', 'sql', 'redis', 'kafka', 'mongodb'] as const
export type L7Kind = (typeof L7_KINDS)[number]

/** One request inside a conversation, as inspection reads it. Texts are as the protocol's own rules compare them. */
export type L7Request =
  | {
      readonly kind: 'http'
      readonly method: string
      /** Without the query. */
      readonly path: string
      /** What follows the first "?", empty where there is none; absent where the reader does not say. */
      readonly query?: string
      readonly host: string
      /** Names in lower case; a header that is repeated has several values. */
      readonly headers: Readonly<Record<string, readonly string[]>>
    }
  /** The host is absent where the call names none. */
  | { readonly kind: 'grpc'; readonly service: string; readonly method: string; readonly host?: string }
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

/** Whose conversations are read to the requests: what is only recognised (Oracle, ClickHouse) is not here. */
const CARRIERS: Readonly<Record<L7Kind, readonly Application[]>> = {
  http: ['http'],
  // A conversation is known to be HTTP before its first call shows that it is gRPC.
  grpc: ['http'],
  dns: ['dns', 'llmnr', 'mdns'],
  tls: ['dtls', 'quic', 'tls'],
  sql: ['cassandra', 'mysql', 'postgresql', 'sqlserver'],
  redis: ['redis'],
  kafka: ['kafka'],
  mongodb: ['mongodb'],
}

/** The protocols in which requests of this kind are read. */
export const carriersOf = (kind: L7Kind): readonly Application[] => CARRIERS[kind]

/** Whether requests of this kind can still come in a conversation of this application. */
export const carries = (application: string, kind: L7Kind): boolean =>
  applicationsOf(application).some(name => CARRIERS[kind].some(carrier => carrier === name))
