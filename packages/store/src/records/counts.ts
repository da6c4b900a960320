import { type RawBuilder, sql } from 'kysely'

/**
 * An agent may lie about how much it saw. SQLite's `sum` of integers fails when it overflows, and a stored integer
 * past 2^53 cannot be read as a number: one such record would make every window that holds it unreadable. So what
 * is stored stops at the largest number that can be read, and what is summed is summed as floating point.
 */
const MOST = Number.MAX_SAFE_INTEGER
const COUNTS = ['connections', 'packets', 'bytes_to_destination', 'bytes_to_source'] as const

/** The part of an upsert that adds a record to the one that is there. */
export const ADD_COUNTS = [
  ...COUNTS.map(column => `${column} = min(${column} + excluded.${column}, ${MOST})`),
  'first = min(first, excluded.first)',
  'last = max(last, excluded.last)',
].join(', ')

/** Columns of the sum of records, to be stored as one. */
export const SUM_COUNTS = [
  ...COUNTS.map(column => `min(CAST(total(${column}) AS INTEGER), ${MOST})`),
  'min(first)',
  'max(last)',
].join(', ')

/** A sum to be read: exact up to 2^53, close beyond. @param column one of a query, by its own name. */
export const sumOf = (column: string): RawBuilder<number> => sql<number>`total(${sql.ref(column)})`
