import { readlinkSync } from 'node:fs'
import { serviceOf } from './cgroup.ts'
import { listeningSockets, type Process, processes, socketInodes } from './processes.ts'
import type { ListeningSocket } from './socket-table.ts'

/** A systemd service of the host and the sockets it waits on. */
export interface SystemService {
  /** Without `.service`. */
  readonly unit: string
  readonly sockets: readonly ListeningSocket[]
}

/** Services in this process's network namespace that wait for connections. @param proc where procfs is mounted. */
export function services(proc = '/proc'): SystemService[] {
  const own = readlinkSync(`${proc}/self/ns/net`)
  const here = processes(proc).filter(({ netns }) => own === `net:[${netns}]`)
  const [first] = here
  if (!first) return []
  const byInode = new Map(listeningSockets(first.pid, proc).map(socket => [socket.inode, socket]))
  return [...Map.groupBy(here, unitOf)].flatMap(([unit, members]) => {
    if (unit === undefined) return []
    const sockets = socketsOf(members, byInode, proc)
    return sockets.length === 0 ? [] : [{ unit, sockets }]
  })
}

const unitOf = ({ cgroups }: Process): string | undefined =>
  cgroups.map(serviceOf).find(unit => unit !== undefined)

/** Each once, although a parent and its workers hold the same socket. */
function socketsOf(
  members: readonly Process[],
  byInode: ReadonlyMap<number, ListeningSocket>,
  proc: string,
): ListeningSocket[] {
  const inodes = new Set(members.flatMap(({ pid }) => socketInodes(pid, proc)))
  return [...inodes].map(inode => byInode.get(inode)).filter(socket => socket !== undefined)
}
