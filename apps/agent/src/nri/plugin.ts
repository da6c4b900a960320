import { Backoff, fail, LIMITS, ok, pause, type Result, type Timers } from '@sekisho/core'
import type { Attachment } from '../gate/attachments.ts'
import type { Admission, Gate, GateOptions } from '../gate/gate.ts'
import { type Log, reasonOf } from '../log.ts'
import { serveRuntime } from './connection.ts'
import {
  type Asked,
  configured,
  done,
  parseRequest,
  parseSandbox,
  refused,
  type Sandbox,
  STATUS,
  synchronized,
} from './messages.ts'

/** A pod's start waits by the container runtime's own plugin interface, where no network's configuration is touched. */
export interface NriOptions extends GateOptions {
  /** Of the runtime: `/var/run/nri/nri.sock`. */
  readonly socket: string
}

export interface NriPluginOptions {
  readonly nri: NriOptions
  readonly gate: Gate
  /** All addresses in a network namespace that others than itself could know. @throws where it cannot be read. */
  addressesIn(netns: string): readonly string[]
  readonly timers: Timers
  readonly log: Log
}

interface Known {
  readonly pod: Sandbox
  readonly attachment: Attachment
}

/** What a runtime waits for where it does not say (NRI's DefaultPluginRequestTimeout). */
const REQUEST_MS = 2_000
/** A plugin that answers late is put out, and pods start without it. */
const ANSWER_WITHIN = 0.75

/** Answers a container runtime that asks about each new pod, for as long as there is one. */
export class NriPlugin implements AsyncDisposable {
  readonly #options: NriPluginOptions
  readonly #stop = new AbortController()
  readonly #backoff = new Backoff({ firstMs: 100, mostMs: 2_000, random: Math.random })
  #running: Promise<void> = Promise.resolve()
  #requestMs = REQUEST_MS
  /** Pods of a list that comes in parts. */
  #listed = new Map<string, Attachment>()
  #trouble: string | undefined = 'not connected yet'

  constructor(options: NriPluginOptions) {
    this.#options = options
  }

  /** Begins to answer, when what was known is in the kernel. */
  start(): void {
    this.#running = this.#run(this.#stop.signal)
  }

  get connected(): boolean {
    return this.#trouble === undefined
  }

  /** Why pods start before their rules are there. */
  get degraded(): readonly string[] {
    return this.#trouble === undefined
      ? []
      : [`pods start before their rules are in the kernel: ${this.#options.nri.socket}: ${this.#trouble}`]
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { nri, timers } = this.#options
    while (!signal.aborted) {
      this.#listed = new Map()
      try {
        await serveRuntime({ socket: nri.socket, signal, answer: request => this.#answer(request) })
        this.#disconnected('the container runtime has ended the connection')
      } catch (error) {
        if (!signal.aborted) this.#disconnected(reasonOf(error))
      }
      await pause(timers, this.#backoff.next(), signal)
    }
  }

  /** Said once: a runtime without NRI is asked again for ever. */
  #disconnected(reason: string): void {
    if (reason !== this.#trouble)
      this.#options.log.warn('new pods do not wait for their rules', {
        socket: this.#options.nri.socket,
        reason,
      })
    this.#trouble = reason
  }

  async #answer(request: Uint8Array): Promise<Uint8Array> {
    const asked = parseRequest(request)
    if (!asked.ok) return refused(STATUS.invalidArgument, asked.error)
    switch (asked.value.kind) {
      case 'configure':
        this.#requestMs = asked.value.requestMs > 0 ? asked.value.requestMs : REQUEST_MS
        return configured()
      case 'synchronize':
        return this.#synchronize(asked.value)
      case 'run': {
        const admission = await this.#admit(asked.value.pod)
        return admission.kind === 'refused' ? refused(STATUS.unavailable, admission.reason) : done()
      }
      case 'gone':
        return this.#forget(asked.value.pod)
      case 'other':
        return done()
      case 'unknown':
        return refused(STATUS.unimplemented, `${asked.value.method} is not known`)
    }
  }

  /** The pods that there are already. Those of which nothing can be read are left to what the server says. */
  #synchronize({ pods, more }: Asked & { readonly kind: 'synchronize' }): Uint8Array {
    const { gate, log } = this.#options
    for (const bytes of pods) {
      const read = this.#read(bytes)
      if (!read.ok) log.warn('a pod of the container runtime is left out', { reason: read.error })
      else if (read.value && hasNotEnded(read.value.pod))
        this.#listed.set(read.value.pod.id, read.value.attachment)
    }
    if (this.#listed.size > LIMITS.workloadsPerNode.value)
      return refused(STATUS.invalidArgument, 'there are too many pods')
    if (!more) {
      gate.attachments.replace(this.#listed)
      this.#listed = new Map()
      this.#connected()
    }
    return synchronized(more)
  }

  async #admit(bytes: Uint8Array): Promise<Admission> {
    const { nri, gate } = this.#options
    const read = this.#read(bytes)
    if (!read.ok) return gate.turnAway(read.error)
    if (!read.value) return { kind: 'passed' }
    const { pod, attachment } = read.value
    const withinMs = Math.min(nri.waitSeconds * 1_000, this.#requestMs * ANSWER_WITHIN)
    const admission = await gate.admit(pod.id, attachment, withinMs)
    // The runtime takes it down without a word.
    if (admission.kind === 'refused') gate.attachments.keep(name => name !== pod.id)
    return admission
  }

  /** A pod that may have to wait; undefined for one that never does, since its network is the host's or so it was chosen. */
  #read(bytes: Uint8Array): Result<Known | undefined, string> {
    const pod = parseSandbox(bytes)
    if (!pod.ok) return fail(`what the container runtime says of a pod cannot be read: ${pod.error}`)
    const { namespace, workload, addresses, netns } = pod.value
    if (this.#options.nri.exempt.includes(namespace)) return ok(undefined)
    if (addresses.length === 0 && netns === undefined) return ok(undefined)
    const given = this.#addressesOf(pod.value)
    return given.ok ? ok({ pod: pod.value, attachment: { workload, addresses: given.value } }) : given
  }

  #addressesOf({ addresses, netns }: Sandbox): Result<readonly string[], string> {
    if (addresses.length > 0 || netns === undefined) return ok(addresses)
    if (netns === '') return fail('its network namespace cannot be found')
    try {
      const found = this.#options.addressesIn(netns)
      return found.length > 0 ? ok(found) : fail(`its network namespace ${netns} has no address`)
    } catch (error) {
      return fail(`its network namespace ${netns} cannot be read: ${reasonOf(error)}`)
    }
  }

  #forget(bytes: Uint8Array): Uint8Array {
    const pod = parseSandbox(bytes)
    if (!pod.ok) return refused(STATUS.invalidArgument, pod.error)
    this.#options.gate.attachments.keep(name => name !== pod.value.id)
    return done()
  }

  #connected(): void {
    this.#backoff.succeeded()
    this.#trouble = undefined
    this.#options.log.info('new pods wait for their rules', { socket: this.#options.nri.socket })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }
}

/** A runtime that tells addresses tells them of ended pods too, whose addresses may be others' by now; but no process. */
const hasNotEnded = ({ addresses, pid }: Sandbox): boolean => addresses.length === 0 || pid > 0
