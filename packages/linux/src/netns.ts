import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs'
import { basename } from 'node:path'
import { check, libcMount, libcSetns, libcUmount, libcUnshare, SystemError } from './libc.ts'

const CLONE_NEWNET = 0x40000000
const MS_BIND = 0x1000
const MS_REC = 0x4000
const MS_SHARED = 0x100000
const MNT_DETACH = 2

/** Where iproute2 keeps named network namespaces. */
const DIRECTORY = '/run/netns'
/** Of the calling thread; `/proc/self` would be that of the main thread. */
const OWN = '/proc/thread-self/ns/net'

export interface Netns extends Disposable {
  readonly path: string
  /** Identifies the namespace: equal inodes are the same namespace. */
  readonly inode: number
  /**
   * Runs a synchronous function with the calling thread in this namespace, and returns. Sockets made and files
   * under /proc/sys/net opened in it belong to the namespace for good. Nothing asynchronous may be started
   * inside: a new thread would inherit the namespace and keep it.
   * @throws SystemError when it cannot be entered; the process dies if it cannot go back.
   */
  run<T>(fn: () => T): T
}

/** The path of a namespace given by name (as in `ip netns`), path or process id. */
export function netnsPath(which: string | number): string {
  if (typeof which === 'number') return `/proc/${which}/ns/net`
  return which.includes('/') ? which : `${DIRECTORY}/${which}`
}

/** Moves the calling thread into a namespace for good: for worker threads that live there. */
export function enterNetns(which: string): void {
  const fd = openSync(netnsPath(which), 'r')
  try {
    check('setns', libcSetns(fd, CLONE_NEWNET))
  } finally {
    closeSync(fd)
  }
}

/**
 * Goes back to the namespace of `fd`. A thread that stays in a foreign namespace would program the wrong
 * firewall, silently; no state is worth keeping then.
 */
function goHome(fd: number): void {
  if (libcSetns(fd, CLONE_NEWNET) === 0) return
  process.stderr.write('sekisho: cannot return to the own network namespace; aborting\n')
  process.abort()
}

/** @param which name, path or process id. */
export function openNetns(which: string | number): Netns {
  const path = netnsPath(which)
  const fd = openSync(path, 'r')
  let open = true
  return {
    path,
    inode: fstatSync(fd).ino,
    run(fn) {
      if (!open) throw new TypeError(`network namespace ${path} is closed`)
      return runIn(fd, fn)
    },
    [Symbol.dispose]() {
      if (open) closeSync(fd)
      open = false
    },
  }
}

function runIn<T>(fd: number, fn: () => T): T {
  const home = openSync(OWN, 'r')
  try {
    check('setns', libcSetns(fd, CLONE_NEWNET))
    try {
      const result = fn()
      if (result instanceof Promise) throw new TypeError('only synchronous functions run in a namespace')
      return result
    } finally {
      goHome(home)
    }
  } finally {
    closeSync(home)
  }
}

/** The namespace of the calling thread, before anything entered another. */
export const hostNetns = (): Netns => openNetns(OWN)

/** `fn` in the namespace of that name or path, or right here when there is none. */
export function inNetns<T>(which: string | undefined, fn: () => T): T {
  if (which === undefined) return fn()
  using netns = openNetns(which)
  return netns.run(fn)
}

/**
 * Makes a named namespace that lives until `deleteNetns`, as `ip netns add` does: a bind mount keeps it,
 * on a directory that is shared so that the mount is seen in, and can be removed from, every mount namespace.
 */
export function createNetns(name: string): Netns {
  const path = namedPath(name)
  mkdirSync(DIRECTORY, { recursive: true })
  shareDirectory()
  closeSync(openSync(path, 'wx', 0o444))
  try {
    bindFresh(path)
    return openNetns(path)
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  }
}

function bindFresh(path: string): void {
  const home = openSync(OWN, 'r')
  try {
    check('unshare', libcUnshare(CLONE_NEWNET))
    try {
      check('mount', libcMount(OWN, path, 'none', MS_BIND, null))
    } finally {
      goHome(home)
    }
  } finally {
    closeSync(home)
  }
}

function shareDirectory(): void {
  const share = () => check('mount', libcMount('', DIRECTORY, 'none', MS_SHARED | MS_REC, null))
  try {
    share()
  } catch (error) {
    // EINVAL: not a mount point yet; it becomes one by a mount upon itself.
    if (!(error instanceof SystemError) || error.code !== 'EINVAL') throw error
    check('mount', libcMount(DIRECTORY, DIRECTORY, 'none', MS_BIND | MS_REC, null))
    share()
  }
}

/** @throws when there is none of that name. Processes inside keep the namespace itself alive until they end. */
export function deleteNetns(name: string): void {
  const path = namedPath(name)
  try {
    check('umount', libcUmount(path, MNT_DETACH))
  } catch (error) {
    // EINVAL: a file without a mount, left over from a crash between the two.
    if (!(error instanceof SystemError) || error.code !== 'EINVAL') throw error
  }
  rmSync(path)
}

/** Names of all named namespaces. */
export function listNetns(): string[] {
  try {
    return readdirSync(DIRECTORY)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

function namedPath(name: string): string {
  if (name === '' || name === '.' || name === '..' || basename(name) !== name) {
    throw new TypeError(`not a namespace name: ${JSON.stringify(name)}`)
  }
  return `${DIRECTORY}/${name}`
}
