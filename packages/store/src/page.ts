import { type EpochMs, fail, ok, type Result, SekishoError } from '@sekisho/core'

/** A stretch of time: `since` is inside, `until` is not. */
export interface Window {
  readonly since: EpochMs
  readonly until: EpochMs
}

export interface PageRequest {
  /** `next` of the page before; left out for the first. */
  readonly cursor?: string | undefined
  /** 1 to `LIMITS.pageSize`. */
  readonly limit: number
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Undefined on the last page. */
  readonly next: string | undefined
}

/** Keyset cursors: the key of the last item, so that rows inserted meanwhile shift nothing. */
const parseCursor = (text: string, length: number): Result<readonly number[], string> => {
  const parts = text.split('.').map(part => (/^\d{1,15}$/.test(part) ? Number(part) : Number.NaN))
  return parts.length === length && !parts.some(Number.isNaN) ? ok(parts) : fail('not a cursor of this list')
}

/** @throws SekishoError `bad-request` for a cursor that this list did not make. */
export function numericCursor(text: string, length: number): readonly number[] {
  const cursor = parseCursor(text, length)
  if (!cursor.ok) throw new SekishoError('bad-request', cursor.error)
  return cursor.value
}

/** @param rows read with a limit of one more than the page, to know whether there is a next one. */
export function pageOf<Row, T>(
  rows: readonly Row[],
  limit: number,
  shape: { readonly item: (row: Row) => T; readonly key: (row: Row) => string },
): Page<T> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map(shape.item),
    next: rows.length > limit && last !== undefined ? shape.key(last) : undefined,
  }
}
