import {
  Backoff,
  pause,
  type Result,
  type StateDelta,
  type StatePosition,
  type StateSnapshot,
  type Timers,
} from '@sekisho/core'
import { reasonOf } from '../log.ts'
import type { RunOptions } from '../options.ts'
import type { NewEvent } from '../report/notes.ts'
import type { Spool, SpooledBatch } from '../report/spool.ts'
import { Uploader } from '../report/uploader.ts'
import type { StateDirectory } from '../state-directory.ts'
import { type Credentials, createClient, type ServerClient, ServerError } from './client.ts'
import { type IdentityOptions, joinAnew, openIdentity, renewalDue, renewIdentity } from './identity.ts'
import { followState } from './state-stream.ts'

export interface ConnectionOptions {
  readonly run: Pick<RunOptions, 'server' | 'node' | 'join'>
  readonly directory: StateDirectory
  readonly spool: Spool
  readonly timers: Timers
  position(): StatePosition | undefined
  apply(message: StateSnapshot | StateDelta): Result<void, string>
  onConnected(): void
  onTrouble(what: string, error: unknown): void
  onEvent(event: NewEvent): void
  onBatchRefused(batch: SpooledBatch, error: ServerError): void
}

const RENEWAL_CHECK_MS = 3_600_000

/** Everything between this agent and its server, from joining on, until the signal is given. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #uploader: Uploader
  #client: ServerClient | undefined
  #credentials: Credentials | undefined
  connected = false
  /** The last failure, until it is over. */
  trouble: string | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#uploader = new Uploader({
      spool: options.spool,
      timers: options.timers,
      client: { call: call => this.#connectedClient().call(call) },
      onRefused: options.onBatchRefused,
      onTrouble: error => this.#note('upload', error),
    })
  }

  /** There is something new in the spool. */
  notify(): void {
    this.#uploader.notify()
  }

  #connectedClient(): ServerClient {
    if (!this.#client) throw new Error('not joined yet')
    return this.#client
  }

  #note(what: string, error: unknown): void {
    const reason = error === undefined ? undefined : reasonOf(error)
    if (reason !== undefined && reason !== this.trouble) this.#options.onTrouble(what, error)
    this.trouble = reason
  }

  /** @throws when the server will never let this agent in. */
  async run(signal: AbortSignal): Promise<void> {
    if (!(await this.#join(signal))) return
    try {
      await Promise.all([this.#follow(signal), this.#uploader.run(signal), this.#renew(signal)])
    } finally {
      this.#client?.[Symbol.dispose]()
    }
  }

  /** By new connections; those open stay. */
  #use(credentials: Credentials): void {
    const { key, certificate, authority } = credentials
    this.#credentials = credentials
    this.#client = createClient(this.#options.run.server, { key, cert: certificate, ca: authority })
  }

  #identity(): IdentityOptions {
    const { server, node, join } = this.#options.run
    return { server, node, join, directory: this.#options.directory }
  }

  /** A server that cannot be reached is waited for; one that says no is final. @returns false when stopped. */
  async #join(signal: AbortSignal): Promise<boolean> {
    const { timers } = this.#options
    const backoff = new Backoff({ firstMs: 250, mostMs: 10_000, random: Math.random })
    while (!signal.aborted) {
      try {
        this.#use(await openIdentity(this.#identity()))
        return true
      } catch (error) {
        if (!isPassing(error)) throw error
        this.#note('join', error)
        await pause(timers, backoff.next(), signal)
      }
    }
    return false
  }

  /**
   * A server that lost its records, or was installed anew, knows us no longer; the cluster vouches for us again. With a
   * join token, which is good once, that takes a person.
   */
  async #rejoin(refusal: unknown): Promise<void> {
    const identity = this.#identity()
    if (identity.join?.kind !== 'service-account') return
    const isForgotten = refusal instanceof ServerError && refusal.status === 401
    this.#use(await (isForgotten ? joinAnew(identity) : openIdentity(identity)))
  }

  #follow(signal: AbortSignal): Promise<void> {
    const { timers, position, apply, onConnected, onEvent } = this.#options
    return followState(
      {
        timers,
        position,
        apply,
        connect: (from, abort) => this.#open(from, abort),
        onConnected: () => {
          this.connected = true
          this.#note('state stream', undefined)
          onConnected()
        },
        onDisconnected: error => {
          this.connected = false
          this.#note('state stream', error)
        },
        onRefused: reason => onEvent({ code: 'state-refused', severity: 'critical', details: { reason } }),
      },
      signal,
    )
  }

  async #open(position: StatePosition | undefined, signal: AbortSignal): Promise<AsyncIterable<string>> {
    const query = position && { history: position.history, revision: String(position.revision) }
    const path = `/agent/v1/state?${new URLSearchParams(query)}`
    try {
      return await this.#connectedClient().stream({ method: 'GET', path, signal })
    } catch (error) {
      if (!signal.aborted) await this.#rejoin(error)
      throw error
    }
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { timers, directory } = this.#options
    while (!signal.aborted) {
      await pause(timers, RENEWAL_CHECK_MS, signal)
      const current = this.#credentials
      if (signal.aborted || !current || timers.now() < renewalDue(current)) continue
      try {
        this.#use(await renewIdentity(this.#connectedClient(), directory, current))
      } catch (error) {
        this.#note('certificate renewal', error)
      }
    }
  }
}

/** Network errors and a busy server pass; a wrong token, name or server does not. */
function isPassing(error: unknown): boolean {
  if (error instanceof ServerError) return error.status === 429 || error.status >= 500
  return error instanceof Error && 'code' in error && PASSING.has(String(error.code))
}
const PASSING = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'ENOTFOUND',
])
