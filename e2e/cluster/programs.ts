import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where a program runs: in the namespaces of a process, or where the tests do. */
export type Place = readonly string[]
export const HERE: Place = []
/** `ip netns exec` would hide the control groups that a kubelet needs. */
export const within = (pid: number): Place => ['nsenter', `--target=${pid}`, '--mount', '--net', '--']

/** Programs of a cluster, each with a log of its own; in the end killed in reverse. */
export class Running implements AsyncDisposable {
  readonly directory: string
  readonly #children = new Map<string, ChildProcess>()

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true })
    this.directory = directory
  }

  /** @returns its process; with `place`, that of `nsenter`, which becomes the program. */
  start(name: string, place: Place, command: readonly string[]): ChildProcess {
    const [program = '', ...args] = [...place, ...command]
    const log = openSync(this.logOf(name), 'a')
    const child = spawn(program, args, { stdio: ['ignore', log, log], cwd: this.directory })
    closeSync(log)
    this.#children.set(name, child)
    return child
  }

  logOf(name: string): string {
    return join(this.directory, `${name}.log`)
  }

  write(name: string, text: string): string {
    const path = join(this.directory, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }

  async stop(name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#children.get(name)
    this.#children.delete(name)
    if (!child || isOver(child)) return
    child.kill(signal)
    await once(child, 'exit')
  }

  /** @throws with the end of its log where a program ended that should not have. */
  check(): void {
    const [name] = [...this.#children].find(([, child]) => isOver(child)) ?? []
    if (name !== undefined)
      throw new Error(`${name} ended: ${readFileSync(this.logOf(name), 'utf8').slice(-3_000)}`)
  }

  /** Nothing that they could still write is read: an API server that is told to end waits a minute for who watches. */
  async [Symbol.asyncDispose]() {
    for (const name of [...this.#children.keys()].toReversed()) await this.stop(name, 'SIGKILL')
  }
}

const isOver = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

/** Runs to its end. @returns what it printed. @throws with what it complained of. */
export function run(place: Place, command: readonly string[], input = ''): string {
  const [program = '', ...args] = [...place, ...command]
  return execFileSync(program, args, {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 1e8,
  })
}
