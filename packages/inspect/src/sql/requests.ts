import { LIMITS, Malformed } from '@sekisho/core'
import type { Reading } from '../reading.ts'
import { readStatements } from './statements.ts'
import type { Dialect } from './tokens.ts'

const DECODER = new TextDecoder()

/** A text as the client sends it, and where it will run. */
export interface SqlText {
  readonly bytes: Uint8Array
  readonly dialect: Dialect
  readonly database?: string | undefined
}

/** The longest text that is read; a longer one is one message that cannot be judged. */
export const SQL_BYTES = LIMITS.inspectBytes.value

/** One statement as a request; of a function or procedure nobody sees which tables it is about. */
export const sqlRequest = (
  statement: string,
  database: string | undefined,
  tables: readonly string[] = [],
): Reading => ({
  kind: 'request',
  request: { kind: 'sql', statement, tables, ...(database !== undefined && { database }) },
})

/** Its statements as requests. Raises `Malformed` where it is not understood: what is not understood is not allowed. */
export function sqlRequests({ bytes, dialect, database }: SqlText): readonly Reading[] {
  const statements = readStatements(DECODER.decode(bytes), dialect)
  if (!statements) throw new Malformed('a statement that cannot be read', 0)
  return statements.map(({ verb, tables }) => sqlRequest(verb, database, tables))
}
