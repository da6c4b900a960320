import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { cgroupPaths } from './cgroup.ts'
import { type ListeningSocket, parseSocketTable } from './socket-table.ts'

export interface Process {
  readonly pid: number
  /** Inode of its network namespace. */
  readonly netns: number
  readonly cgroups: readonly string[]
}

/** Processes come and go while /proc is read, and those of another security domain may be closed to us. */
const GONE = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EINVAL'])

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && 'code' in error && GONE.has(String(error.code))) return undefined
    throw error
  }
}

const bracketed = (link: string | undefined, kind: string): number | undefined => {
  const inode = link === undefined ? undefined : new RegExp(`^${kind}:\\[(\\d+)\\]$`).exec(link)?.[1]
  return inode === undefined ? undefined : Number(inode)
}

function process(proc: string, pid: number): Process | undefined {
  const netns = bracketed(
    unlessGone(() => readlinkSync(`${proc}/${pid}/ns/net`)),
    'net',
  )
  const cgroup = unlessGone(() => readFileSync(`${proc}/${pid}/cgroup`, 'utf8'))
  // Kernel threads have no namespace link that can be read.
  return netns === undefined || cgroup === undefined
    ? undefined
    : { pid, netns, cgroups: cgroupPaths(cgroup) }
}

/** All processes that can be read. @param proc where procfs is mounted. */
export const processes = (proc = '/proc'): Process[] =>
  readdirSync(proc)
    .filter(name => /^\d+$/.test(name))
    .map(name => process(proc, Number(name)))
    .filter(found => found !== undefined)

const TABLES = [
  ['TCP', 'tcp'],
  ['TCP', 'tcp6'],
  ['UDP', 'udp'],
  ['UDP', 'udp6'],
] as const

/** Sockets that wait for others, in the network namespace of a process. */
export const listeningSockets = (pid: number, proc = '/proc'): ListeningSocket[] =>
  TABLES.flatMap(([protocol, name]) =>
    parseSocketTable(protocol, unlessGone(() => readFileSync(`${proc}/${pid}/net/${name}`, 'utf8')) ?? ''),
  )

/** Inodes of the sockets a process holds. */
export const socketInodes = (pid: number, proc = '/proc'): number[] =>
  (unlessGone(() => readdirSync(`${proc}/${pid}/fd`)) ?? [])
    .map(fd =>
      bracketed(
        unlessGone(() => readlinkSync(`${proc}/${pid}/fd/${fd}`)),
        'socket',
      ),
    )
    .filter(inode => inode !== undefined)
