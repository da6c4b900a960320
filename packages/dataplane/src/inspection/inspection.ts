import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { ApplicationDefinition } from '@sekisho/core'
import type { NameAddress } from '@sekisho/inspect'
import { openWake, type Wake } from '@sekisho/linux'
import { type QueueNumbers, type QueueRange, queueNumbers } from '../queues.ts'
import type {
  InspectionOrder,
  InspectionReport,
  InspectionSetup,
  TermsData,
  Told,
} from './inspection.protocol.ts'
import type { ConversationEnds, NotInspected } from './inspector.ts'
import { sumsOf } from './not-inspected.ts'
import type { Report } from './reporter.ts'
import type { CountedRequests } from './request-tally.ts'

export interface InspectionOptions {
  /** Name or path of the network namespace; default: the caller's. */
  readonly netns?: string | undefined
  /** The same as the kernel's rules were made with. */
  readonly queues: QueueRange
  /** Whether conversations are read until their application is known, although no policy asks for it. */
  readonly identify: boolean
  /** What users say of applications; asked for at the start and with each `redefine`. The same objects are the same. */
  readonly definitions?: () => readonly ApplicationDefinition[]
  /** Folder of lists of domains, read at the start (see `readDomainLists`). */
  readonly domainLists?: string | undefined
  readonly terms: (ends: ConversationEnds) => TermsData
  /**
   * A resolver whose answers are believed has answered. The answer reaches its client when this resolves, which it must:
   * when the kernel knows the addresses and `renamed` has been waited for, or when that failed.
   */
  onAnswer(names: readonly NameAddress[]): Promise<void>
  onTold(told: readonly Told[]): void
  onRequests(requests: readonly CountedRequests[]): void
  /** So many notices were not told, because nobody read them in time. */
  onLost(count: number): void
  /** A thread has died. Its packets have the fate that their queues were made for, until `reopen`. */
  onFailed(error: Error): void
}

export interface Inspection extends AsyncDisposable {
  /** The definitions may be others. Resolves when conversations that begin are known by them. */
  redefine(): Promise<void>
  /**
   * Policies, labels or addresses have changed: with their next packet, all conversations are judged anew. Resolves when
   * no thread decides by what was before. Wait for that before the kernel gets a new generation: what is released
   * afterwards is stamped with it, and must have been judged by it.
   */
  revise(): Promise<void>
  /** Other names lead to these addresses now. Resolves when no thread decides by what was before. */
  renamed(servers: readonly string[]): Promise<void>
  /** Starts those of the threads again that have died; the others go on. @throws as `openInspection` does. */
  reopen(): Promise<void>
  /** None of the threads has died, or waits to be started again. */
  readonly isWhole: boolean
  /** Conversations that are followed. */
  readonly flows: number
  /** Packets that were not read, by reason, also by threads that have died. */
  notInspected(): ReadonlyMap<NotInspected, number>
}

/** Decides the packets of queues on threads of their own. @throws SystemError where a queue has another owner. */
export async function openInspection(options: InspectionOptions): Promise<Inspection> {
  const numbers = queueNumbers(options.queues)
  const threads = await Promise.all(numbers.map(own => startThread(options, own)))
  let before: ReadonlyMap<NotInspected, number> = new Map()
  let defined = definitionsOf(options)
  const replace = async (dead: InspectionThread, own: QueueNumbers): Promise<void> => {
    await dead.close()
    const definitions = defined
    const thread = await startThread(options, own)
    threads[threads.indexOf(dead)] = thread
    before = sumsOf([before, dead.notInspected])
    // They may be others since it began to start.
    if (defined !== definitions)
      await thread.revise(number => ({ kind: 'define', number, definitions: defined }))
  }
  const redefine = async (): Promise<void> => {
    const definitions = definitionsOf(options)
    const isSame =
      definitions.length === defined.length && definitions.every((one, index) => one === defined[index])
    if (isSame) return
    defined = definitions
    await Promise.all(
      threads.map(thread => thread.revise(number => ({ kind: 'define', number, definitions }))),
    )
  }
  return {
    redefine,
    async revise() {
      await Promise.all(threads.map(thread => thread.revise(number => ({ kind: 'revise', number }))))
    },
    async renamed(servers) {
      await Promise.all(
        threads.map(thread => thread.revise(number => ({ kind: 'renamed', number, servers }))),
      )
    },
    async reopen() {
      for (const [at, own] of numbers.entries()) {
        const thread = threads[at]
        if (thread?.isOver) await replace(thread, own)
      }
    },
    get isWhole() {
      return threads.every(({ isOver }) => !isOver)
    },
    get flows() {
      return threads.reduce((sum, thread) => sum + thread.flows, 0)
    },
    notInspected() {
      return sumsOf([before, ...threads.map(thread => thread.notInspected)])
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(threads.map(thread => thread.close()))
    },
  }
}

