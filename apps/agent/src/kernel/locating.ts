import type { Timers } from '@sekisho/core'
import { portGuard, TABLE_NAME } from '@sekisho/dataplane'
import { type Nftables, watchLinks } from '@sekisho/linux'
import type { ModelChange } from '@sekisho/policy'
import { Runner } from '../runner.ts'
import type { World } from '../world.ts'
import type { PlaceFinder } from './places.ts'

export interface LocatingOptions {
  readonly netns: string | undefined
  readonly finder: PlaceFinder
  readonly world: Pick<World, 'look'>
  readonly nft: Pick<Nftables, 'run' | 'tableExists'>
  readonly timers: Timers
  /** Own workloads are known by other interfaces. */
  onMoved(change: ModelChange): void
  onError(error: unknown): void
}

/** A rollout is hundreds of links and routes; each look asks anew where every address leads. */
const INTERVAL_MS = 200
/** What changes without a link or a route that could be told of: a namespace behind a bridge, a program on a link. */
const RESCAN_MS = 10_000

/** Follows where the node's workloads are: their interfaces into the model, ports of bridges into a table of their own. */
export class Locating implements AsyncDisposable {
  readonly #options: LocatingOptions
  readonly #look: Runner
  readonly #guard: Runner
  readonly #watch: Disposable
  #next: Disposable | undefined
  /** The next look asks for everything anew. */
  #isRescan = true
  /** What the kernel's table of ports was made of. */
  #guarded: string | undefined

  constructor(options: LocatingOptions) {
    const { netns, timers, onError } = options
    this.#options = options
    this.#look = new Runner({
      timers,
      intervalMs: INTERVAL_MS,
      onError,
      run: () => Promise.resolve(this.#lookNow()),
    })
    this.#guard = new Runner({ timers, intervalMs: INTERVAL_MS, onError, run: () => this.#guardNow() })
    this.#watch = watchLinks({ netns, routes: true, onChange: () => this.#look.trigger() })
    this.#look.trigger()
  }

  /** The own workloads are others. */
  followPorts(): void {
    this.#guard.trigger()
  }

  #lookNow(): void {
    const { finder, world, onMoved } = this.#options
    if (this.#isRescan) finder.forget()
    else finder.renew()
    const change = world.look()
    if (change.workloads?.set?.length || change.workloads?.removed?.length) onMoved(change)
    this.followPorts()
    if (this.#isRescan) this.#rescanned()
  }

  #rescanned(): void {
    const { finder, timers } = this.#options
    this.#isRescan = false
    this.#next = timers.after(RESCAN_MS, () => {
      this.#isRescan = true
      this.#look.trigger()
    })
    // Last: where this fails, it is tried again then.
    finder.lookForPrograms()
  }

  async #guardNow(): Promise<void> {
    const { finder, nft } = this.#options
    const { ports } = finder
    const text = portGuard(ports)
    if (text === this.#guarded) return
    if (ports.length > 0 || nft.tableExists(TABLE_NAME, 'bridge')) await nft.run(text)
    this.#guarded = text
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch[Symbol.dispose]()
    await this.#look[Symbol.asyncDispose]()
    await this.#guard[Symbol.asyncDispose]()
    this.#next?.[Symbol.dispose]()
  }
}
