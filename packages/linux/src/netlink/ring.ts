import { addressOf, libcRecvmmsg, retrying } from '../libc.ts'

/** struct mmsghdr on 64-bit Linux: msghdr of 56 bytes, then msg_len. */
const HEADER = {
  size: 64,
  name: 0,
  nameLength: 8,
  vectors: 16,
  vectorCount: 24,
  flags: 48,
  length: 56,
} as const
const VECTOR = { size: 16, base: 0, length: 8 } as const
/** struct sockaddr_nl: family:u16 pad:u16 port:u32 groups:u32. */
const NAME = { size: 12, port: 4 } as const
const MSG_TRUNC = 0x20

export interface Received {
  /** Whole datagrams of the kernel, end to end; a copy that may be kept or transferred. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Datagrams cut off because they were larger than a slot, or not sent by the kernel. */
  readonly refused: number
}

/**
 * Everything `recvmmsg` points to, owned by one object. The header array holds the *addresses* of the vectors,
 * names and slots, which the garbage collector cannot see: as long as this object is reachable, so are they.
 * Each lives in an ArrayBuffer of its own, because small typed arrays sit on V8's heap, where they move.
 */
export class ReceiveRing {
  readonly #headers: Uint8Array
  readonly #vectors: Uint8Array
  readonly #names: Uint8Array
  readonly #slots: Uint8Array
  readonly #view: DataView
  readonly #nameView: DataView
  readonly #count: number
  readonly #slotBytes: number

  constructor(count: number, slotBytes: number) {
    const offHeap = (size: number) => new Uint8Array(new ArrayBuffer(size))
    this.#count = count
    this.#slotBytes = slotBytes
    this.#headers = offHeap(count * HEADER.size)
    this.#vectors = offHeap(count * VECTOR.size)
    this.#names = offHeap(count * NAME.size)
    this.#slots = offHeap(count * slotBytes)
    this.#view = new DataView(this.#headers.buffer)
    this.#nameView = new DataView(this.#names.buffer)
    this.#link()
  }

  #link(): void {
    const vectors = new DataView(this.#vectors.buffer)
    const [names, base, slots] = [addressOf(this.#names), addressOf(this.#vectors), addressOf(this.#slots)]
    for (let i = 0; i < this.#count; i++) {
      const at = i * HEADER.size
      this.#view.setBigUint64(at + HEADER.name, names + BigInt(i * NAME.size), true)
      this.#view.setBigUint64(at + HEADER.vectors, base + BigInt(i * VECTOR.size), true)
      this.#view.setBigUint64(at + HEADER.vectorCount, 1n, true)
      vectors.setBigUint64(i * VECTOR.size + VECTOR.base, slots + BigInt(i * this.#slotBytes), true)
      vectors.setBigUint64(i * VECTOR.size + VECTOR.length, BigInt(this.#slotBytes), true)
    }
  }

  /**
   * Receives what is there, up to one datagram per slot.
   * @param flags MSG_DONTWAIT, or MSG_WAITFORONE to block until there is one.
   * @throws SystemError EAGAIN when there is none, ENOBUFS when the kernel had to drop messages.
   */
  receive(fd: number, flags: number): Received {
    const count = this.#fill(fd, flags)
    const accepted = Array.from({ length: count }, (_, i) => this.#accept(i)).filter(
      slot => slot !== undefined,
    )
    const bytes = new Uint8Array(accepted.reduce((sum, slot) => sum + slot.length, 0))
    let at = 0
    for (const slot of accepted) {
      bytes.set(slot, at)
      at += slot.length
    }
    return { bytes, refused: count - accepted.length }
  }

  /**
   * The same without a copy: each datagram is looked at where the kernel put it, before the next call.
   * @returns how many there were, those that were refused included.
   * @throws SystemError as `receive` does.
   */
  visit(fd: number, flags: number, each: (datagram: Uint8Array) => void): number {
    const count = this.#fill(fd, flags)
    for (let i = 0; i < count; i++) {
      const datagram = this.#accept(i)
      if (datagram) each(datagram)
    }
    return count
  }

  #fill(fd: number, flags: number): number {
    for (let i = 0; i < this.#count; i++) {
      this.#view.setUint32(i * HEADER.size + HEADER.nameLength, NAME.size, true)
    }
    return retrying('recvmmsg', () => libcRecvmmsg(fd, this.#headers, this.#count, flags, null))
  }

  /** Any process with CAP_NET_ADMIN may send to our port; only port 0, the kernel, is believed. */
  #accept(index: number): Uint8Array | undefined {
    const at = index * HEADER.size
    const truncated = (this.#view.getUint32(at + HEADER.flags, true) & MSG_TRUNC) !== 0
    const sender = this.#nameView.getUint32(index * NAME.size + NAME.port, true)
    if (truncated || sender !== 0) return undefined
    const start = index * this.#slotBytes
    return this.#slots.subarray(start, start + this.#view.getUint32(at + HEADER.length, true))
  }
}
