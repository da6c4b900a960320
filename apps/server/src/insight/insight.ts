import { Worker } from 'node:worker_threads'
import type { Asked, Insight } from '@sekisho/control'
import { LIMITS, SekishoError } from '@sekisho/core'
import type { Reply, Request, Setup } from './messages.ts'

type Waiting = Pick<PromiseWithResolvers<string>, 'resolve' | 'reject'>

/**
 * Sums over days and trials of policies take longer than a batch, a login or a live stream should wait, so they run
 * in a thread. It starts with the first question, and again after a failure: a question that exhausts its memory
 * ends the thread, not the server. It ends where nobody asks: of a large cluster its model is as much as all else that
 * the server keeps.
 */
class InsightThread implements Insight, AsyncDisposable {
  readonly #setup: Setup
  readonly #waiting = new Map<number, Waiting>()
  /** Questions that are being answered: who asks the same meanwhile gets the same answer. */
  readonly #asked = new Map<string, Promise<string>>()
  readonly #restMs: number
  #worker: Worker | undefined
  #resting: NodeJS.Timeout | undefined
  #next = 0

  constructor(setup: Setup, restMs: number) {
    this.#setup = setup
    this.#restMs = restMs
  }

  ask(asked: Asked): Promise<string> {
    const key = JSON.stringify([asked.revision, asked.question])
    const same = this.#asked.get(key)
    if (same) return same
    if (this.#asked.size >= LIMITS.insightQuestions.value) {
      return Promise.reject(
        new SekishoError('unavailable', 'Too many questions about the records are waiting.'),
      )
    }
    const answer = this.#send(asked).finally(() => this.#asked.delete(key))
    this.#asked.set(key, answer)
    return answer
  }

  #send(asked: Asked): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const request: Request = { id: this.#next++, asked }
    this.#waiting.set(request.id, { resolve, reject })
    clearTimeout(this.#resting)
    this.#worker ??= this.#start()
    this.#worker.postMessage(request)
    return promise
  }

  #start(): Worker {
    const worker = new Worker(new URL('./insight.worker.ts', import.meta.url), { workerData: this.#setup })
    worker.on('message', (reply: Reply) => this.#settle(reply))
    worker.on('error', error => this.#ended(worker, error))
    worker.on('exit', () => this.#ended(worker, new SekishoError('unavailable')))
    // The server's sockets keep the process alive, not the wait for a question.
    worker.unref()
    return worker
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if (this.#waiting.size === 0) this.#resting = setTimeout(() => this.#rest(), this.#restMs).unref()
    switch (reply.kind) {
      case 'answer':
        waiting?.resolve(reply.json)
        return
      case 'refused':
        waiting?.reject(new SekishoError(reply.code, reply.detail, reply.problems))
        return
      case 'failed':
        waiting?.reject(reply.error)
        return
    }
  }

  #ended(worker: Worker, error: unknown): void {
    // `exit` follows `error`, and may come when the next thread already has questions.
    if (this.#worker !== worker) return
    this.#worker = undefined
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }

  #rest(): void {
    const worker = this.#worker
    this.#worker = undefined
    void worker?.terminate()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#resting)
    await this.#worker?.terminate()
  }
}

/** People who look at the console ask again within it. */
const REST_MS = 60_000

/**
 * @param setup the directory of a database that is open and up to date.
 * @param restMs after so long without a question the thread ends
 */
export const openInsight = (setup: Setup, restMs = REST_MS): Insight & AsyncDisposable =>
  new InsightThread(setup, restMs)
