const EMPTY = new Uint8Array()

/**
 * Collects one side of a stream until a whole message is there. In the usual case, a message whole in one segment,
 * nothing is copied; one that comes byte by byte is copied as often as its length doubles. Between two calls of a reader
 * at most `limit` bytes are held.
 *
 * Use: `push`, then `peek`/`take`/`skip` as far as they go, and `keep` before the call returns, because the pushed view
 * is valid only during it.
 */
export class Inbox {
  readonly #limit: number
  /** What is at hand lies in it from `#at` to `#end`: the pushed view, or the store. */
  #bytes: Uint8Array = EMPTY
  #at = 0
  #end = 0
  /** Ours, with room to grow; what is kept lies in it. */
  #store: Uint8Array = EMPTY
  /** Bytes to pass over that have not come yet. */
  #debt = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Bytes at hand. */
  get length(): number {
    return this.#end - this.#at
  }

  /** Whether bytes that were passed over are still to come. */
  get owes(): boolean {
    return this.#debt > 0
  }

  push(bytes: Uint8Array): void {
    const paid = Math.min(this.#debt, bytes.length)
    this.#debt -= paid
    const rest = paid === 0 ? bytes : bytes.subarray(paid)
    if (this.length === 0) {
      this.#bytes = rest
      this.#at = 0
      this.#end = rest.length
      return
    }
    const hasRoom = this.#bytes === this.#store && this.#store.length - this.#end >= rest.length
    if (!hasRoom) this.#moveTo(new Uint8Array(2 * (this.length + rest.length)))
    this.#store.set(rest, this.#end)
    this.#end += rest.length
  }

  /** The next `count` bytes, left where they are; undefined while they are not all there. */
  peek(count: number): Uint8Array | undefined {
    return count <= this.length ? this.#bytes.subarray(this.#at, this.#at + count) : undefined
  }

  /** All that is at hand, left where it is. */
  all(): Uint8Array {
    const isWhole = this.#at === 0 && this.#end === this.#bytes.length
    return isWhole ? this.#bytes : this.#bytes.subarray(this.#at, this.#end)
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
    if (!fits || this.length === 0) {
      this.#bytes = this.#store = EMPTY
      this.#at = this.#end = 0
    } else if (this.#bytes !== this.#store) this.#moveTo(new Uint8Array(this.length))
    return fits
  }

  #moveTo(store: Uint8Array): void {
    const { length } = this
    store.set(this.#bytes.subarray(this.#at, this.#end))
    this.#bytes = this.#store = store
    this.#at = 0
    this.#end = length
  }
}
