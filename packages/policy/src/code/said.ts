import type { Application, L7Kind } from '@sekisho/core'
import type { HeaderMatch, L7Match, TextMatch } from '../documents/l7.ts'

type Compared = { readonly exact: string } | { readonly prefix: string } | { readonly regex: string }

type Written<T> = T extends TextMatch
  ? Compared
  : T extends HeaderMatch
    ? { readonly name: string } | ({ readonly name: string } & Compared)
    : T extends readonly (infer Item)[]
      ? readonly Written<Item>[]
      : T

type FieldsOf<K extends L7Kind> = Omit<Extract<L7Match, { readonly kind: K }>, 'kind'>

/** One kind of request, as a SecurityPolicy writes it: `{ http: { methods: ['GET'], path: { prefix: '/orders/' } } }`. */
export type Request = {
  readonly [K in L7Kind]: {
    readonly [P in K]: { readonly [F in keyof FieldsOf<K>]: Written<FieldsOf<K>[F]> }
  }
}[L7Kind]

/** What is allowed on a connection, where ports alone do not say enough. */
export interface Said {
  /** Names of your own applications too. */
  readonly applications?: readonly (Application | (string & {}))[]
  /** Any of these. */
  readonly requests?: readonly Request[]
  /** RFC 3339; from then on the connection is not allowed. */
  readonly validUntil?: string
  /** Where an exception was agreed on. */
  readonly ticket?: string
}
