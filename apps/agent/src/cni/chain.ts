import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  watch,
} from 'node:fs'
import { extname, join } from 'node:path'
import { fail, ok, type Result, type Timers } from '@sekisho/core'
import type { GateOptions } from '../gate/gate.ts'
import { Runner } from '../runner.ts'
import { readIfThere, writeDurably } from '../state-directory.ts'
import { PLUGIN, withoutPlugin, withPlugin } from './conflist.ts'

/** How the node's container runtime comes to run our plugin, and where it asks: the gate's directory. */
export interface CniOptions extends GateOptions {
  /** Folder of network configurations, of which the runtime takes the first: `/etc/cni/net.d`. */
  readonly config: string
  /** Folder of plugins: `/opt/cni/bin`. */
  readonly plugins: string
}

export interface ChainOptions {
  readonly cni: CniOptions
  readonly timers: Timers
  onError(error: unknown): void
}

/** A network's own program may write its configuration several times in a row. */
const INTERVAL_MS = 200
const CONFIGURATIONS = new Set(['.conflist', '.conf', '.json'])
/** An ending that no runtime reads. */
const DRAFT = '.sekisho'

const SETTINGS = /^directory=.*$/m

/** The program of the plugin, with what the agent was told written into it: the node has nothing to read JSON with. */
export function pluginProgram(settings: GateOptions): string {
  const { directory, fallback, waitSeconds, exempt } = settings
  const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`
  const program = readFileSync(join(import.meta.dirname, PLUGIN), 'utf8')
  const chosen = `fallback=${fallback} wait=${waitSeconds} exempt=${quoted(exempt.join(' '))}`
  return program.replace(SETTINGS, () => `directory=${quoted(directory)} ${chosen}`)
}

/** The file that a runtime takes: the first by name. */
function chosen(config: string): Result<string, string> {
  const [first] = readdirSync(config)
    .filter(name => CONFIGURATIONS.has(extname(name)))
    .toSorted()
  if (first === undefined) return fail(`there is no network configuration in ${config}`)
  const path = join(config, first)
  // A rename would put a file in the place of the link, and its owner would go on with the other.
  if (!lstatSync(path).isFile()) return fail(`${path} is not a regular file`)
  return ok(path)
}

/** @returns whether the file is as it should be; false where somebody else wrote it meanwhile. */
async function edit(
  path: string,
  change: (source: string) => Result<string, string>,
): Promise<Result<boolean, string>> {
  const source = readFileSync(path, 'utf8')
  const changed = change(source)
  if (!changed.ok) return fail(`${path}: ${changed.error}`)
  if (changed.value === source) return ok(true)
  const draft = path + DRAFT
  await writeDurably(draft, changed.value)
  chmodSync(draft, lstatSync(path).mode & 0o777)
  if (readIfThere(path) === source) {
    renameSync(draft, path)
    return ok(true)
  }
  rmSync(draft)
  return ok(false)
}

/** Keeps our plugin in the chain of the node's network, whoever writes that anew. */
export class CniChain implements AsyncDisposable {
  readonly #options: ChainOptions
  readonly #runner: Runner
  readonly #watchers = new DisposableStack()
  #problem: string | undefined

  constructor(options: ChainOptions) {
    const { cni, timers, onError } = options
    this.#options = options
    this.#runner = new Runner({ timers, intervalMs: INTERVAL_MS, onError, run: () => this.#chain() })
    for (const folder of [cni.config, cni.plugins]) {
      mkdirSync(folder, { recursive: true, mode: 0o755 })
      const watcher = watch(folder, { persistent: false }, () => this.#runner.trigger())
      watcher.on('error', onError)
      this.#watchers.defer(() => watcher.close())
    }
    this.#runner.trigger()
  }

  /** Why pods start before their rules are there. */
  get degraded(): readonly string[] {
    return this.#problem === undefined
      ? []
      : [`pods start before their rules are in the kernel: ${this.#problem}`]
  }

  async #chain(): Promise<void> {
    const { cni } = this.#options
    const program = join(cni.plugins, PLUGIN)
    const wanted = pluginProgram(cni)
    if (readIfThere(program) !== wanted) {
      await writeDurably(program + DRAFT, wanted)
      chmodSync(program + DRAFT, 0o755)
      renameSync(program + DRAFT, program)
    }
    const path = chosen(cni.config)
    const done = path.ok ? await edit(path.value, withPlugin) : path
    this.#problem = done.ok ? undefined : done.error
    if (done.ok && !done.value) this.#runner.trigger()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watchers.dispose()
    await this.#runner[Symbol.asyncDispose]()
  }
}

/**
 * Takes our plugin out of every configuration in the folder. Its program stays: a runtime may still ask it about pods
 * that were made with it, and without us it agrees to all that ends.
 * @returns sentences for a person.
 */
export async function unchain(config: string): Promise<readonly string[]> {
  const said: string[] = []
  for (const name of readdirSync(config).filter(each => extname(each) === '.conflist')) {
    const path = join(config, name)
    const before = readFileSync(path, 'utf8')
    if (!before.includes(PLUGIN)) continue
    const done = await edit(path, withoutPlugin)
    if (!done.ok) said.push(`${PLUGIN} stays in ${done.error}`)
    else if (!done.value) said.push(`${PLUGIN} stays in ${path}: somebody wrote it just now, try again`)
    else said.push(`removed ${PLUGIN} from ${path}`)
  }
  return said
}
