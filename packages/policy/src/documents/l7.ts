/** How a text is compared: whole, by its beginning, or by a pattern that must match all of it. */
export type TextMatch =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }
  | { readonly kind: 'regex'; readonly value: string }

export interface HeaderMatch {
  /** Lower case, as HTTP/2 writes it. */
  readonly name: string
  /** Absent: the header is there, whatever it says. */
  readonly value?: TextMatch
}

/**
 * One request that a rule is about. Fields must all hold, items of a list are alternatives, and what is absent is not
 * asked. Of a request that names several things (tables, keys, topics) an Allow rule must hold for each of them and a
 * Deny rule for any.
 */
export type L7Match =
  | HttpMatch
  | GrpcMatch
  | DnsMatch
  | TlsMatch
  | SqlMatch
  | RedisMatch
  | KafkaMatch
  | MongoMatch

export interface HttpMatch {
  readonly kind: 'http'
  /** Upper case. */
  readonly methods?: readonly string[]
  /** Of the path without its query. */
  readonly path?: TextMatch
  /** What follows the first "?"; `exact: ''` is no query. Where it is not known an Allow rule does not hold and a Deny rule does. */
  readonly query?: TextMatch
  /** Name patterns, see `FqdnPeer`. */
  readonly hosts?: readonly string[]
  readonly headers?: readonly HeaderMatch[]
}
export interface GrpcMatch {
  readonly kind: 'grpc'
  /** With its package, as in `shop.v1.Orders`. */
  readonly service?: string
  readonly methods?: readonly string[]
}
export interface DnsMatch {
  readonly kind: 'dns'
  /** Name patterns, see `FqdnPeer`. */
  readonly names?: readonly string[]
  /** Upper case, as in `AAAA`. */
  readonly types?: readonly string[]
}
export interface TlsMatch {
  readonly kind: 'tls'
  /** Name patterns, see `FqdnPeer`. */
  readonly sni?: readonly string[]
}
export interface SqlMatch {
  readonly kind: 'sql'
  /** Lower case, as in `select`. */
  readonly statements?: readonly string[]
  readonly databases?: readonly string[]
  readonly tables?: readonly string[]
}
export interface RedisMatch {
  readonly kind: 'redis'
  /** Upper case, as in `GET`. */
  readonly commands?: readonly string[]
  readonly keyPrefixes?: readonly string[]
}
export interface KafkaMatch {
  readonly kind: 'kafka'
  /** As in `Produce`; names of the Kafka protocol guide. */
  readonly apis?: readonly string[]
  readonly topics?: readonly string[]
}
export interface MongoMatch {
  readonly kind: 'mongodb'
  /** Command names, as in `find`. */
  readonly operations?: readonly string[]
  readonly databases?: readonly string[]
  readonly collections?: readonly string[]
}
