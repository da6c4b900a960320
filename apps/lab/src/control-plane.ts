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
  readonly lab: boolean
  /** The agent's own options: its node, and where its workloads are. */
  readonly agentArguments: readonly string[]
  started(name: 'server' | 'agent', event: Parameters<Supervision['started']>[0]): void
}

/** What the programs of a machine know of each other; all in files of the state directory. */
export interface ControlPlane {
  readonly url: string
  /** Path of `sekisho-agent`. */
  readonly agentProgram: string
  startServer(): Promise<Supervised>
  /** @param joinToken used once; afterwards the agent has its certificate. */
  startAgent(joinToken: string): Supervised
  joinToken(): Promise<string>
  /** An API token, also written to `cli.json` for the command line. */
  apiToken(name: string): Promise<string>
  loginLink(): Promise<string>
}

/** Long enough for a machine that is busy with something else, too. */
const START_MS = 30_000

const answers = (url: string) => () =>
  fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    response => response.ok,
    () => false, // not listening yet
  )

export function controlPlane(options: ControlPlaneOptions): ControlPlane {
  const { dir, port, agentsPort } = options
  const data = join(dir, 'server')
  const url = `http://127.0.0.1:${port}`
  const program = (name: 'server' | 'agent', args: readonly string[]) =>
    supervise({
      name,
      stop: 'orderly',
      started: event => options.started(name, event),
      start: () =>
        launch([...DIES_WITH_PARENT, bin(`sekisho-${name}`), ...args], {
          runDir: dir,
          name,
          env: process.env,
        }),
    })
  const command = async (...args: string[]) => {
    const { stdout } = await run([bin('sekisho-server'), ...args, '--data', data])
    return stdout.trim()
  }
  return {
    url,
    agentProgram: bin('sekisho-agent'),
    async startServer() {
      mkdirSync(data, { recursive: true, mode: 0o700 })
      const listen = ['--listen', `127.0.0.1:${port}`, '--agents', `127.0.0.1:${agentsPort}`]
      const server = program('server', ['--data', data, ...listen, ...(options.lab ? ['--lab'] : [])])
      const log = join(dir, 'logs/server.log')
      await waitFor(`the server (see ${log})`, answers(`${url}/readyz`), { timeoutMs: START_MS })
      return server
    },
    startAgent(joinToken) {
      const join = ['--server', `https://127.0.0.1:${agentsPort}`, '--join-token', joinToken]
      return program('agent', [...join, '--state', `${dir}/agent`, ...options.agentArguments])
    },
    joinToken: () => command('join-token'),
    async apiToken(name) {
      const token = await command('token', '--name', name)
      replaceFile(join(dir, 'cli.json'), JSON.stringify({ server: url, token }), 0o600)
      return token
    },
    loginLink: () => command('login-link'),
  }
}

/** @throws with the server's own sentence when it refuses. */
export async function askServer(url: string, token: string, path: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${url}/api/v1${path}`, { headers, signal: AbortSignal.timeout(5_000) })
  if (!response.ok) throw new Error(`GET ${path}: status ${response.status}: ${await response.text()}`)
  return response.json()
}

/** Waits for the agent's first report. */
export async function waitForAgent(url: string, token: string): Promise<void> {
  const connected = async () => {
    const { items } = (await askServer(url, token, '/agents')) as { items: { connected: boolean }[] } // our own API
    return items.some(agent => agent.connected)
  }
  await waitFor('the agent', connected, { timeoutMs: START_MS, everyMs: 100 })
}

/** Waits until the map has something to show. @returns how many edges it has. */
export async function waitForEdges(url: string, token: string, signal?: AbortSignal): Promise<number> {
  let edges = 0
  const drawn = async () => {
    const map = (await askServer(url, token, '/map?window=15m')) as { edges: unknown[] } // our own API
    edges = map.edges.length
    return edges > 0
  }
  const patience = { timeoutMs: START_MS, everyMs: 100, ...(signal ? { signal } : {}) }
  await waitFor('the first edge on the map', drawn, patience)
  return edges
}
