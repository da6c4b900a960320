import { type BypassLedger, canonicalIp, type EpochMs, LIMITS, type Timers } from '@sekisho/core'
import { type AnsweredAddress, type BookEntry, NameBook, NamesSeen } from '@sekisho/dataplane'
import type { NameMove } from '@sekisho/policy'
import { Runner } from '../runner.ts'
import { integer, list, object, readJson, text, textLike } from '../shape.ts'
import { readIfThere, writeDurably } from '../state-directory.ts'

/** Seconds that an answer counts at least, and beyond its end: clients keep answers longer than they should. */
const MINIMUM_TTL = 60
const GRACE = 30
const SWEEP_MS = 10_000
/** What is lost where the agent is killed: those who were answered then ask again. */
const WRITE_MS = 1_000

const entry = object<BookEntry>({
  name: text(1_024),
  ip: textLike(value => canonicalIp(value) === value, 'an IP address in canonical form'),
  until: (json, path) => integer(Number.MAX_SAFE_INTEGER)(json, path) as EpochMs, // milliseconds of the same clock
})
const kept = object<{ readonly names: readonly BookEntry[] }>({
  names: list(entry, LIMITS.namedAddresses.value),
})

/** The book of names as the last run left it; a damaged file is told and begins an empty one. */
export function openBook(path: string, timers: Timers, onError: (error: unknown) => void): NameBook {
  const book = new NameBook({ clock: timers, minimumTtl: MINIMUM_TTL, grace: GRACE })
  const source = readIfThere(path)
  if (source === undefined) return book
  const read = readJson(kept, source)
  if (read.ok) book.restore(read.value.names)
  else onError(new Error(`${path}: ${read.error}`))
  return book
}

export interface NamesOptions {
  /** Where the book is kept. */
  readonly path: string
  readonly book: NameBook
  readonly timers: Timers
  asksFor(name: string): boolean
  program(moves: readonly NameMove[]): Promise<void>
  renamed(addresses: readonly string[]): Promise<void>
  readonly inUse?: (addresses: ReadonlySet<string>) => Promise<ReadonlySet<string>>
  readonly onError: (error: unknown) => void
}

/** Names that resolvers answered: taken in, let go when their time is over, and kept on disk for the next start. */
export class Names implements AsyncDisposable {
  readonly #options: NamesOptions
  readonly #seen: NamesSeen
  readonly #writing: Runner
  readonly #sweeping: Runner
  #next: Disposable | undefined

  constructor(options: NamesOptions) {
    const { timers, onError } = options
    this.#options = options
    this.#seen = new NamesSeen(options)
    this.#writing = new Runner({
      timers,
      intervalMs: WRITE_MS,
      onError,
      run: () => this.#write(),
    })
    this.#sweeping = new Runner({
      timers,
      intervalMs: SWEEP_MS,
      onError,
      run: () => this.#sweep(),
    })
    this.#sweeping.trigger()
  }

  answered(names: readonly AnsweredAddress[]): Promise<void> {
    const programmed = this.#seen.answered(names)
    this.#writing.trigger()
    return programmed
  }

  #write(): Promise<void> {
    return writeDurably(this.#options.path, JSON.stringify({ names: this.#seen.entries() }))
  }

  /** What was not kept, since the start. */
  get ledger(): BypassLedger {
    const { evicted } = this.#options.book
    return evicted > 0 ? { 'names-evicted': evicted } : {}
  }

  async #sweep(): Promise<void> {
    await this.#seen.sweep()
    this.#next = this.#options.timers.after(SWEEP_MS, () => this.#sweeping.trigger())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sweeping[Symbol.asyncDispose]()
    this.#next?.[Symbol.dispose]()
    await this.#writing[Symbol.asyncDispose]()
    await this.#write().catch(this.#options.onError)
  }
}

/** Whom the node itself asks. */
export const systemResolvers = (): readonly string[] => resolversOf(readIfThere('/etc/resolv.conf') ?? '')

/** Those too that a resolver on its loopback asks (systemd-resolved.service(8)). */
export const machineResolvers = (): readonly string[] => {
  const behind = resolversOf(readIfThere('/run/systemd/resolve/resolv.conf') ?? '')
  return [...new Set([...systemResolvers(), ...behind])]
}

/** What a resolv.conf(5) lists; a workload cannot reach what listens on its loopback. */
export const resolversOf = (configuration: string): readonly string[] =>
  configuration.split('\n').flatMap(line => {
    const ip = canonicalIp(/^\s*nameserver\s+(?<address>\S+)/.exec(line)?.groups?.address ?? '')
    return ip === undefined || ip.startsWith('127.') || ip === '::1' ? [] : [ip]
  })
