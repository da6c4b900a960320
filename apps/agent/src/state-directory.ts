import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { lockFile, openNetns } from '@sekisho/linux'

/** Where an agent keeps what must outlive it. */
export interface StateDirectory {
  readonly key: string
  readonly certificate: string
  readonly authority: string
  readonly lastState: string
  /** Where names led. */
  readonly names: string
  readonly spool: string
  readonly socket: string
}

export const DEFAULT_STATE = '/var/lib/sekisho/agent'

export function stateDirectory(root: string): StateDirectory {
  const at = (name: string) => join(root, name)
  return {
    key: at('agent.key'),
    certificate: at('agent.pem'),
    authority: at('ca.pem'),
    lastState: at('last-state.json'),
    names: at('names.json'),
    spool: at('spool'),
    socket: at('agent.sock'),
  }
}

/** Makes it, private to root: it holds the agent's key and who talks to whom. */
export function makeStateDirectory(directory: StateDirectory): void {
  mkdirSync(directory.spool, { recursive: true, mode: 0o700 })
  for (const folder of [dirname(directory.key), directory.spool]) {
    for (const name of readdirSync(folder)) {
      if (name.endsWith(TEMPORARY)) rmSync(join(folder, name)) // cut off by a crash
    }
  }
}

const LOCKS = '/run/sekisho'

/**
 * Two agents in one namespace would replace each other's rules, two in one directory each other's records.
 * @throws when either is taken.
 */
export function lockAgent(directory: StateDirectory, netns: string | undefined): Disposable {
  using namespace = openNetns(netns ?? '/proc/self/ns/net')
  mkdirSync(LOCKS, { recursive: true, mode: 0o755 })
  const locks = new DisposableStack()
  const paths = [join(dirname(directory.key), 'lock'), join(LOCKS, `netns-${namespace.inode}.lock`)]
  for (const path of paths) {
    const lock = lockFile(path)
    if (!lock) {
      locks.dispose()
      throw new Error(`another agent is running: ${path} is locked`)
    }
    locks.use(lock)
  }
  return locks
}

const TEMPORARY = '.tmp'

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r')
  await directory.sync()
}

/** Replaces a file so that after a crash or power failure it is the old one or the new one, never a part. */
export async function writeDurably(path: string, bytes: string | Uint8Array): Promise<void> {
  const temporary = path + TEMPORARY
  {
    await using file = await open(temporary, 'w', 0o600)
    await file.writeFile(bytes)
    await file.sync()
  }
  await rename(temporary, path)
  await syncDirectory(dirname(path))
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
