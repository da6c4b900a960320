import { copyFileSync, globSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'

/** A log that is longer becomes `<name>.log.1`, in place of the one before: two of these for each program. */
const MOST_BYTES = 16 * 1024 * 1024
const LOOK_MS = 60_000

/**
 * Copied and cut, not renamed: programs hold their log open, and every write of theirs goes to its end, wherever that
 * is now (O_APPEND). What is written between the copy and the cut is lost.
 */
export function rotateLogs(directory: string, mostBytes = MOST_BYTES): void {
  for (const path of globSync(join(directory, '*.log'))) {
    if (statSync(path).size <= mostBytes) continue
    copyFileSync(path, `${path}.1`)
    truncateSync(path)
  }
}

/** Keeps the logs of a state directory from filling its disk until disposed. */
export function keepLogsShort(dir: string, failed: (error: unknown) => void): Disposable {
  const look = () => {
    try {
      rotateLogs(join(dir, 'logs'))
    } catch (error) {
      failed(error)
    }
  }
  const timer = setInterval(look, LOOK_MS)
  timer.unref()
  look()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
