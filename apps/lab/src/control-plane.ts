import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './command.ts'
import { waitFor } from './conditions.ts'
import { DIES_WITH_PARENT, launch } from './launch.ts'
import { replaceFile } from './record.ts'
import { type Supervised, type Supervision, supervise } from './supervise.ts'

const bin = (name: string) => join(import.meta.dirname, '../../../bin', name)

export interface ControlPlaneOptions {
  /** State directory; holds `server/`, `agent/`, `logs/` and `cli.json`. */
  readonly dir: string
  readonly port: number
  readonly agentsPort: number
  /** The server's own options, besides where it listens and keeps its state. */
  readonly serverArguments: readonly string[]
  /** The agent's own options: its node, and where its workloads are. */
  readonly agentArguments: readonly string[]
  started(name: 'server' | 'agent', event: Parameters<Supervision['started']>[0]): void
}

/** Server and agent of one machine; what they share are files of the state directory. */
export interface ControlPlane {
  readonly url: string
  /** Path of `sekisho-agent`. */
  readonly agentProgram: string
  /** Starts the server. @returns when it answers, with tokens; the API's is in `cli.json` too. */
  startServer(name: string): Promise<Access>
  startAgent(access: Access): Supervised
  loginLink(): Promise<string>
}

export interface Access {
  readonly server: Supervised
  readonly url: string
  /** Of the API. */
  readonly token: string
  /** Lets the agent join, once; afterwards it has a certificate. */
  readonly joinToken: string
}

/** Long enough for a machine that is busy with something else, too. */
const START_MS = 180_000

const answers = (url: string) => () =>
  fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    response => response.ok,
    () => false, // not listening yet
  )

export function controlPlane(options: ControlPlaneOptions): ControlPlane {
  const { dir, port, agentsPort } = options
  const data = join(dir, 'server')
  const url = `http://127.0.0.1:${port}`
  const program = (name: 'server' | 'agent', args: readonly string[], env?: NodeJS.ProcessEnv) =>
    supervise({
      name,
      stop: 'orderly',
      started: event => options.started(name, event),
      start: () =>
        launch([...DIES_WITH_PARENT, bin(`sekisho-${name}`), ...args], {
          runDir: dir,
          name,
          env: { ...process.env, ...env },
        }),
    })
  const command = async (...args: string[]) => {
    const { stdout } = await run([bin('sekisho-server'), ...args, '--data', data])
    return stdout.trim()
  }
  const ready = () =>
    waitFor(`the server (see ${join(dir, 'logs/server.log')})`, answers(`${url}/readyz`), {
      timeoutMs: START_MS,
    })
  return {
    url,
    agentProgram: bin('sekisho-agent'),
    async startServer(name) {
      mkdirSync(data, { recursive: true, mode: 0o700 })
      const listen = ['--listen', `127.0.0.1:${port}`, '--agents', `127.0.0.1:${agentsPort}`]
      const server = program('server', ['--data', data, ...listen, ...options.serverArguments])
      try {
        // Tokens go straight into the database, so they need not wait for the server.
        const tokens = [command('token', '--name', name), command('join-token')] as const
        const [token, joinToken] = await Promise.all([...tokens, ready()])
        replaceFile(join(dir, 'cli.json'), JSON.stringify({ server: url, token }), 0o600)
        return { server, url, token, joinToken }
      } catch (error) {
        await server[Symbol.asyncDispose]()
        throw error
      }
    },
    startAgent({ joinToken }) {
      const join = ['--server', `https://127.0.0.1:${agentsPort}`, '--state', `${dir}/agent`]
      // In the environment, because everyone may read a command line.
      return program('agent', [...join, ...options.agentArguments], { SEKISHO_JOIN_TOKEN: joinToken })
    },
    loginLink: () => command('login-link'),
  }
}

type Credentials = Pick<Access, 'url' | 'token'>

/** @throws with the server's own sentence when it refuses. */
export async function askServer({ url, token }: Credentials, path: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${url}/api/v1${path}`, { headers, signal: AbortSignal.timeout(5_000) })
  if (!response.ok) throw new Error(`${path}: status ${response.status}: ${await response.text()}`)
  return response.json()
}

/** A server that takes its time on a busy machine is asked again; what it refuses is an error. */
async function asked(condition: () => Promise<boolean>): Promise<boolean> {
  try {
    return await condition()
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') return false
    throw error
  }
}

/** Waits for the agent's first report of itself: before it, it has no version. */
export async function waitForAgent(access: Credentials): Promise<void> {
  const reported = async () => {
    const answer = await askServer(access, '/agents')
    const { items } = answer as { items: { connected: boolean; version: string }[] } // our own API
    return items.some(agent => agent.connected && agent.version !== '')
  }
  await waitFor('the agent', () => asked(reported), { timeoutMs: START_MS, everyMs: 100 })
}

/** Waits until the map has something to show. @returns how many edges it has. */
export async function waitForEdges(access: Credentials, signal?: AbortSignal): Promise<number> {
  let edges = 0
  const drawn = async () => {
    const map = (await askServer(access, '/map?window=15m')) as { edges: unknown[] } // our own API
    edges = map.edges.length
    return edges > 0
  }
  const patience = { timeoutMs: START_MS, everyMs: 100, ...(signal ? { signal } : {}) }
  await waitFor('the first edge on the map', () => asked(drawn), patience)
  return edges
}
