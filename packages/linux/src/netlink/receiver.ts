import { Worker } from 'node:worker_threads'
import { openWake } from '../wake.ts'
import {
  type Batch,
  type Control,
  OUTSTANDING_MAX,
  WORD,
  WORDS,
  type WorkerSetup,
} from './receiver.protocol.ts'
import type { NetlinkSocket } from './socket.ts'

/** What the owner of a socket is told, on the main thread. */
export interface SocketListener {
  onDatagrams(bytes: Uint8Array): void
  /**
   * How long messages may gather once there is one; default: not at all. Messages that come one by one, ten thousand
   * a second, cost the node more by waking this process for each than by all that is done with them.
   */
  readonly gatherMs?: number
  /** So many messages were dropped by the kernel, cut off, or not from the kernel. */
  onLost(count: number): void
  /** The socket failed; nothing more will come. */
  onFailed(error: Error): void
}

/**
 * Reads netlink sockets on one thread for the whole process and hands whole batches to the main thread.
 *
 * A thread with poll(2) and recvmmsg(2), because libuv cannot watch netlink sockets and a blocking call through
 * its thread pool would take one of four threads per socket for good. One thread for all sockets costs about
 * 8 MB once. Bytes are transferred and parsed on the main thread: a structured clone of parsed events costs
 * more than parsing them.
 */
class Receiver {
  readonly #listeners = new Map<number, SocketListener>()
  readonly #words = new SharedArrayBuffer(4 * WORDS)
  readonly #shared = new Int32Array(this.#words)
  readonly #wake = openWake()
  readonly #worker: Worker
  #next = 1

  constructor() {
    const setup: WorkerSetup = { words: this.#words, wake: this.#wake.fd }
    this.#worker = new Worker(new URL('./receiver.worker.ts', import.meta.url), { workerData: setup })
    this.#worker.on('message', (batch: Batch) => this.#deliver(batch))
    this.#worker.on('error', error => this.#failed(error))
    this.#worker.unref()
    // Node joins its workers when it ends, and this one sleeps in a system call that only the eventfd ends.
    process.once('exit', () => this.#stop())
  }

  /** Takes over the socket: from now on only the returned function may close it. */
  add(socket: NetlinkSocket, listener: SocketListener): () => void {
    const id = this.#next++
    if (this.#listeners.size === 0) this.#worker.ref()
    this.#listeners.set(id, listener)
    this.#send({ kind: 'add', socket: id, fd: socket.fd, gatherMs: listener.gatherMs ?? 0 })
    return () => this.#remove(id)
  }

  #remove(id: number): void {
    if (!this.#forget(id)) return
    this.#send({ kind: 'remove', socket: id })
  }

  #forget(id: number): boolean {
    const known = this.#listeners.delete(id)
    if (known && this.#listeners.size === 0) this.#worker.unref()
    return known
  }

  #send(control: Control): void {
    this.#worker.postMessage(control)
    this.#wake.wake()
  }

  #deliver({ socket, bytes, lost, error }: Batch): void {
    const listener = this.#listeners.get(socket)
    try {
      if (lost > 0) listener?.onLost(lost)
      if (bytes.length > 0) listener?.onDatagrams(bytes)
      if (error !== undefined && this.#forget(socket)) listener?.onFailed(new Error(error))
    } finally {
      this.#credit()
    }
  }

  #credit(): void {
    const before = Atomics.sub(this.#shared, WORD.outstanding, 1)
    if (before !== OUTSTANDING_MAX || Atomics.load(this.#shared, WORD.waiting) === 0) return
    this.#wake.wake()
  }

  #failed(error: Error): void {
    const listeners = [...this.#listeners.values()]
    this.#listeners.clear()
    if (receiver === this) receiver = undefined
    for (const listener of listeners) listener.onFailed(error)
  }

  #stop(): void {
    Atomics.store(this.#shared, WORD.stop, 1)
    this.#wake.wake()
  }
}

let receiver: Receiver | undefined

/**
 * Hands a socket to the receiving thread, which is started with the first.
 * @returns closes the socket; nothing is delivered afterwards.
 */
export function receiveOn(socket: NetlinkSocket, listener: SocketListener): () => void {
  receiver ??= new Receiver()
  return receiver.add(socket, listener)
}

/** A watcher that died unnoticed would look like a quiet network. */
export function rethrow(error: Error): never {
  throw error
}
