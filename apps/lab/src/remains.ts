import { existsSync, readFileSync, rmSync } from 'node:fs'
import { run } from './command.ts'
import { until } from './conditions.ts'
import { readRecord } from './record.ts'

const NETNS_DIR = '/run/netns'

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

function signal(known: ProcessIdentity, name: 'SIGTERM' | 'SIGKILL'): void {
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
  await until(() => !isAlive(known), { timeoutMs: 5_000 })
}

/** Kills what still runs in the namespaces, then removes them. Names that do not exist are no error. */
export async function removeNetns(names: readonly string[]): Promise<void> {
  const present = names.filter(name => existsSync(`${NETNS_DIR}/${name}`))
  if (present.length === 0) return
  const listed = await Promise.all(present.map(name => run(['ip', 'netns', 'pids', name])))
  const left = listed
    .flatMap(({ stdout }) => stdout.split('\n').filter(Boolean).map(Number))
    .map(identify)
    .filter(known => known !== undefined)
  for (const known of left) signal(known, 'SIGKILL')
  await until(() => !left.some(isAlive), { timeoutMs: 5_000 })
  await run(['ip', '-batch', '-'], { input: present.map(name => `netns del ${name}\n`).join('') })
}

/** Removes an earlier lab of the same directory: a running one is stopped, a crashed one is cleared away. */
export async function removeRemains(runDir: string, plannedNetns: readonly string[]): Promise<boolean> {
  const record = readRecord(runDir)
  const found = record !== undefined || plannedNetns.some(name => existsSync(`${NETNS_DIR}/${name}`))
  if (record) {
    if (record.lab.pid !== process.pid) await end(record.lab)
    await Promise.all(Object.values(record.processes).map(({ identity }) => end(identity, 2_000)))
  }
  await removeNetns([...new Set([...(record?.netns ?? []), ...plannedNetns])])
  rmSync(runDir, { recursive: true, force: true })
  return found
}
