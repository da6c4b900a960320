import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import koffi from 'koffi'
import type { NftOperation } from './nft/operation.ts'
import { openTransactions } from './nft/transactions.ts'
import { LIBNFTABLES, type Reply, type Request, type WorkerSetup } from './nftables.protocol.ts'
import { type ObjectCounters, openRuleset, type RulesetFamily } from './nftables-netlink.ts'

/** A transaction that was refused whole; the message is libnftables' own, bounded. */
export class NftError extends Error {
  override readonly name = 'NftError'
}

export interface Nftables extends AsyncDisposable {
  /**
   * Runs commands in nft's syntax as one transaction: all or nothing. Calls are run in order.
   * @throws NftError when libnftables or the kernel refuses them.
   */
  run(commands: string): Promise<void>
  /**
   * Commits changes of one table of family `inet` by netlink, all or nothing, on the calling thread: fast whatever
   * else is in the kernel, where `run` first reads the rules of every table.
   * @throws SystemError with the errno of the first operation that the kernel refused.
   */
  commit(table: string, operations: readonly NftOperation[]): void
  /** Named counter objects of a table, by raw netlink dump; empty when there is no such table. */
  counters(table: string, family?: RulesetFamily): Promise<ReadonlyMap<string, ObjectCounters>>
  tableExists(table: string, family?: RulesetFamily): boolean
  /** Raised by the kernel with every transaction of anyone: tells cheaply whether something changed. */
  generation(): number
}

export interface NftablesOptions {
  /** Name or path of the network namespace; default: the caller's. */
  readonly netns?: string | undefined
}

/** How long the thread stays for what may come next: a change of many ports comes in parts. */
const IDLE_MS = 5_000

interface Pending {
  resolve(): void
  reject(error: Error): void
}

/**
 * libnftables in process, on a thread of its own inside the namespace: 0.1 ms for a small transaction against
 * 3 ms for starting `nft`. The thread is there while there is something to run: with the library it is 20 MB, and
 * what is committed by netlink needs none.
 * @throws when the library is missing or the namespace cannot be entered.
 */
export function openNftables(options: NftablesOptions = {}): Nftables {
  koffi.load(LIBNFTABLES).unload()
  const ruleset = openRuleset(options.netns)
  const transactions = openTransactions(options)
  const runner = new NftRunner(options)
  return {
    run: commands => runner.run(commands),
    commit: (table, operations) => transactions.commit(table, operations),
    counters: (table, family = 'inet') => ruleset.counters(table, family),
    tableExists: (table, family = 'inet') => ruleset.tableExists(table, family),
    generation: () => ruleset.generation(),
    async [Symbol.asyncDispose]() {
      transactions[Symbol.dispose]()
      ruleset[Symbol.dispose]()
      await runner.close()
    },
  }
}

/** Starts the thread with the first commands, and ends it when none came for a while. */
class NftRunner {
  readonly #setup: WorkerSetup
  #thread: NftThread | undefined
  #idle: NodeJS.Timeout | undefined

  constructor({ netns }: NftablesOptions) {
    this.#setup = { netns }
  }

  async run(commands: string): Promise<void> {
    clearTimeout(this.#idle)
    if (!this.#thread || this.#thread.isOver) this.#thread = new NftThread(this.#setup)
    const thread = this.#thread
    try {
      await thread.run(commands)
    } finally {
      if (thread === this.#thread && thread.isIdle) this.#closeLater()
    }
  }

  #closeLater(): void {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref()
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle)
    const thread = this.#thread
    this.#thread = undefined
    await thread?.close()
  }
}

class NftThread {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #next = 1
  #dead: Error | undefined

  constructor(setup: WorkerSetup) {
    this.#worker = new Worker(new URL('./nftables.worker.ts', import.meta.url), { workerData: setup })
    this.#worker.on('message', (reply: Reply) => this.#settle(reply))
    this.#worker.on('error', error => this.#fail(error))
    this.#worker.on('exit', () => this.#fail(new Error('the nftables thread has ended')))
    this.#worker.unref()
  }

  get isOver(): boolean {
    return this.#dead !== undefined
  }

  get isIdle(): boolean {
    return this.#pending.size === 0
  }

  run(commands: string): Promise<void> {
    const id = this.#next++
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (this.isIdle) this.#worker.ref()
    this.#pending.set(id, { resolve, reject })
    this.#send({ kind: 'run', id, commands })
    return promise
  }

  #send(request: Request): void {
    this.#worker.postMessage(request)
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if (this.isIdle) this.#worker.unref()
    if (reply.kind === 'done') pending?.resolve()
    else pending?.reject(new NftError(reply.message))
  }

  #fail(error: Error): void {
    this.#dead ??= error
    for (const { reject } of this.#pending.values()) reject(this.#dead)
    this.#pending.clear()
  }

  /** After what was asked before; the thread frees the library's context and ends. */
  async close(): Promise<void> {
    if (this.isOver) return
    const ended = once(this.#worker, 'exit')
    this.#worker.ref()
    this.#send({ kind: 'close' })
    await ended
  }
}
