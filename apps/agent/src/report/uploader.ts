import { Backoff, pause, type Timers } from '@sekisho/core'
import { type ServerClient, ServerError } from '../server/client.ts'
import { parseAcknowledgement } from '../server/message.ts'
import type { Spool, SpooledBatch } from './spool.ts'

export interface UploaderOptions {
  readonly spool: Pick<Spool, 'oldest' | 'remove'>
  readonly client: Pick<ServerClient, 'call'>
  readonly timers: Timers
  /** In [0, 1), for the back-off; default: Math.random. */
  readonly random?: () => number
  /** The server will never take this batch; it was given up. */
  onRefused(batch: SpooledBatch, error: ServerError): void
  /** Undefined when an upload succeeded after failures. */
  onTrouble(error: unknown): void
}

/** Answers that say that the batch itself is at fault: sent again it would be refused again. */
const HOPELESS = new Set([400, 413, 422])

/** Sends batches in their order, each until it is acknowledged. */
export class Uploader {
  readonly #options: UploaderOptions
  readonly #backoff: Backoff
  #wake = Promise.withResolvers<void>()

  constructor(options: UploaderOptions) {
    this.#options = options
    this.#backoff = new Backoff({
      firstMs: 500,
      mostMs: 30_000,
      random: options.random ?? Math.random,
    })
  }

  /** There is something new in the spool. */
  notify(): void {
    this.#wake.resolve()
  }

  /** Works until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.notify(), { once: true })
    while (!signal.aborted) {
      const batch = this.#options.spool.oldest()
      if (batch) await this.#attempt(batch, signal)
      else await this.#wake.promise
      this.#wake = Promise.withResolvers()
    }
  }

  async #attempt(batch: SpooledBatch, signal: AbortSignal): Promise<void> {
    try {
      await this.send(batch, signal)
      this.#backoff.succeeded()
      this.#options.onTrouble(undefined)
    } catch (error) {
      if (signal.aborted) return
      this.#options.onTrouble(error)
      await pause(this.#options.timers, this.#backoff.next(), signal)
    }
  }

  /** Sends one batch; afterwards it is out of the spool. @throws when it may be tried again. */
  async send(batch: SpooledBatch, signal: AbortSignal): Promise<void> {
    const { spool, onRefused } = this.#options
    const body = await batch.read()
    if (body) {
      try {
        await this.#post(batch, body, signal)
      } catch (error) {
        if (!(error instanceof ServerError) || !HOPELESS.has(error.status)) throw error
        onRefused(batch, error)
      }
    }
    await spool.remove(batch)
  }

  async #post({ sequence }: SpooledBatch, body: Uint8Array, signal: AbortSignal): Promise<void> {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    const call = { method: 'POST', path: '/agent/v1/batches', headers, body, signal } as const
    const acknowledged = parseAcknowledgement(await this.#options.client.call(call))
    if (!acknowledged.ok) throw new Error(`acknowledgement: ${acknowledged.error}`)
    if (acknowledged.value.sequence !== sequence) {
      throw new Error(`batch ${sequence} was acknowledged as ${acknowledged.value.sequence}`)
    }
  }
}
