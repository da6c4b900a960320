import {
  chmodSync,
  existsSync,
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
import { reasonOf } from '../log.ts'
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

/** Whether our plugin is in the chain of the node's network. */
export type Link =
  | { readonly kind: 'in'; readonly cni: CniOptions }
  /** Out of every configuration in the folder: an agent of before may have added it, and nobody would answer it now. */
  | { readonly kind: 'out'; readonly config: string }

/** What goes wrong with new pods where the configuration is not as it should be. */
const TROUBLE = {
  in: 'pods start before their rules are in the kernel',
  out: 'new pods wait for an agent that does not answer their runtime',
} as const satisfies Record<Link['kind'], string>

export interface ChainOptions {
  readonly link: Link
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

/** Files that a runtime may take, by name. */
const configurations = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter(name => CONFIGURATIONS.has(extname(name)))
    .toSorted()
    .map(name => join(folder, name))

/** @returns whether the file is as it should be; false where somebody else wrote it meanwhile. */
async function edit(
  path: string,
  change: (source: string) => Result<string, string>,
): Promise<Result<boolean, string>> {
  // A rename would put a file in the place of a link, and its owner would go on with the other.
  if (!lstatSync(path).isFile()) return fail(`${path} is not a regular file`)
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

/** Keeps our plugin in the chain of the node's network, whoever writes that anew; or takes it out of it, once. */
export class CniChain implements AsyncDisposable {
  readonly #link: Link
  readonly #runner: Runner
  readonly #watchers = new DisposableStack()
  #problem: string | undefined

  constructor({ link, timers, onError }: ChainOptions) {
    this.#link = link
    const failed = (error: unknown) => {
      this.#problem = reasonOf(error)
      onError(error)
    }
    const run = () => (link.kind === 'in' ? this.#chain(link.cni) : this.#unchain(link.config))
    this.#runner = new Runner({ timers, intervalMs: INTERVAL_MS, onError: failed, run })
    for (const folder of link.kind === 'in' ? [link.cni.config, link.cni.plugins] : []) {
      mkdirSync(folder, { recursive: true, mode: 0o755 })
      const watcher = watch(folder, { persistent: false }, () => this.#runner.trigger())
      watcher.on('error', onError)
      this.#watchers.defer(() => watcher.close())
    }
    this.#runner.trigger()
  }

  get degraded(): readonly string[] {
    return this.#problem === undefined ? [] : [`${TROUBLE[this.#link.kind]}: ${this.#problem}`]
  }

  async #chain(cni: CniOptions): Promise<void> {
    const program = join(cni.plugins, PLUGIN)
    const wanted = pluginProgram(cni)
    if (readIfThere(program) !== wanted) {
      await writeDurably(program + DRAFT, wanted)
      chmodSync(program + DRAFT, 0o755)
      renameSync(program + DRAFT, program)
    }
    // The first is the one that a runtime takes.
    const [path] = configurations(cni.config)
    const done =
      path === undefined
        ? fail(`there is no network configuration in ${cni.config}`)
        : await edit(path, withPlugin)
    this.#problem = done.ok ? undefined : done.error
    if (done.ok && !done.value) this.#runner.trigger()
  }

  async #unchain(config: string): Promise<void> {
    const { stays } = await unchain(config)
    this.#problem = stays.length === 0 ? undefined : stays.join('; ')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watchers.dispose()
    await this.#runner[Symbol.asyncDispose]()
  }
}

/** Sentences for a person. */
export interface Unchained {
  readonly removed: readonly string[]
  readonly stays: readonly string[]
}

/** Somebody else may write a file at the same moment, and once more. */
const TRIES = 5

/**
 * Takes our plugin out of every configuration in the folder; that there is none is fine. Its program stays: a runtime
 * may still ask it about pods that were made with it, and without us it agrees to all that ends.
 */
export async function unchain(config: string): Promise<Unchained> {
  const removed: string[] = []
  const stays: string[] = []
  for (const path of existsSync(config) ? configurations(config) : []) {
    if (readIfThere(path)?.includes(PLUGIN) !== true) continue
    const done = await editSurely(path, withoutPlugin)
    if (done.ok) removed.push(`removed ${PLUGIN} from ${path}`)
    else stays.push(`${PLUGIN} stays in ${done.error}`)
  }
  return { removed, stays }
}

async function editSurely(path: string, change: (source: string) => Result<string, string>) {
  for (let tries = 0; tries < TRIES; tries++) {
    const done = await edit(path, change)
    if (!done.ok || done.value) return done
  }
  return fail(`${path}: somebody else writes it again and again`)
}
