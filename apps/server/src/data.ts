import { statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

/** The program's own directory, whose owner decides what code runs anyway. */
const PROGRAM = join(import.meta.dirname, '../../..')

export const databaseIn = (data: string): string => join(data, 'sekisho.db')

/**
 * Compiled code is kept beside the program where that is ours, else in our own data, once that is known: in the
 * default directory, below /tmp, others could put theirs. The first directory stays.
 */
export function keepCompiled(data?: string): void {
  const isOurs = statSync(PROGRAM).uid === process.getuid?.()
  if (isOurs) enableCompileCache(join(PROGRAM, 'node_modules/.cache/sekisho'))
  else if (data !== undefined) enableCompileCache(join(data, 'compiled'))
}
