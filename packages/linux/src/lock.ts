import { closeSync, openSync } from 'node:fs'
import { check, libcFlock, SystemError } from './libc.ts'

const LOCK_EX = 2
const LOCK_NB = 4

/**
 * Takes a file's lock for as long as this process lives; the kernel lets go however it ends, so no stale lock
 * ever needs a hand. The file itself is made if need be and stays.
 * @returns undefined when another process holds it.
 */
export function lockFile(path: string): Disposable | undefined {
  const fd = openSync(path, 'a', 0o600)
  try {
    check('flock', libcFlock(fd, LOCK_EX | LOCK_NB))
  } catch (error) {
    closeSync(fd)
    if (error instanceof SystemError && error.code === 'EAGAIN') return undefined
    throw error
  }
  return { [Symbol.dispose]: () => closeSync(fd) }
}