const definitionsOf = ({ definitions }: InspectionOptions): readonly ApplicationDefinition[] =>
  definitions?.() ?? []

async function startThread(options: InspectionOptions, numbers: QueueNumbers): Promise<InspectionThread> {
  const { netns, identify, domainLists } = options
  const wake = openWake()
  const words = new SharedArrayBuffer(4)
  const setup: InspectionSetup = {
    netns,
    numbers,
    identify,
    domainLists,
    definitions: definitionsOf(options),
    words,
    wake: wake.fd,
  }
  const worker = new Worker(new URL('./inspection.worker.ts', import.meta.url), {
    workerData: setup,
    // Its sockets are opened by system calls of our own, which Node's list of descriptors does not see.
    trackUnmanagedFds: false,
  })
  try {
    await once(worker, 'message')
  } catch (error) {
    wake[Symbol.dispose]()
    throw error
  }
  return new InspectionThread({ worker, wake, words: new Int32Array(words) }, options)
}

class InspectionThread {
  readonly #worker: Worker
  readonly #wake: Wake
  readonly #words: Int32Array
  readonly #options: InspectionOptions
  /** It decides nothing any more. */
  isOver = false
  #isClosed = false
  #revisions = 0
  /** Those that wait for a revision, by its number. */
  readonly #revising = new Map<number, () => void>()
  flows = 0
  notInspected: ReadonlyMap<NotInspected, number> = new Map()

  constructor(
    thread: { readonly worker: Worker; readonly wake: Wake; readonly words: Int32Array },
    options: InspectionOptions,
  ) {
    const { worker } = thread
    this.#worker = worker
    this.#wake = thread.wake
    this.#words = thread.words
    this.#options = options
    worker.on('message', (report: InspectionReport) => this.#hear(report))
    worker.on('error', error => this.#fail(error))
  }

  order(order: InspectionOrder): void {
    if (this.isOver) return
    this.#worker.postMessage(order)
    Atomics.store(this.#words, 0, 1)
    this.#wake.wake()
  }

  /** @param order for the revision's number. */
  revise(order: (number: number) => InspectionOrder): Promise<void> {
    if (this.isOver) return Promise.resolve()
    const number = ++this.#revisions
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#revising.set(number, resolve)
    this.order(order(number))
    return promise
  }

  #revised(number: number): void {
    this.#revising.get(number)?.()
    this.#revising.delete(number)
  }

  #end(): void {
    this.isOver = true
    this.flows = 0
    for (const number of this.#revising.keys()) this.#revised(number)
  }

  #hear(report: InspectionReport): void {
    switch (report.kind) {
      case 'ask':
        this.order({ kind: 'terms', key: report.key, terms: this.#options.terms(report.ends) })
        return
      case 'told':
        this.flows = report.flows
        this.notInspected = report.notInspected
        this.order({ kind: 'heard' })
        this.#tell(report.report)
        return
      case 'answered':
        void this.#options
          .onAnswer(report.names)
          .finally(() => this.order({ kind: 'programmed', number: report.number }))
        return
      case 'revised':
        this.#revised(report.number)
        return
      case 'ready':
        return
    }
  }

  #tell({ told, requests, lost }: Report): void {
    const { onTold, onRequests, onLost } = this.#options
    if (lost > 0) onLost(lost)
    if (told.length > 0) onTold(told)
    if (requests.length > 0) onRequests(requests)
  }

  #fail(error: Error): void {
    this.#end()
    this.#options.onFailed(error)
  }

  /** Once. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    if (!this.isOver) {
      const ended = once(this.#worker, 'exit')
      this.order({ kind: 'stop' })
      this.#end()
      await ended
    }
    this.#wake[Symbol.dispose]()
  }
}
