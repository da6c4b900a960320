import type { L7Request } from '@sekisho/core'
import { fieldsOf } from './fields.ts'

type Http = Extract<L7Request, { kind: 'http' }>

/**
 * A request over HTTP/1. Its headers are made only when a rule asks for them: most rules ask for method and path, and
 * the object of ten headers costs more than all else together. It is a getter of the class, not of the object, so a
 * copy by spreading has no headers.
 */
export class HttpRequest implements Http {
  readonly kind = 'http'
  readonly method: string
  readonly path: string
  readonly query: string
  readonly host: string
  readonly #lines: string

  constructor(of: { method: string; path: string; query: string; host: string; lines: string }) {
    this.method = of.method
    this.path = of.path
    this.query = of.query
    this.host = of.host
    this.#lines = of.lines
  }

  get headers(): Http['headers'] {
    return fieldsOf(this.#lines)
  }
}
