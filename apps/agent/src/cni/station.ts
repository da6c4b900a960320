import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, watch, writeFileSync } from 'node:fs'
import { constants, open } from 'node:fs/promises'
import { join } from 'node:path'
import { LIMITS, type Timers, type WorkloadId } from '@sekisho/core'
import { createDurations } from '@sekisho/dataplane'
import type { Log } from '../log.ts'
import { isMissing } from '../state-directory.ts'
import { type Attachment, type CniRequest, parseAttachment, parseRequest } from './request.ts'

/** What becomes of a pod whose rules cannot be put into the kernel in time. */
export const FALLBACKS = ['closed', 'open'] as const
export type Fallback = (typeof FALLBACKS)[number]

export interface CniStationOptions {
  /** Where the plugin leaves its requests; below /run, since after a reboot there are no pods. */
  readonly directory: string
  readonly fallback: Fallback
  readonly timers: Timers
  readonly log: Log
  /** All pods whose network was made on this node, with their addresses: the server learns them later. */
  onAttached(attachments: ReadonlyMap<WorkloadId, readonly string[]>): void
  /** Whether the pod's labels are known, so that there can be rules for it. */
  isKnown(workload: WorkloadId): boolean
  /** Resolves when what is known is in the kernel; false where the kernel refused it. */
  programmed(): Promise<boolean>
}

interface Waiting {
  readonly workload: WorkloadId
  known(): void
}

/** Longer than the plugin waits for nobody: the agent's own sentence says more than none. */
const ANSWER_WITHIN = 0.9

/** Error codes of the specification: https://www.cni.dev/docs/spec/#error */
const TRY_AGAIN = 11
const UNKNOWN_CONTAINER = 3
const REFUSED = 7

const error = (code: number, message: string) =>
  `refused ${JSON.stringify({ cniVersion: '1.0.0', code, msg: `sekisho-cni: ${message}` })}`

/**
 * Answers the plugin that a container runtime runs for each new pod. Requests are files that appear in a folder by
 * rename; the answer is one line into the pipe of the same name, which the plugin already holds open.
 */
export class CniStation implements Disposable {
  readonly #options: CniStationOptions
  readonly #attachments = new Map<string, Attachment>()
  readonly #waiting = new Set<Waiting>()
  readonly #watchers = new DisposableStack()
  readonly #durations = createDurations()
  readonly #counts = { added: 0, refused: 0, passed: 0 }

