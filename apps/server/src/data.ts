import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

export const databaseIn = (data: string): string => join(data, 'sekisho.db')

/** Compiled code is kept in our own directory: in the default one, below /tmp, others could put theirs. */
export const keepCompiled = (data: string): void => void enableCompileCache(join(data, 'compiled'))
