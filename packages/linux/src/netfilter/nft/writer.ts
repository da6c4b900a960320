const HEADER = 16
const GENERIC = 4
const NESTED = 0x8000
const ASCII_MAX = 0x7f

/**
 * Writes netlink messages end to end into one growing buffer; lengths are filled in when a message or a nest ends.
 * A whole ruleset is tens of megabytes of small attributes, too many for one small array each, and each too short for
 * what copies or encodes many bytes at once.
 */
export class NetlinkWriter {
  /** Enough for the few elements of most transactions: more would be zeroed for each of them. */
  #bytes = new Uint8Array(4_096)
  #view = new DataView(this.#bytes.buffer)
  #at = 0
  #message = 0

  get length(): number {
    return this.#at
  }
  /** A view of what was written; valid until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  #reserve(count: number): number {
    const at = this.#at
    if (at + count > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, at + count))
      larger.set(this.#bytes.subarray(0, at))
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    }
    this.#at = at + count
    return at
  }

  #attribute(type: number, length: number): number {
    const at = this.#reserve(4 + length + (-length & 3))
    this.#view.setUint16(at, 4 + length, true)
    this.#view.setUint16(at + 2, type, true)
    return at + 4
  }

  /** nlmsghdr and nfgenmsg. */
  beginMessage(header: {
    type: number
    flags: number
    sequence: number
    family: number
    resource: number
  }): void {
    const at = this.#reserve(HEADER + GENERIC)
    this.#message = at
    this.#view.setUint16(at + 4, header.type, true)
    this.#view.setUint16(at + 6, header.flags, true)
    this.#view.setUint32(at + 8, header.sequence, true)
    this.#view.setUint8(at + HEADER, header.family)
    this.#view.setUint16(at + HEADER + 2, header.resource)
  }
  endMessage(): void {
    this.#view.setUint32(this.#message, this.#at - this.#message, true)
  }

  /** @returns what `close` is to be told. */
  open(type: number): number {
    const at = this.#reserve(4)
    this.#view.setUint16(at + 2, type | NESTED, true)
    return at
  }
  close(at: number): void {
    this.#view.setUint16(at, this.#at - at, true)
  }
  nest(type: number, content: () => void): void {
    const at = this.open(type)
    content()
    this.close(at)
  }

  u8(type: number, value: number): void {
    const at = this.#attribute(type, 1)
    this.#view.setUint8(at, value)
  }
  u16(type: number, value: number): void {
    const at = this.#attribute(type, 2)
    this.#view.setUint16(at, value)
  }
  u32(type: number, value: number): void {
    const at = this.#attribute(type, 4)
    this.#view.setUint32(at, value)
  }
  u64(type: number, value: number): void {
    const at = this.#attribute(type, 8)
    this.#view.setBigUint64(at, BigInt(value))
  }
  text(type: number, value: string): void {
    const at = this.#attribute(type, value.length + 1)
    const bytes = this.#bytes
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index)
      if (code > ASCII_MAX) throw new TypeError(`not plain ASCII: ${JSON.stringify(value)}`)
      bytes[at + index] = code
    }
  }
  data(type: number, value: Uint8Array): void {
    const at = this.#attribute(type, value.length)
    const bytes = this.#bytes
    for (let index = 0; index < value.length; index++) bytes[at + index] = value[index] ?? 0
  }
}
