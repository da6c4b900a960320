import { LIMITS } from '@sekisho/core'

/** Log2 of the smallest buffer, 2 KiB. */
const SMALLEST = 11
/** Buffers are kept for the next stream up to this much; what is beyond is left to the garbage collector. */
const SPARE_BYTES = 16_777_216

/** Log2 of the capacity that holds so many bytes. */
const classOf = (size: number): number => Math.max(SMALLEST, 32 - Math.clz32(size - 1))

/**
 * What all streams together may hold, in buffers of powers of two that go from one stream to the next: a busy stream
 * is empty after each answer and would make a new buffer every time.
 */
export class StreamMemory {
  readonly #limit: number
  /** By log2 of their length. */
  readonly #spare: readonly Uint8Array[][] = Array.from({ length: 33 }, () => [])
  #spareBytes = 0
  #used = 0

  /** @param limit bytes in use at one time. */
  constructor(limit: number = LIMITS.streamsBytes.value) {
    this.#limit = limit
  }

  /** Bytes of buffers that streams hold. */
  get used(): number {
    return this.#used
  }

  /** More than half of it is in use: what can be given back should be. */
  get isShort(): boolean {
    return this.#used > this.#limit / 2
  }

  /** A buffer of at least `size` bytes, with anything in it; undefined when there is no room for it. */
  take(size: number): Uint8Array | undefined {
    const capacity = 2 ** classOf(size)
    if (this.#used + capacity > this.#limit) return undefined
    this.#used += capacity
    const spare = this.#spare[classOf(size)]?.pop()
    if (!spare) return new Uint8Array(capacity)
    this.#spareBytes -= capacity
    return spare
  }

  give(buffer: Uint8Array): void {
    this.#used -= buffer.length
    if (this.#spareBytes + buffer.length > SPARE_BYTES) return
    this.#spareBytes += buffer.length
    this.#spare[classOf(buffer.length)]?.push(buffer)
  }
}
