import { OUTCOMES, REASONS } from '@sekisho/core'
import { z } from 'zod'

/** RFC 3339 in UTC, milliseconds. */
export const timestamp = z.iso.datetime()
export const outcome = z.enum(OUTCOMES)
export const reason = z.enum(REASONS)

/** One mistake in the input, as `Problem` in core. */
export const problem = z.object({
  document: z.number().int(),
  path: z.string(),
  reason: z.string(),
  line: z.number().int().optional(),
  column: z.number().int().optional(),
  file: z.string().optional(),
})

/** RFC 9457 problem+json; `code` is a key of the table in docs/ERRORS.md. */
export const problemJson = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string().optional(),
  problems: z.array(problem).optional(),
})

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() })

/** Cursor paging, and the time window every record query takes. */
export const pageQuery = z.object({
  cursor: z.string().max(512).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
})
export const windowQuery = z.object({
  /** A duration back from now (`15m`, `1h`, `7d`) … */
  window: z
    .string()
    .regex(/^\d{1,4}[smhd]$/, 'a window is a number and s, m, h or d, such as 15m')
    .optional(),
  /** … or fixed ends. */
  since: timestamp.optional(),
  until: timestamp.optional(),
})

export type ProblemJson = z.infer<typeof problemJson>
