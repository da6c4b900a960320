import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { text, UsageError, type Values } from './arguments.ts'

/** Which server, and as whom. */
export interface Connection {
  readonly server: string
  readonly token: string | undefined
  /** PEM of the authority that signed the server's certificate, when it is Sekisho's own. */
  readonly ca: string | undefined
  /** Where this came from, for error messages. */
  readonly origin: string
}

const configFile = (): string =>
  join(process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'sekisho', 'config.json')
/** Written by the lab and by `sekisho up`, readable by root only. */
const localFiles = (): string[] => [
  join(process.env.SEKISHO_LAB_DIR ?? '/run/sekisho-lab', 'cli.json'),
  '/var/lib/sekisho/cli.json',
]

function fromFile(path: string): Connection | undefined {
  let raw: string
  try {
    if (!existsSync(path)) return undefined
    raw = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EACCES') return undefined
    throw error
  }
  const parsed: unknown = JSON.parse(raw)
  if (
    typeof parsed !== 'object' ||
    parsed === null ||
    !('server' in parsed) ||
    typeof parsed.server !== 'string'
  ) {
    throw new UsageError(`${path}: "server" is missing`)
  }
  const field = (name: string): string | undefined => {
    const value: unknown = Reflect.get(parsed, name)
    return typeof value === 'string' ? value : undefined
  }
  return { server: parsed.server, token: field('token'), ca: field('ca'), origin: path }
}

/** Flag, then environment, then the user's file, then a lab or `sekisho up` on this machine. */
export function findConnection(values: Values): Connection {
  const server = text(values, 'server') ?? process.env.SEKISHO_SERVER
  const token = text(values, 'token') ?? process.env.SEKISHO_TOKEN
  if (server) {
    const origin = text(values, 'server') ? '--server' : 'SEKISHO_SERVER'
    return { server: server.replace(/\/$/, ''), token, ca: undefined, origin }
  }
  for (const path of [configFile(), ...localFiles()]) {
    const found = fromFile(path)
    if (found) return { ...found, token: token ?? found.token }
  }
  throw new UsageError(
    'no server is known: start the lab with "sekisho lab", or name a server with --server or SEKISHO_SERVER',
  )
}
