import type { L7Request } from '@sekisho/core'
import { latin1Between } from '../../ascii.ts'
import { copyOf } from '../../bytes.ts'
import { EMPTY_LINE, fieldsOf } from './fields.ts'

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
  /** Its field lines, without the empty line, as it was made first, and where they began. */
  readonly #lines: string
  readonly #linesAt: number
  /** As it was made last, where other field lines were made since; they end there. */
  #again: Uint8Array | undefined
  #linesEnd = 0
  #isAskedForHeaders = false

  constructor(of: {
    method: string
    path: string
    query: string
    host: string
    lines: string
    linesAt: number
  }) {
    this.method = of.method
    this.path = of.path
    this.query = of.query
    this.host = of.host
    this.#lines = of.lines
    this.#linesAt = of.linesAt
  }

  get headers(): Http['headers'] {
    this.#isAskedForHeaders = true
    return fieldsOf(this.#again ? latin1Between(this.#again, this.#linesAt, this.#linesEnd) : this.#lines)
  }

  /** Whether anybody has looked at its headers: what was said of it then may not hold with others. */
  get isAskedForHeaders(): boolean {
    return this.#isAskedForHeaders
  }

  /** It is made again, with other field lines; whoever asks from here on is told of these. */
  repeat(head: Uint8Array): void {
    if (this.#again && this.#again.length >= head.length) this.#again.set(head)
    else this.#again = copyOf(head)
    this.#linesEnd = head.length - EMPTY_LINE
  }
}
