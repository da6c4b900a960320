import { type PacketHeader, TCP } from '@sekisho/inspect'

const HELD = 64

/**
 * One side of a captured TCP connection, put in order. Captures begin in the middle and have holes, which no receiver
 * had: after a while a hole is passed over. Only for measuring; packets that are judged go through the strict stream.
 */
export class LenientStream {
  #next: number | undefined
  readonly #held = new Map<number, Uint8Array>()

  /** @returns what is next in order, in the pieces in which it came. */
  offer(header: PacketHeader, payload: Uint8Array): readonly Uint8Array[] {
    if ((header.flags & TCP.SYN) !== 0) {
      this.#next = (header.sequence + 1) >>> 0
      this.#held.clear()
      if (payload.length === 0) return []
    }
    const start = (header.flags & TCP.SYN) !== 0 ? (header.sequence + 1) >>> 0 : header.sequence
    if (payload.length === 0) return []
    this.#next ??= start
    const ahead = (start - this.#next) | 0
    if (ahead > 0) {
      this.#held.set(start, payload.slice())
      return this.#held.size > HELD ? this.#jump() : []
    }
    if (-ahead >= payload.length) return []
    return [this.#pass(payload.subarray(-ahead)), ...this.#drain()]
  }

  /** What is still held at the end, holes passed over. */
  end(): readonly Uint8Array[] {
    const pieces: Uint8Array[] = []
    while (this.#held.size > 0) pieces.push(...this.#jump())
    return pieces
  }

  #pass(bytes: Uint8Array): Uint8Array {
    this.#next = ((this.#next ?? 0) + bytes.length) >>> 0
    return bytes
  }

  #drain(): Uint8Array[] {
    const pieces: Uint8Array[] = []
    for (const [start, bytes] of [...this.#held].toSorted(([a], [b]) => (a - b) | 0)) {
      const ahead = (start - (this.#next ?? 0)) | 0
      if (ahead > 0) break
      this.#held.delete(start)
      if (-ahead < bytes.length) pieces.push(this.#pass(bytes.subarray(-ahead)))
    }
    return pieces
  }

  #jump(): Uint8Array[] {
    const starts = [...this.#held.keys()].toSorted((a, b) => (a - b) | 0)
    this.#next = starts[0]
    return this.#drain()
  }
}
