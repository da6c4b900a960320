import type { StatePosition, Timers } from '@sekisho/core'
import { createDurations, type Dataplane } from '@sekisho/dataplane'
import type { Model, ModelChange, ModelDelta, NameMove, TableCompiler } from '@sekisho/policy'
import { isEmptyChange, mergeDeltas } from '@sekisho/policy/enforcement'
import { Runner } from '../runner.ts'

export interface ProgrammerOptions {
  readonly model: Model
  readonly compiler: TableCompiler
  readonly dataplane: Pick<Dataplane, 'sync' | 'update'>
  readonly timers: Timers
  /** Whether connections to a name whose time is over are judged anew. */
  readonly cutsExpired: boolean
  /** The kernel refused even the whole table; it is tried again by itself. */
  onError(error: unknown): void
  /** The model is another: what was judged by it must be judged again. */
  onModelChanged(): void
}

/** What resolvers answered, and who waits for it. */
interface Learned {
  readonly moves: readonly NameMove[]
  done(): void
}

/** A burst within this time is one transaction; a single change does not wait for it. */
const INTERVAL_MS = 2
/**
 * An address more that is denied by name has every connection judged anew. Who may be told by a name server of his own
 * where ever new names lead must not have that done all the time: his answers wait for each other.
 */
const DENIAL_INTERVAL_MS = 250
/** What a timer holds (a signed 32-bit number of milliseconds); an end further away is looked at again then. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Brings model changes into the kernel: one transaction at a time, what comes meanwhile becomes the next. */
export class Programmer implements AsyncDisposable {
  readonly #options: ProgrammerOptions
  readonly #runner: Runner
  readonly #durations = createDurations()
  #pending: ModelDelta[] = []
  #learned: Learned[] = []
  /** When addresses were last denied by name, and what waits for the next time. */
  #denied = Number.NEGATIVE_INFINITY
  #deferred: Learned[] = []
  #denials: Disposable | undefined
  /** When the oldest change that is not in the kernel arrived. */
  #since: number | undefined
  /** The kernel's table is not known to be ours: only a whole one will do. */
  #astray = true
  /** Changes are taken into the model but not yet into the kernel. */
  #held = true
  #expiry: Disposable | undefined
  #position: Partial<StatePosition> | undefined
  #programmed: Partial<StatePosition> | undefined

  constructor(options: ProgrammerOptions) {
    this.#options = options
    this.#runner = new Runner({
      timers: options.timers,
      intervalMs: INTERVAL_MS,
      onError: options.onError,
      run: () => this.#program(),
    })
  }

  /**
   * The model follows at once, so that flows are judged by it; the kernel within the next transaction.
   * @param position in the server's state that the change completes; a server may not say in whose history.
   */
  change(change: ModelChange, position?: Partial<StatePosition>): void {
    const { model, timers, onModelChanged } = this.#options
    this.#since ??= timers.monotonic()
    this.#position = position ?? this.#position
    this.#pending.push(model.update({ ...change, now: timers.now() }))
    this.#awaitExpiry()
    onModelChanged()
    if (!this.#held) this.#runner.trigger()
  }

  /** Follows what resolvers answered. Resolves when the kernel knows, or has refused: then it is tried again by itself. */
  learn(moves: readonly NameMove[]): Promise<void> {
    const { compiler } = this.#options
    const { promise, resolve } = Promise.withResolvers<void>()
    const denies = moves.some(({ name, came }) => came && compiler.deniesBy(name))
    if (denies) this.#defer({ moves, done: resolve })
    else this.#take([{ moves, done: resolve }])
    return this.#held ? Promise.resolve() : promise
  }

  #take(learned: readonly Learned[]): void {
    this.#learned.push(...learned)
    if (!this.#held) this.#runner.trigger()
  }

  /** All that come before the next time share one transaction. */
  #defer(learned: Learned): void {
    const { timers } = this.#options
    this.#deferred.push(learned)
    const wait = Math.max(0, this.#denied + DENIAL_INTERVAL_MS - timers.monotonic())
    this.#denials ??= timers.after(wait, () => {
      this.#denials = undefined
      this.#denied = timers.monotonic()
      this.#take(this.#deferred.splice(0))
    })
  }

  /** Rules that end go on time: what they allowed is denied in the kernel too. */
  #awaitExpiry(): void {
    const { model, timers } = this.#options
    this.#expiry?.[Symbol.dispose]()
    const next = model.nextExpiry()
    this.#expiry =
      next === undefined
        ? undefined
        : timers.after(Math.min(next - timers.now(), LONGEST_TIMER_MS), () => this.change({}))
  }

  /** Lets changes through to the kernel, those so far as one whole table. */
  release(): void {
    this.#held = false
    this.#runner.trigger()
  }

  /** Milliseconds from a change's arrival to the kernel's commit. */
  get durations(): { readonly p50: number; readonly p99: number } {
    return { p50: this.#durations.percentile(0.5), p99: this.#durations.percentile(0.99) }
  }

  /** Whether the kernel's table is ours. */
  get enforcing(): boolean {
    return !this.#astray
  }

  /** As much of the server's state as is in the kernel. */
  get position(): Partial<StatePosition> | undefined {
    return this.#programmed
  }

  async #program(): Promise<void> {
    const { timers } = this.#options
    const [since, position] = [this.#since, this.#position]
    const learned = this.#learned.splice(0)
    this.#since = undefined
    try {
      await this.#commit(learned.flatMap(({ moves }) => moves))
      this.#astray = false
      this.#programmed = position
    } catch (error) {
      this.#astray = true
      this.#since = since
      throw error
    } finally {
      for (const { done } of learned) done()
    }
    if (since !== undefined) this.#durations.add(timers.monotonic() - since)
  }

  async #commit(moves: readonly NameMove[]): Promise<void> {
    const { compiler, dataplane, cutsExpired } = this.#options
    const change = compiler.update(mergeDeltas(this.#pending.splice(0)))
    const named = compiler.learn(moves, cutsExpired)
    if (this.#astray) return dataplane.sync(compiler.table)
    if (!isEmptyChange(change)) await dataplane.update(compiler.table, change)
    if (isEmptyChange(named)) return
    await dataplane.update(compiler.table, named)
  }

  /** Resolves when what was received so far is in the kernel or has been refused. */
  settle(): Promise<void> {
    return this.#runner.idle()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#expiry?.[Symbol.dispose]()
    this.#denials?.[Symbol.dispose]()
    return this.#runner[Symbol.asyncDispose]()
  }
}
