import { ERRORS, type ErrorCode, SekishoError } from '@sekisho/core'
import type { ProblemJson } from '../schema/common.ts'

/** RFC 9457. What went wrong inside is for the log, never for the client. */
export function problemOf(error: unknown): ProblemJson & { readonly code: ErrorCode } {
  const known = error instanceof SekishoError ? error : undefined
  const code = known?.code ?? 'internal'
  const { status, text } = ERRORS[code]
  return {
    type: `urn:sekisho:error:${code}`,
    title: text,
    status,
    code,
    ...(known && known.message !== text ? { detail: known.message } : {}),
    ...(known && known.problems.length > 0 ? { problems: [...known.problems] } : {}),
  }
}
