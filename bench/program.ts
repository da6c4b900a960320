import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { kubeconfigOf } from './cluster-objects.ts'

const BIN = join(import.meta.dirname, '../bin')
const PROBE = join(import.meta.dirname, 'program-probe.ts')
/** Of a clock tick of /proc: USER_HZ is 100 on every architecture that Node runs on. */
const TICK_MS = 10

/** One of our programs as it is delivered, watched from outside. */
export interface Program extends AsyncDisposable {
  readonly pid: number
  /** The next entry of its log that this accepts; also one that came before. @throws with the log where it ends instead. */
  logged(accepts: (entry: LogEntry) => boolean): Promise<LogEntry>
  /**
   * Resident memory in MB: now, at most since `resetPeak`, and what of it no other process can share, which counts in a
   * container even when memory is short.
   */
  resident(): { readonly now: number; readonly peak: number; readonly own: number }
  resetPeak(): void
  /** Milliseconds of CPU of all its threads so far. */
  cpuMs(): number
  /** What is alive in the main thread's heap after a collection, in MB. */
  liveHeap(): Promise<number>
  /** For how long its main thread did nothing else at most since this was asked last, in ms. */
  longestTurn(): Promise<number>
}

export type LogEntry = Readonly<Record<string, unknown>>

const megabytes = (kilobytes: number): number => (kilobytes * 1_024) / 1e6

/** A line of /proc/PID/status, which are in kB. proc_pid_status(5) */
function statusOf(pid: number, key: string): number {
  const found = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return megabytes(Number(found?.[1]))
}

/** Fields 14 and 15 of proc_pid_stat(5), counted behind the name, which may hold anything. */
function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

class Watched implements Program {
  readonly #child: ChildProcess
  readonly #log: string[] = []
  readonly #heard = new Set<() => void>()

  constructor(child: ChildProcess, said: Readable) {
    this.#child = child
    createInterface({ input: said }).on('line', line => {
      this.#log.push(line)
      this.#tell()
    })
    child.once('exit', () => this.#tell())
  }

  #tell(): void {
    for (const hear of this.#heard) hear()
  }

  get pid(): number {
    const { pid } = this.#child
    if (pid === undefined) throw new Error('the program did not start')
    return pid
  }

  async logged(accepts: (entry: LogEntry) => boolean): Promise<LogEntry> {
    const { promise, resolve, reject } = Promise.withResolvers<LogEntry>()
    let from = 0
    const hear = () => {
      for (; from < this.#log.length; from++) {
        const line = this.#log[from] ?? ''
        // Its log is one JSON object per line; the last words of one that fails are not.
        if (!line.startsWith('{')) return reject(new Error(line))
        const entry = JSON.parse(line) as LogEntry
        if (accepts(entry)) return resolve(entry)
      }
      if (this.#child.exitCode !== null) reject(new Error(`it ended: ${this.#log.slice(-5).join('\n')}`))
    }
    this.#heard.add(hear)
    hear()
    try {
      return await promise
    } finally {
      this.#heard.delete(hear)
    }
  }

  resident() {
    const { pid } = this
    return { now: statusOf(pid, 'VmRSS'), peak: statusOf(pid, 'VmHWM'), own: statusOf(pid, 'RssAnon') }
  }

  resetPeak(): void {
    writeFileSync(`/proc/${this.pid}/clear_refs`, '5')
  }

  cpuMs(): number {
    return ticksOf(this.pid) * TICK_MS
  }

  async liveHeap(): Promise<number> {
    return (await this.#ask('heap')) / 1e6
  }

  longestTurn(): Promise<number> {
    return this.#ask('turn')
  }

  async #ask(what: 'heap' | 'turn'): Promise<number> {
    const answer = once(this.#child, 'message')
    this.#child.send(what)
    const [figure] = (await answer) as [number] // what the probe sends
    return figure
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await ended
  }
}

export interface ProgramOptions {
  /** More of the environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Loads what answers `liveHeap` and `longestTurn` into it. */
  readonly probe?: boolean
}

/** A server for the cluster of a double, not listening yet. @param data its directory. */
export function startServer(data: string, cluster: URL, options?: ProgramOptions): Program {
  const kubeconfig = join(data, 'kubeconfig')
  writeFileSync(kubeconfig, kubeconfigOf(cluster))
  const ports = ['--listen=127.0.0.1:0', '--agents=127.0.0.1:0']
  return startProgram('sekisho-server', [`--data=${data}`, ...ports, `--kubeconfig=${kubeconfig}`], options)
}

/** Where a server listens for agents, once it does. */
export async function agentsPort(server: Program): Promise<number> {
  const { agents } = await server.logged(({ message }) => message === 'listening')
  return Number(agents)
}

/** Where an agent is, and of which server. */
export interface AgentPlace {
  /** The server's directory, where the agent has one too. */
  readonly data: string
  /** Where the server listens for agents. */
  readonly port: number
  readonly node: string
  readonly netns: string
}

/** An agent that is connected. @param options more of its flags. */
export async function startAgent(
  { data, port, node, netns }: AgentPlace,
  options: readonly string[],
): Promise<Program> {
  const token = execFileSync(join(BIN, 'sekisho-server'), ['join-token', '--data', data], {
    encoding: 'utf8',
  })
  const agent = startProgram('sekisho-agent', [
    `--server=https://127.0.0.1:${port}`,
    `--join-token=${token.trim()}`,
    `--state=${join(data, 'agent')}`,
    `--node=${node}`,
    `--netns=${netns}`,
    ...options,
  ])
  await agent.logged(({ message }) => message === 'connected')
  return agent
}

/** @param name of a program in `bin/`, which starts as it is delivered. */
export function startProgram(
  name: string,
  args: readonly string[],
  { env = {}, probe = false }: ProgramOptions = {},
): Program {
  const NODE_OPTIONS = [env.NODE_OPTIONS ?? '', ...(probe ? [`--import=${PROBE}`] : [])].join(' ')
  const child = spawn(join(BIN, name), args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, ...env, NODE_OPTIONS },
  })
  if (!child.stderr) throw new TypeError('its log is a pipe')
  return new Watched(child, child.stderr)
}
