import { readFileSync } from 'node:fs'
import { until } from './conditions.ts'

/** A process as the kernel tells it apart from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTime: string
}

/** The identity of a process that runs now; undefined when there is none, or only its exit code is left. */
export function identify(pid: number): ProcessIdentity | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined // no such process: that is the answer
  }
  // The second field is the program's name in brackets and may hold anything, brackets too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, startTime] = [fields[0], fields[19]]
  return state === 'Z' || state === 'X' || startTime === undefined ? undefined : { pid, startTime }
}

export const isAlive = (known: ProcessIdentity): boolean => identify(known.pid)?.startTime === known.startTime

/** No error when it has ended in between. */
export function signal(known: ProcessIdentity, name: 'SIGTERM' | 'SIGKILL'): void {
  if (!isAlive(known)) return
  try {
    process.kill(known.pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // it ended in between
  }
}

/** Ends exactly this process, also when it does not want to. */
export async function end(known: ProcessIdentity, patienceMs = 10_000): Promise<void> {
  signal(known, 'SIGTERM')
  const ended = await until(() => !isAlive(known), { timeoutMs: patienceMs })
  if (!ended) signal(known, 'SIGKILL')
  await until(() => !isAlive(known), { timeoutMs: 30_000 })
}
