import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { NftOperation } from './nft/operation.ts'
import { openTransactions } from './nft/transactions.ts'
import type { Reply, Request, WorkerSetup } from './nftables.protocol.ts'
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

interface Pending {
  resolve(): void
  reject(error: Error): void
}

/**
 * libnftables in process, on a thread of its own inside the namespace: 0.1 ms for a small transaction against
 * 3 ms for starting `nft`.
 * @throws when the library is missing or the namespace cannot be entered.
 */
export async function openNftables(options: NftablesOptions = {}): Promise<Nftables> {
  const setup: WorkerSetup = { netns: options.netns }
  const worker = new Worker(new URL('./nftables.worker.ts', import.meta.url), { workerData: setup })
  await once(worker, 'message')
  const runner = new NftRunner(worker)
  const ruleset = openRuleset(options.netns)
  const transactions = openTransactions(options)
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

class NftRunner {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #next = 1
  #dead: Error | undefined

  constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (reply: Reply) => this.#settle(reply))
    worker.on('error', error => this.#fail(error))
    worker.on('exit', () => this.#fail(new Error('the nftables thread has ended')))
    worker.unref()
  }

  run(commands: string): Promise<void> {
    if (this.#dead) return Promise.reject(this.#dead)
    const id = this.#next++
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (this.#pending.size === 0) this.#worker.ref()
    this.#pending.set(id, { resolve, reject })
    this.#send({ kind: 'run', id, commands })
    return promise
  }

  #send(request: Request): void {
    this.#worker.postMessage(request)
  }

  #settle(reply: Reply): void {
    if (reply.kind === 'ready') return
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if (this.#pending.size === 0) this.#worker.unref()
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
    if (this.#dead) return
    const ended = once(this.#worker, 'exit')
    this.#worker.ref()
    this.#send({ kind: 'close' })
    await ended
  }
}
