/** What the receiving thread and the main thread say to each other. */

export type Control =
  | {
      readonly kind: 'add'
      readonly socket: number
      readonly fd: number
      /** Milliseconds that messages may gather once there is one. */
      readonly gatherMs: number
    }
  | { readonly kind: 'remove'; readonly socket: number }

export interface Batch {
  readonly socket: number
  /** Datagrams end to end. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Messages that did not reach us since the last batch: dropped by the kernel, cut off, or not from it. */
  readonly lost: number
  /** The socket failed and was given up. */
  readonly error?: string
}

/** Words of the shared memory. */
export const WORD = {
  /** Batches posted and not yet handled. */
  outstanding: 0,
  /** 1 while the thread sleeps until `outstanding` falls. */
  waiting: 1,
  /** 1 when the thread must end. */
  stop: 2,
} as const
export const WORDS = 3

/**
 * Back-pressure: with this many batches unhandled nothing more is read, and what arrives waits in the
 * socket's own buffer, whose size bounds the memory and whose overflow the kernel counts.
 */
export const OUTSTANDING_MAX = 4

export interface WorkerSetup {
  readonly words: SharedArrayBuffer
  readonly wake: number
}
