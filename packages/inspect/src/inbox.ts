import { copyOf } from './bytes.ts'

/**
 * Collects one side of a stream until a whole message is there. In the usual case, a message whole in one segment,
 * nothing is copied. Between two calls of a reader at most `limit` bytes are held.
 *
 * Use: `push`, then `peek`/`take`/`skip` as far as they go, and `keep` before the call returns, because the pushed view
 * is valid only during it.
 */
export class Inbox {
  readonly #limit: number
  #bytes: Uint8Array = EMPTY
  #at = 0
  /** Bytes to pass over that have not come yet. */
  #debt = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Bytes at hand. */
  get length(): number {
    return this.#bytes.length - this.#at
  }

  /** Whether bytes that were passed over are still to come. */
  get owes(): boolean {
    return this.#debt > 0
  }

  push(bytes: Uint8Array): void {
    const paid = Math.min(this.#debt, bytes.length)
    this.#debt -= paid
    const rest = paid === 0 ? bytes : bytes.subarray(paid)
    this.#bytes = this.length === 0 ? rest : joined(this.#bytes.subarray(this.#at), rest)
    this.#at = 0
  }

  /** The next `count` bytes, left where they are; undefined while they are not all there. */
  peek(count: number): Uint8Array | undefined {
    return count <= this.length ? this.#bytes.subarray(this.#at, this.#at + count) : undefined
  }

  /** All that is at hand, left where it is. */
  all(): Uint8Array {
    return this.#at === 0 ? this.#bytes : this.#bytes.subarray(this.#at)
  }

  take(count: number): Uint8Array | undefined {
    const bytes = this.peek(count)
    if (bytes) this.#at += count
    return bytes
  }

  /** Passes over bytes, also over those that are still to come: bodies are never held. */
  skip(count: number): void {
    const here = Math.min(count, this.length)
    this.#at += here
    this.#debt += count - here
  }

  /** @returns false when more is left than may be held: the message is too long to be read. Then all is let go. */
  keep(): boolean {
    const fits = this.length <= this.#limit
    this.#bytes = fits && this.length > 0 ? copyOf(this.#bytes.subarray(this.#at)) : EMPTY
    this.#at = 0
    return fits
  }
}

const EMPTY = new Uint8Array()

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length)
  all.set(a)
  all.set(b, a.length)
  return all
}
