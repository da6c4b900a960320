import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { listens } from './conditions.ts'
import type { Container } from './containers.ts'
import { countsFile } from './record.ts'

/**
 * The kernel kills the child when the process that started it ends, however it ended: a `kill -9` of the lab
 * leaves no program behind. (PR_SET_PDEATHSIG survives exec, which is all that happens in between.)
 */
export const DIES_WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL', '--']

/** On a machine with two cores, the start of all sample programs must not hold up server and agent. */
const GENTLE = ['nice', '-n', '5']

/**
 * Into the network namespace, then into namespaces of its own for processes, mounts and System V memory:
 * when `unshare` ends, the kernel ends its child, the namespace's first process, and with it all others.
 * That is a shell of root and not the program itself, because a process that changes its user, as those of
 * PostgreSQL and dnsmasq do, loses its parent-death signal (prctl(2)).
 */
export function containedCommand({ netns, resolvConf, argv }: Container): string[] {
  const namespaces = ['--mount', '--pid', '--ipc', '--fork', '--kill-child', '--mount-proc', '--']
  const cover = 'mount --bind "$1" /etc/resolv.conf && shift && "$@"; exit $?'
  const enter = ['nsenter', `--net=/run/netns/${netns}`, '--', 'unshare', ...namespaces]
  return [...DIES_WITH_PARENT, ...GENTLE, ...enter, 'sh', '-c', cover, 'sh', resolvConf, ...argv]
}

/** Starts a program; what it writes is appended to `logs/<name>.log`. */
export function launch(
  argv: readonly string[],
  { runDir, name, env }: { runDir: string; name: string; env: NodeJS.ProcessEnv },
): ChildProcess {
  mkdirSync(join(runDir, 'logs'), { recursive: true })
  const log = openSync(join(runDir, 'logs', `${name}.log`), 'a', 0o640)
  const stdio: StdioOptions = ['ignore', log, log]
  const [program = '', ...rest] = argv
  try {
    // A session of its own: Ctrl-C in the terminal is for the lab, which then stops things in order.
    return spawn(program, rest, { env, stdio, detached: true, cwd: '/' })
  } finally {
    closeSync(log)
  }
}

/** Until `nsenter` has done its work the child still sees the sockets of the host. */
const isIn = (pid: number, netns: string): boolean => {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) === `net:[${statSync(`/run/netns/${netns}`).ino}]`
  } catch {
    return false // the process or the namespace is gone
  }
}

export function isReady(container: Container, pid: number, runDir: string): boolean {
  const { ready } = container
  switch (ready.kind) {
    case 'counts':
      return existsSync(countsFile(runDir, container.name))
    case 'listens':
      return isIn(pid, container.netns) && listens(pid, ready.port, ready.protocol)
  }
}
