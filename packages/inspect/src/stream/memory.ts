import { LIMITS } from '@sekisho/core'

const SMALLEST = 2_048
/** Buffers are kept for the next stream up to this much; what is beyond is left to the garbage collector. */
const SPARE_BYTES = 16_777_216

/**
 * What all streams together may hold, in buffers of powers of two that go from one stream to the next: a busy stream
 * is empty after each answer and would make a new buffer every time.
 */
export class StreamMemory {
  readonly #limit: number
  readonly #spare = new Map<number, Uint8Array[]>()
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

  /** A buffer of at least `size` bytes, with anything in it; undefined when there is no room for it. */
  take(size: number): Uint8Array | undefined {
    let capacity = SMALLEST
    while (capacity < size) capacity *= 2
    if (this.#used + capacity > this.#limit) return undefined
    this.#used += capacity
    const spare = this.#spare.get(capacity)?.pop()
    if (!spare) return new Uint8Array(capacity)
    this.#spareBytes -= capacity
    return spare
  }

  give(buffer: Uint8Array): void {
    const capacity = buffer.length
    this.#used -= capacity
    if (this.#spareBytes + capacity > SPARE_BYTES) return
    this.#spareBytes += capacity
    const spares = this.#spare.get(capacity)
    if (spares) spares.push(buffer)
    else this.#spare.set(capacity, [buffer])
  }
}
