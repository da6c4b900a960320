import { existsSync, rmSync } from 'node:fs'
import { run } from './command.ts'
import { until } from './conditions.ts'
import { end, identify, isAlive, signal } from './process.ts'
import { readRecord } from './record.ts'

const NETNS_DIR = '/run/netns'

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
  await until(() => !left.some(isAlive), { timeoutMs: 30_000 })
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
