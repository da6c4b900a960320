/** A read beyond the end of the bytes at hand. The one error a parser may raise; it is caught where parsing starts. */
export class Malformed extends Error {
  override readonly name = 'Malformed'
  readonly at: number
  constructor(reason: string, at: number) {
    super(`${reason} at byte ${at}`)
    this.at = at
  }
}

/**
 * Bounded reader over foreign bytes. A short read raises `Malformed`, never a clamped value;
 * `sub(n)` hands out an inner reader that cannot leave its n bytes.
 */
export class Reader {
  readonly #bytes: Uint8Array
  /** Over the whole buffer, for a parser that cannot afford an object per field and keeps to `at` and `left` itself. */
  readonly view: DataView
  readonly #end: number
  #at: number

  /** @param view over the same bytes; inner readers share the outer one's, which halves their cost. */
  constructor(
    bytes: Uint8Array,
    start = 0,
    end = bytes.length,
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  ) {
    if (start < 0 || end > bytes.length || start > end)
      throw new Malformed('bounds outside the buffer', start)
    this.#bytes = bytes
    this.view = view
    this.#at = start
    this.#end = end
  }

  get at(): number {
    return this.#at
  }
  get left(): number {
    return this.#end - this.#at
  }

  #take(count: number): number {
    if (!Number.isInteger(count) || count < 0 || count > this.left) {
      throw new Malformed(`${count} bytes wanted, ${this.left} left`, this.#at)
    }
    const at = this.#at
    this.#at += count
    return at
  }

  u8(): number {
    return this.view.getUint8(this.#take(1))
  }
  u16be(): number {
    return this.view.getUint16(this.#take(2))
  }
  u32be(): number {
    return this.view.getUint32(this.#take(4))
  }
  u64be(): bigint {
    return this.view.getBigUint64(this.#take(8))
  }
  /** Little-endian, the byte order of netlink headers on the machines Sekisho runs on. */
  u16le(): number {
    return this.view.getUint16(this.#take(2), true)
  }
  u32le(): number {
    return this.view.getUint32(this.#take(4), true)
  }

  /** A view, not a copy: copy it before the buffer is used again. */
  bytes(count: number): Uint8Array {
    const at = this.#take(count)
    return this.#bytes.subarray(at, at + count)
  }
  skip(count: number): void {
    this.#take(count)
  }
  sub(count: number): Reader {
    const at = this.#take(count)
    return new Reader(this.#bytes, at, at + count, this.view)
  }
}
