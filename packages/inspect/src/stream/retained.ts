import { LIMITS } from '@sekisho/core'
import type { StreamMemory } from './memory.ts'

const NONE = new Uint8Array()

/** Bytes that passed and that the receiver has not acknowledged: a ring, to compare repetitions with. */
export class Retained {
  readonly #memory: StreamMemory
  #ring: Uint8Array = NONE
  #from = 0
  #length = 0

  constructor(memory: StreamMemory) {
    this.#memory = memory
  }

  get length(): number {
    return this.#length
  }

  /** @returns false, with nothing changed, when they would be more than may be held. */
  append(bytes: Uint8Array): boolean {
    const needed = this.#length + bytes.length
    if (needed > LIMITS.streamUnacknowledgedBytes.value) return false
    if (needed > this.#ring.length && !this.#grow(needed)) return false
    const at = (this.#from + this.#length) & (this.#ring.length - 1)
    const room = this.#ring.length - at
    if (bytes.length <= room) this.#ring.set(bytes, at)
    else {
      this.#ring.set(bytes.subarray(0, room), at)
      this.#ring.set(bytes.subarray(room), 0)
    }
    this.#length = needed
    return true
  }

  /** Forgets the first `count` bytes, or all that there are. */
  release(count: number): void {
    if (count >= this.#length) this.clear()
    else {
      this.#from = (this.#from + count) & (this.#ring.length - 1)
      this.#length -= count
    }
  }

  clear(): void {
    if (this.#ring.length > 0) this.#memory.give(this.#ring)
    this.#ring = NONE
    this.#from = 0
    this.#length = 0
  }

  /** Whether the retained bytes from `at` on begin with `bytes[from]` to `bytes[to - 1]`. */
  equals(at: number, bytes: Uint8Array, from: number, to: number): boolean {
    const mask = this.#ring.length - 1
    const start = this.#from + at
    for (let i = from; i < to; i++) if (this.#ring[(start + i - from) & mask] !== bytes[i]) return false
    return true
  }

  #grow(size: number): boolean {
    const larger = this.#memory.take(size)
    if (!larger) return false
    if (this.#length > 0) this.#copyTo(larger)
    if (this.#ring.length > 0) this.#memory.give(this.#ring)
    this.#ring = larger
    this.#from = 0
    return true
  }

  #copyTo(larger: Uint8Array): void {
    const first = this.#ring.subarray(this.#from, this.#from + this.#length)
    larger.set(first)
    larger.set(this.#ring.subarray(0, this.#length - first.length), first.length)
  }
}