  constructor(options: CniStationOptions) {
    this.#options = options
    for (const folder of ['requests', 'answers', 'attachments']) {
      mkdirSync(this.#at(folder), { recursive: true, mode: 0o700 })
    }
    this.#follow('attachments', () => this.#lookAtAttachments())
    this.#load()
  }

  /** Begins to answer, when what was known is in the kernel. */
  start(): void {
    this.#follow('requests', () => this.#lookAtRequests())
    this.#lookAtRequests()
  }

  #follow(folder: string, look: () => void): void {
    const { log } = this.#options
    const failed = (cause: unknown) => log.error(`the folder of CNI ${folder}`, cause)
    // Somebody may remove the folder: pods wait then, and rules stay.
    const watcher = watch(this.#at(folder), { persistent: false }, () => {
      try {
        look()
      } catch (cause) {
        failed(cause)
      }
    })
    watcher.on('error', failed)
    this.#watchers.defer(() => watcher.close())
  }

  /** Since the start: pods that were let in, refused, and let in without rules; how long the first took. */
  get status() {
    const { percentile } = this.#durations
    return { ...this.#counts, addMs: { p50: percentile(0.5), p99: percentile(0.99) } }
  }

  #at(folder: string, name = ''): string {
    return join(this.#options.directory, folder, name)
  }

  /** Attachments of earlier runs: their pods still live. */
  #load(): void {
    for (const name of readdirSync(this.#at('attachments'))) {
      const attachment = parseAttachment(readFileSync(this.#at('attachments', name), 'utf8'))
      if (attachment.ok) this.#attachments.set(name, attachment.value)
      else this.#options.log.warn('a CNI attachment is left out', { name, reason: attachment.error })
    }
    if (this.#attachments.size > 0) this.#tell()
  }

  /** The plugin removes the file of what is deleted, so that this works without us too. */
  #lookAtAttachments(): void {
    const there = new Set(readdirSync(this.#at('attachments')))
    const gone = [...this.#attachments.keys()].filter(name => !there.has(name))
    for (const name of gone) this.#attachments.delete(name)
    if (gone.length > 0) this.#tell()
  }

  #tell(): void {
    const all = new Map<WorkloadId, readonly string[]>()
    for (const { workload, addresses } of this.#attachments.values()) {
      all.set(workload, [...(all.get(workload) ?? []), ...addresses])
    }
    this.#options.onAttached(all)
  }

  #lookAtRequests(): void {
    for (const name of readdirSync(this.#at('requests'))) {
      const source = this.#take(name)
      if (source !== undefined) {
        this.#answer(name, source).catch((cause: unknown) => this.#options.log.error('a CNI request', cause))
      }
    }
  }

  /** Undefined where the plugin has given up meanwhile. */
  #take(name: string): string | undefined {
    const path = this.#at('requests', name)
    try {
      const source = statSync(path).size > LIMITS.cniRequestBytes.value ? '' : readFileSync(path, 'utf8')
      rmSync(path)
      return source
    } catch (cause) {
      if (isMissing(cause)) return undefined
      throw cause
    }
  }

  async #answer(name: string, source: string): Promise<void> {
    const request = parseRequest(source)
    const answer = request.ok ? await this.#carryOut(request.value) : error(REFUSED, request.error)
    await this.#write(name, `${answer}\n`)
  }

  /** Into a pipe without waiting for its reader: a plugin that was killed reads no more. */
  async #write(name: string, line: string): Promise<void> {
    const path = this.#at('answers', name)
    try {
      await using pipe = await open(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
      await pipe.write(line)
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
      if (code !== 'ENXIO' && code !== 'ENOENT') throw cause
    } finally {
      rmSync(path, { force: true })
    }
  }

  #carryOut(request: CniRequest): string | Promise<string> {
    switch (request.kind) {
      case 'add':
        return this.#add(request)
      case 'check':
        return this.#attachments.has(request.name)
          ? 'ok'
          : error(UNKNOWN_CONTAINER, 'this pod was never added')
      case 'gc':
        for (const name of this.#attachments.keys()) {
          if (!request.kept.has(name)) rmSync(this.#at('attachments', name), { force: true })
        }
        this.#lookAtAttachments()
        return 'ok'
      case 'status':
        return 'ok'
    }
  }

  async #add({ name, attachment, result, waitMs }: CniRequest & { readonly kind: 'add' }): Promise<string> {
    const { timers, isKnown, programmed, fallback } = this.#options
    const since = timers.monotonic()
    this.#attach(name, attachment)
    const { workload } = attachment
    const isTold = isKnown(workload) || (await this.#becomesKnown(workload, waitMs * ANSWER_WITHIN))
    if (isTold && (await programmed())) {
      this.#counts.added++
      this.#durations.add(timers.monotonic() - since)
      return `ok ${result}`
    }
    if (fallback === 'open') {
      this.#counts.passed++
      return `ok ${result}`
    }
    this.#counts.refused++
    return error(
      TRY_AGAIN,
      isTold ? 'the kernel refused the rules' : `the server has not told of ${workload} yet`,
    )
  }

  /** An address belongs to whom it was given last: what is deleted may be told after its address is used anew. */
  #attach(name: string, attachment: Attachment): void {
    for (const [other, { addresses }] of this.#attachments) {
      if (other !== name && addresses.some(ip => attachment.addresses.includes(ip))) {
        this.#attachments.delete(other)
        rmSync(this.#at('attachments', other), { force: true })
      }
    }
    this.#attachments.set(name, attachment)
    const path = this.#at('attachments', name)
    writeFileSync(path, JSON.stringify(attachment), { mode: 0o600 })
    this.#tell()
  }

  #becomesKnown(workload: WorkloadId, withinMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const waiting = { workload, known: () => resolve(true) }
    const timer = this.#options.timers.after(withinMs, () => resolve(false))
    this.#waiting.add(waiting)
    return promise.finally(() => {
      this.#waiting.delete(waiting)
      timer[Symbol.dispose]()
    })
  }

  /** The state is another. */
  stateChanged(): void {
    for (const { workload, known } of this.#waiting) if (this.#options.isKnown(workload)) known()
  }

  [Symbol.dispose](): void {
    this.#watchers.dispose()
  }
}
