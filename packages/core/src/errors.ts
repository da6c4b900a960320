/** Every error a user can meet: its code, HTTP status and sentence. `docs/ERRORS.md` is generated from it. */
export const ERRORS = {
  'bad-request': { status: 400, text: 'The request is not valid.' },
  unauthenticated: { status: 401, text: 'Log in first.' },
  'link-used': { status: 401, text: 'This one-time link was already used or has expired.' },
  forbidden: { status: 403, text: 'Your account may not do this.' },
  csrf: { status: 403, text: 'The request did not come from the console.' },
  'not-found': { status: 404, text: 'There is no such thing.' },
  conflict: { status: 409, text: 'It was changed by someone else in the meantime.' },
  'too-large': { status: 413, text: 'The input is larger than the limit.' },
  'policy-refused': { status: 422, text: 'The policy was refused whole; nothing was changed.' },
  'too-many': { status: 429, text: 'Too many requests; wait a moment.' },
  internal: { status: 500, text: 'Something failed inside Sekisho; the log has the details.' },
  unavailable: { status: 503, text: 'The server is not ready yet.' },
} as const satisfies Record<string, { readonly status: number; readonly text: string }>

export type ErrorCode = keyof typeof ERRORS

/** One mistake in something a person wrote: where it is and what is wrong. */
export interface Problem {
  /** Which document of a multi-document file, from 0. */
  readonly document: number
  /** Path inside the document, as in `spec.ingress[0].ports[1].endPort`. */
  readonly path: string
  readonly reason: string
  /** Position in the source text, from 1, where known. */
  readonly line?: number
  readonly column?: number
  readonly file?: string
}

export class SekishoError extends Error {
  override readonly name = 'SekishoError'
  readonly code: ErrorCode
  readonly problems: readonly Problem[]
  constructor(code: ErrorCode, detail?: string, problems: readonly Problem[] = []) {
    super(detail ?? ERRORS[code].text)
    this.code = code
    this.problems = problems
  }
}
