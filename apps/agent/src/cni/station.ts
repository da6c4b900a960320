import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, watch } from 'node:fs'
import { constants, open } from 'node:fs/promises'
import { join } from 'node:path'
import { LIMITS } from '@sekisho/core'
import type { Gate } from '../gate/gate.ts'
import type { Log } from '../log.ts'
import { isMissing } from '../state-directory.ts'
import { type CniRequest, parseRequest } from './request.ts'

export interface CniStationOptions {
  /** Where the plugin leaves its requests. */
  readonly directory: string
  readonly gate: Gate
  readonly log: Log
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
  readonly #watchers = new DisposableStack()

  constructor(options: CniStationOptions) {
    this.#options = options
    for (const folder of ['requests', 'answers']) {
      mkdirSync(this.#at(folder), { recursive: true, mode: 0o700 })
    }
    // The plugin removes the file of what is deleted, so that this works without us too.
    this.#follow('attachments', () => options.gate.attachments.look())
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

  #at(folder: string, name = ''): string {
    return join(this.#options.directory, folder, name)
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
    const { attachments } = this.#options.gate
    switch (request.kind) {
      case 'add':
        return this.#add(request)
      case 'check':
        return attachments.has(request.name) ? 'ok' : error(UNKNOWN_CONTAINER, 'this pod was never added')
      case 'gc':
        attachments.keep(name => request.kept.has(name))
        return 'ok'
    }
  }

  async #add({ name, attachment, result, waitMs }: CniRequest & { readonly kind: 'add' }): Promise<string> {
    const admission = await this.#options.gate.admit(name, attachment, waitMs * ANSWER_WITHIN)
    return admission.kind === 'refused' ? error(TRY_AGAIN, admission.reason) : `ok ${result}`
  }

  [Symbol.dispose](): void {
    this.#watchers.dispose()
  }
}
